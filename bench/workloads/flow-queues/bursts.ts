// Bursts to a receiver that takes many packets at a time and then none for a while: in virtual time, so that what differs are
// the queues alone.
import { SeededRng } from '../../../src/base/rng.ts';
import type { SwitchConfig } from '../../../src/vswitch/config.ts';
import { Rig } from './rig.ts';

const STEP_MICROS = 10;
const BURSTY_FLOWS = 16;
/** It sends single packets between the others' bursts. */
const SPARSE_FLOW = 100;
const SPARSE_EVERY_MICROS = 500;
/** The receiver takes so many at once, that often. */
const PULL_PACKETS = 1024;
const PULL_EVERY_MICROS = 1000;
/** Of what the receiver could take, what is sent. */
const LOAD = 0.8;

export interface BurstFigures {
  readonly pausesPerSecond: number;
  readonly packetsPerSecond: number;
  /** Of the packets that were sent, those that had come by then. */
  readonly delivered: number;
  readonly latencyMicros: number;
  readonly p99Micros: number;
  readonly sparseP99Micros: number;
  readonly drops: number;
}

export function bursts(
  queues: Pick<SwitchConfig, 'pauses' | 'receive'>,
  burstPackets: number,
  virtualMillis: number,
): BurstFigures {
  const latencies: number[] = [];
  const sparse: number[] = [];
  let now = 0;
  const onRead = (flow: number, stamp: number) =>
    (flow === SPARSE_FLOW ? sparse : latencies).push(now - stamp);
  const rig = new Rig(queues, { queues: 256, onRead });
  const { vswitch, sender, receiver } = rig;
  const rng = new SeededRng(burstPackets);
  const perMicro = (LOAD * PULL_PACKETS) / PULL_EVERY_MICROS;
  const meanGap = (burstPackets * BURSTY_FLOWS) / perMicro;
  const nextAt = Array.from({ length: BURSTY_FLOWS }, () => exponential(rng, meanGap));
  let nextSparse = 0;
  let sent = 0;
  let left = 0;
  let stops = 0;
  let wasStopped = false;
  const turn = () => {
    vswitch.run(now);
    const isStopped = vswitch.waiting.receive.stopsEverybody;
    if (isStopped && !wasStopped) stops++;
    wasStopped = isStopped;
  };
  const end = virtualMillis * 1000;
  for (; now < end; now += STEP_MICROS) {
    for (let flow = 0; flow < BURSTY_FLOWS; flow++) {
      while (nextAt[flow]! <= now) {
        for (let i = 0; i < burstPackets; i++) sender.send(flow, now);
        sent += burstPackets;
        nextAt[flow]! += exponential(rng, meanGap);
      }
    }
    if (now >= nextSparse) {
      sender.send(SPARSE_FLOW, now);
      sent++;
      nextSparse += SPARSE_EVERY_MICROS;
    }
    turn();
    if (now % PULL_EVERY_MICROS === 0) left = PULL_PACKETS;
    if (left === 0) continue;
    // The switch goes on while the receiver reads; the batch ends when there is nothing.
    const read = receiver.read(left);
    left = read === 0 ? 0 : left - read;
  }
  latencies.sort((a, b) => a - b);
  sparse.sort((a, b) => a - b);
  const received = latencies.length + sparse.length;
  const mean = latencies.reduce((sum, each) => sum + each, 0) / latencies.length;
  return {
    pausesPerSecond: ((stops + sender.holds) / virtualMillis) * 1000,
    packetsPerSecond: (received / virtualMillis) * 1000,
    delivered: received / sent,
    latencyMicros: mean,
    p99Micros: latencies[Math.floor(latencies.length * 0.99)] ?? Number.NaN,
    sparseP99Micros: sparse[Math.floor(sparse.length * 0.99)] ?? Number.NaN,
    drops: rig.drops,
  };
}

function exponential(rng: SeededRng, mean: number): number {
  return -mean * Math.log((rng.u32() + 1) / 2 ** 32);
}
