// Swift as a program in the transport's datapath against the transport's own, told the same by the same interface: many
// acknowledgements without a measurement, losses between them, and several slots at once.
import { expect } from 'vitest';
import { itForSeeds } from '../../../test/support/seeds.ts';
import { below, chance, SeededRng } from '../../base/rng.ts';
import { swift as swiftProgram } from '../algorithms/swift.ts';
import { ControlPlane } from '../control-plane.ts';
import type { CongestionController } from '../controller.ts';
import { DEFAULT_TARGETS, flowScaling, swift } from '../swift.ts';
import { PlaneLinks } from './links.ts';
import { readFromDatapath } from './message-reader.ts';
import { MAX_MESSAGE_BYTES, MessageRing, newRingMemory } from './message-ring.ts';
import { MessageWriter } from './message-writer.ts';
import { PlaneDatapath } from './plane-datapath.ts';

const MSS = 1400;
const MOST = 512;
const HOPS = 5;

/** The transport's side, and Swift's control plane behind a link. */
function governed() {
  const [toAlgorithm, fromAlgorithm] = [new MessageRing(newRingMemory()), new MessageRing(newRingMemory())];
  const writer = new MessageWriter();
  const plane = new ControlPlane(swiftProgram({ maxCwndPackets: MOST }), {
    command: (flow, command) => fromAlgorithm.push(writer.bytes, writer.command(flow, command)),
    failed: (_, error) => {
      throw error;
    },
  });
  const links = new PlaneLinks();
  links.links = [{ id: 1, algorithm: 'swift-program', toAlgorithm, fromAlgorithm, ring: () => {} }];
  const placeOf = () => ({ vni: 77, peer: '10.0.2.1', localMac: 1, remoteMac: 2 });
  const datapath = new PlaneDatapath({
    mssBytes: MSS,
    maxCwndBytes: MOST * MSS,
    links,
    placeOf,
    nowMicros: 0,
  });
  const message = new Uint8Array(MAX_MESSAGE_BYTES);
  const turn = (now: number) => {
    datapath.flush();
    for (let length = toAlgorithm.pop(message); length > 0; length = toAlgorithm.pop(message)) {
      const said = readFromDatapath(message, length)!;
      if (said.kind === 'create') plane.open(said.flow, said.nowMicros);
      else if (said.kind === 'report') plane.report(said);
    }
    datapath.run(now);
  };
  return { datapath, turn, controller: datapath.algorithm(0, 'swift-program').create() };
}

/** Where rounding would decide, both may be right. */
function isClose(
  native: CongestionController,
  slot: number,
  sample: { nowMicros: number; fabricMicros: number; endpointMicros: number; rttMicros: number },
) {
  const { state } = native as unknown as { state: Float64Array };
  const [fabric = 0, cut = 0, , endpointCut = 0, rtt = 0] = state.subarray(slot * 8);
  const { alpha, beta } = flowScaling(DEFAULT_TARGETS);
  const scaled = Math.max(0, Math.min(DEFAULT_TARGETS.rangeMicros, alpha / Math.sqrt(fabric) + beta));
  const target = DEFAULT_TARGETS.baseMicros + HOPS * DEFAULT_TARGETS.perHopMicros + scaled;
  const next = rtt + (sample.rttMicros - rtt) / 8;
  const edges = [cut, endpointCut].flatMap((at) => [at + rtt, at + next]);
  return (
    Math.abs(sample.fabricMicros - target) < 15 ||
    edges.some((edge) => Math.abs(sample.nowMicros - edge) < 10)
  );
}

itForSeeds('the program does on the transport as its own Swift does, to within a twentieth', 10, (seed) => {
  const rng = new SeededRng(seed);
  const native = swift({ packetBytes: MSS, maxCwndPackets: MOST }).create();
  const { controller, turn, datapath } = governed();
  const both = [native, controller];
  let nowMicros = 100_000;
  const fabric = [300, 400, 500];
  // Flows become known by an acknowledgement, which the program has not seen then.
  for (const slot of [0, 1, 2]) {
    controller.onAck({
      nowMicros,
      slot,
      ackedBytes: 0,
      rttMicros: 0,
      fabricMicros: 0,
      endpointMicros: 0,
      hops: 0,
      markedPackets: 0,
      inFlightBytes: 0,
    });
  }
  turn(nowMicros);
  turn(nowMicros);
  let compared = 0;
  for (let i = 0; i < 4000; i++) {
    nowMicros += 1 + below(rng, 60);
    const slot = below(rng, 3);
    fabric[slot] = Math.max(100, Math.min(2000, fabric[slot]! + below(rng, 161) - 80));
    const isSample = chance(rng, 0.3);
    const fabricMicros = fabric[slot]!;
    const delays = isSample
      ? { rttMicros: fabricMicros + 500, fabricMicros, endpointMicros: 500, hops: HOPS }
      : { rttMicros: 0, fabricMicros: 0, endpointMicros: 0, hops: 0 };
    const ackedBytes = MSS * (1 + below(rng, 3));
    if (
      isClose(native, slot, { nowMicros, fabricMicros, endpointMicros: 500, rttMicros: fabricMicros + 500 })
    )
      continue;
    const isLoss = chance(rng, 0.01);
    const isTimeout = !isLoss && chance(rng, 0.003);
    for (const each of both) {
      const common = { nowMicros, slot, inFlightBytes: 20 * MSS };
      if (isLoss) each.onLoss({ ...common, lostBytes: MSS });
      if (isTimeout) each.onTimeout(slot, nowMicros);
      else each.onAck({ ...common, ...delays, ackedBytes, markedPackets: 0 });
    }
    turn(nowMicros);
    const [theirs, ours] = both.map((each) => Math.max(MSS, each.cwndBytes(slot)));
    expect(ours! / theirs!).toBeCloseTo(1, 1.3);
    compared++;
  }
  expect(compared).toBeGreaterThan(2000);
  expect(datapath.flowsOf('swift-program')).toEqual({ controlled: 3, fallback: 0 });
});
