// How fast the switch is with so many active flows, and how much memory queues take while 1,000 of many flows are active.
import { below, SeededRng } from '../../../src/base/rng.ts';
import { flowSequence, type Mixture } from './mixtures.ts';
import { Rig } from './rig.ts';

const BATCH = 64;
const SEQUENCE = 1 << 20;
const MOST_FLOWS = 16_384;
/** Of a ring: 64 records of eight bytes. */
export const RING_BYTES = 512;

export interface ActiveFlowFigures {
  readonly packetsPerSecond: number;
  readonly collisions: number;
  readonly drops: number;
}

/** One frame after the other of whichever flow, through the whole switch, each into its flow's queue. */
export function activeFlows(
  mixture: Mixture,
  flows: number,
  warmUpMillis: number,
  millis: number,
): ActiveFlowFigures {
  const rig = new Rig({}, { queues: MOST_FLOWS });
  const { vswitch, sender, receiver } = rig;
  const sequence = flowSequence(mixture, flows, SEQUENCE, new SeededRng(flows));
  let next = 0;
  const turns = (until: number): number => {
    let frames = 0;
    while (performance.now() < until) {
      for (let turn = 0; turn < 16; turn++) {
        for (let i = 0; i < BATCH; i++) sender.send(sequence[next++ & (SEQUENCE - 1)]!);
        vswitch.run(performance.now() * 1000);
        frames += receiver.read(BATCH);
      }
    }
    return frames;
  };
  turns(performance.now() + warmUpMillis);
  const from = performance.now();
  const frames = turns(from + millis);
  const packetsPerSecond = (frames / (performance.now() - from)) * 1000;
  return { packetsPerSecond, collisions: receiver.collisions, drops: rig.drops };
}

export interface TurnoverFigures {
  readonly collisions: number;
  readonly drops: number;
  /** Of rings, at most at once. */
  readonly mostBytes: number;
  /** Which flows were active together. */
  readonly epochs: readonly Uint16Array[];
}

/** Flows come and go, `active` of `flows` at a time, each with some frames that wait in the switch. */
export function turnover(
  flows: number,
  active: number,
  framesOfEach: number,
  epochs: number,
): TurnoverFigures {
  const rig = new Rig({}, { queues: MOST_FLOWS });
  const { vswitch, sender, receiver } = rig;
  const { pool } = vswitch.waiting.memory;
  const rng = new SeededRng(flows);
  const capacity = pool.free;
  const seen: Uint16Array[] = [];
  let mostRings = 0;
  let now = 0;
  const turn = () => {
    now += 10;
    vswitch.run(now);
  };
  for (let epoch = 0; epoch < epochs; epoch++) {
    const together = new Set<number>();
    while (together.size < active) together.add(below(rng, flows));
    const members = Uint16Array.from(together);
    seen.push(members);
    receiver.isAway = true;
    for (let frame = 0; frame < framesOfEach; frame++) for (const flow of members) sender.send(flow);
    while (sender.unsent > 0) turn();
    mostRings = Math.max(mostRings, capacity - pool.free);
    receiver.isAway = false;
    do turn();
    while (receiver.read(Number.MAX_SAFE_INTEGER) > 0);
    receiver.finish();
    turn();
  }
  const { framesShared } = vswitch.waiting.receive.backlog;
  return {
    collisions: receiver.collisions + framesShared,
    drops: rig.drops,
    mostBytes: mostRings * RING_BYTES,
    epochs: seen,
  };
}
