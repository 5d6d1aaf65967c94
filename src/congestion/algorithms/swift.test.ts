// The program in whole numbers against the transport's Swift in floating point, acknowledgement by acknowledgement.
import { describe, expect, test } from 'vitest';
import { itForSeeds } from '../../../test/support/seeds.ts';
import { below, chance, SeededRng } from '../../base/rng.ts';
import type { Values } from '../algorithm.ts';
import { Machine } from '../interpreter/machine.ts';
import { load } from '../interpreter/run.testing.ts';
import type { CompiledProgram } from '../language/compiler.ts';
import { signals } from '../language/signals.ts';
import { DEFAULT_TARGETS, flowScaling, swift as nativeSwift } from '../swift.ts';
import { swift } from './swift.ts';

const MSS = 1500;
const HOPS = 5;
const MOST = 512;
const FABRIC_TARGET = DEFAULT_TARGETS.baseMicros + HOPS * DEFAULT_TARGETS.perHopMicros;

interface Sample {
  readonly nowMicros: number;
  readonly kind: 'ack' | 'lossy ack' | 'marked ack' | 'timeout';
  readonly fabricMicros: number;
  readonly endpointMicros: number;
  readonly ackedBytes: number;
}

/** In packets, a part of one when the rate says so. */
function program() {
  let machine: Machine | undefined;
  const sizes = { mssBytes: MSS, initialCwndBytes: 64 * MSS };
  const places = { source: 'a', sourcePort: 1, destination: 'b', destinationPort: 2 };
  const install = (compiled: CompiledProgram, values: Values = {}) => {
    machine = new Machine(load(compiled), 0);
    for (const [name, value] of Object.entries(values)) machine.set(compiled.registers.get(name)!, value);
  };
  const flow = { id: 1, protocol: 'bifrost' as const, ...sizes, ...places };
  swift({ maxCwndPackets: MOST }).onCreate({ flow, install, update() {} }, 0);
  return ({
    nowMicros,
    kind,
    fabricMicros,
    endpointMicros,
    ackedBytes,
  }: Sample): { cwnd: number; rate: number } => {
    const seen = machine!.signals;
    const isTimeout = kind === 'timeout';
    seen[signals['Ack.now']] = nowMicros;
    seen[signals['Ack.bytes_acked']] = isTimeout ? 0 : ackedBytes;
    seen[signals['Ack.lost_pkts_sample']] = kind === 'lossy ack' ? 1 : 0;
    seen[signals['Ack.ecn_packets']] = kind === 'marked ack' ? 1 : 0;
    seen[signals['Flow.was_timeout']] = isTimeout ? 1 : 0;
    seen[signals['Flow.rtt_sample_us']] = fabricMicros + endpointMicros;
    seen[signals['Flow.fabric_delay_us']] = fabricMicros;
    seen[signals['Flow.endpoint_delay_us']] = endpointMicros;
    seen[signals['Flow.hops']] = HOPS;
    seen[signals['Ack.is_sample']] = isTimeout ? 0 : 1;
    machine!.run(nowMicros);
    return { cwnd: machine!.cwnd, rate: machine!.rate };
  };
}

function native() {
  const controller = nativeSwift({ packetBytes: MSS, maxCwndPackets: MOST }).create();
  const take = ({ nowMicros, kind, fabricMicros, endpointMicros, ackedBytes }: Sample) => {
    const common = { nowMicros, slot: 0, inFlightBytes: 0 };
    if (kind === 'lossy ack') controller.onLoss({ ...common, lostBytes: MSS });
    if (kind === 'timeout') controller.onTimeout(0, nowMicros);
    else {
      const delays = { rttMicros: fabricMicros + endpointMicros, fabricMicros, endpointMicros, hops: HOPS };
      controller.onAck({ ...common, ...delays, ackedBytes, markedPackets: kind === 'marked ack' ? 1 : 0 });
    }
    return { cwnd: controller.cwndBytes(0), rate: controller.pacingBytesPerSecond(0) };
  };
  /** Moves a sample away from where rounding would decide: the fabric's target, a round trip after a decrease. */
  const clear = (sample: Sample): Sample => {
    const { state } = controller as unknown as { state: Float64Array };
    const [fabric = 0, fabricCut = 0, , endpointCut = 0, rtt = 0] = state;
    const { alpha, beta } = flowScaling(DEFAULT_TARGETS);
    const scaled = Math.min(DEFAULT_TARGETS.rangeMicros, alpha / Math.sqrt(fabric) + beta);
    const target = FABRIC_TARGET + Math.max(0, scaled);
    const fabricMicros = sample.fabricMicros + (Math.abs(sample.fabricMicros - target) < 15 ? 40 : 0);
    const next = rtt + (fabricMicros + sample.endpointMicros - rtt) / 8;
    const edges = [fabricCut, endpointCut].flatMap((cut) => [cut + rtt, cut + next]);
    let { nowMicros } = sample;
    while (edges.some((edge) => Math.abs(nowMicros - edge) < 8)) nowMicros++;
    return { ...sample, fabricMicros, nowMicros };
  };
  return { take, clear };
}

function randomKind(rng: SeededRng): Sample['kind'] {
  if (chance(rng, 0.99)) return 'ack';
  return (['lossy ack', 'marked ack', 'timeout', 'timeout'] as const)[below(rng, 4)]!;
}

itForSeeds('the program does as the transport does, to within a twentieth', 20, (seed) => {
  const rng = new SeededRng(seed);
  const [ours, theirs] = [program(), native()];
  let [nowMicros, fabricMicros, endpointMicros] = [100_000, 300, 500];
  for (let i = 0; i < 3000; i++) {
    nowMicros += 1 + below(rng, 60);
    fabricMicros = Math.max(100, Math.min(2000, fabricMicros + below(rng, 81) - 40));
    if (chance(rng, 0.002)) endpointMicros = endpointMicros === 500 ? 20_000 : 500;
    const ackedBytes = MSS * (1 + below(rng, 3));
    const kind = randomKind(rng);
    const sample = theirs.clear({ nowMicros, kind, fabricMicros, endpointMicros, ackedBytes });
    ({ nowMicros } = sample);
    const [mine, reference] = [ours(sample), theirs.take(sample)];
    expect(mine.cwnd / Math.max(MSS, reference.cwnd)).toBeCloseTo(1, 1.3);
    if (reference.cwnd < MSS * 0.95) expect(mine.rate / reference.rate).toBeCloseTo(1, 1.3);
    if (reference.cwnd > MSS * 1.05) expect(mine.rate).toBe(0);
  }
});

describe('a delay', () => {
  const sample: Sample = {
    nowMicros: 100_000,
    kind: 'ack',
    ackedBytes: MSS,
    fabricMicros: 200,
    endpointMicros: 100,
  };

  test('in the fabric shrinks the window by at most half, once a round trip', () => {
    const run = program();
    const before = run(sample).cwnd;
    expect(run({ ...sample, nowMicros: 200_000, fabricMicros: 90_000 }).cwnd / before).toBeCloseTo(0.5, 2);
    expect(run({ ...sample, nowMicros: 200_001, fabricMicros: 90_000 }).cwnd / before).toBeCloseTo(0.5, 2);
  });

  test('is allowed to be longer over more hops', () => {
    const run = program();
    const long = { ...sample, fabricMicros: FABRIC_TARGET - 1 };
    const before = run(long).cwnd;
    expect(run({ ...long, nowMicros: 200_000 }).cwnd).toBeGreaterThan(before);
  });
});
