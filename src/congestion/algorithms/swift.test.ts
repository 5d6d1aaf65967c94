// The program in whole numbers against Swift's algorithm 1 in floating point, acknowledgement by acknowledgement.
import { describe, expect, test } from 'vitest';
import { itForSeeds } from '../../../test/support/seeds.ts';
import { below, chance, SeededRng } from '../../base/rng.ts';
import type { Values } from '../algorithm.ts';
import { Machine } from '../interpreter/machine.ts';
import { load } from '../interpreter/run.testing.ts';
import type { CompiledProgram } from '../language/compiler.ts';
import { signals } from '../language/signals.ts';
import { ewma } from '../language/values.ts';
import { DATA_CENTRE_SWIFT, swift } from './swift.ts';

const MSS = 1500;
const HOPS = 5;

interface Sample {
  readonly nowMicros: number;
  readonly fabricMicros: number;
  readonly endpointMicros: number;
  readonly ackedBytes: number;
  readonly isLoss: boolean;
}

function datapath() {
  let machine: Machine | undefined;
  const flow = {
    ...{ id: 1, mssBytes: MSS, initialCwndBytes: 10 * MSS, protocol: 'bifrost' as const },
    ...{ source: 'a', sourcePort: 1, destination: 'b', destinationPort: 2 },
  };
  const install = (program: CompiledProgram, values: Values = {}) => {
    machine = new Machine(load(program), 0);
    for (const [name, value] of Object.entries(values)) machine.set(program.registers.get(name)!, value);
  };
  swift().onCreate({ flow, install, update() {} }, 0);
  return (sample: Sample): number => {
    const seen = machine!.signals;
    seen[signals['Ack.now']] = sample.nowMicros;
    seen[signals['Ack.bytes_acked']] = sample.ackedBytes;
    seen[signals['Ack.lost_pkts_sample']] = Number(sample.isLoss);
    seen[signals['Flow.rtt_sample_us']] = sample.fabricMicros + sample.endpointMicros;
    seen[signals['Flow.fabric_delay_us']] = sample.fabricMicros;
    seen[signals['Flow.endpoint_delay_us']] = sample.endpointMicros;
    seen[signals['Flow.hops']] = HOPS;
    machine!.run(sample.nowMicros);
    return machine!.cwnd / MSS;
  };
}

/** Algorithm 1 with the target of §3.5, in packets. */
class Reference {
  private fabric = 10;
  private endpoint = 10;
  private endpointDelay = 0;
  private lastCutMicros = 0;

  get targetMicros(): number {
    const { baseTargetMicros, hopMicros, flowScalingMicros: range } = DATA_CENTRE_SWIFT;
    const alpha = range / (1 - 1 / Math.sqrt(100));
    const scaled = alpha / Math.sqrt(this.fabric) - alpha / Math.sqrt(100);
    return baseTargetMicros + hopMicros * HOPS + Math.min(range, Math.max(0, scaled));
  }

  take({ nowMicros, fabricMicros, endpointMicros, ackedBytes, isLoss }: Sample): number {
    const { endpointTargetMicros } = DATA_CENTRE_SWIFT;
    const mayCut = nowMicros - this.lastCutMicros >= fabricMicros + endpointMicros;
    this.endpointDelay = ewma(8, this.endpointDelay, endpointMicros);
    const target = this.targetMicros;
    const next = (cwnd: number, delay: number, goal: number) => {
      if (delay < goal) return cwnd + ackedBytes / MSS / cwnd;
      return mayCut ? cwnd * Math.max(0.5, 1 - (0.8 * (delay - goal)) / delay) : cwnd;
    };
    const isCut = mayCut && (isLoss || fabricMicros >= target || this.endpointDelay >= endpointTargetMicros);
    this.fabric = isLoss && mayCut ? this.fabric / 2 : next(this.fabric, fabricMicros, target);
    this.endpoint =
      isLoss && mayCut ? this.endpoint / 2 : next(this.endpoint, this.endpointDelay, endpointTargetMicros);
    if (isCut) this.lastCutMicros = nowMicros;
    this.fabric = Math.min(Math.max(1, this.fabric), 2 * Math.max(1, this.endpoint));
    this.endpoint = Math.min(Math.max(1, this.endpoint), 2 * this.fabric);
    return Math.min(this.fabric, this.endpoint);
  }
}

itForSeeds('the program follows the algorithm to within a twentieth', 20, (seed) => {
  const rng = new SeededRng(seed);
  const [program, reference] = [datapath(), new Reference()];
  let [nowMicros, fabricMicros, endpointMicros] = [1000, 60, 20];
  for (let i = 0; i < 2000; i++) {
    nowMicros += 1 + below(rng, 20);
    fabricMicros = Math.max(20, Math.min(300, fabricMicros + below(rng, 21) - 10));
    // Not where rounding would decide on which side of the target it is.
    if (Math.abs(fabricMicros - reference.targetMicros) < 3) fabricMicros += 6;
    endpointMicros = chance(rng, 0.01) ? 100 : endpointMicros === 100 && chance(rng, 0.9) ? 100 : 20;
    const ackedBytes = MSS * (1 + below(rng, 3));
    const sample = { nowMicros, fabricMicros, endpointMicros, ackedBytes, isLoss: chance(rng, 0.005) };
    expect(Math.abs(program(sample) / reference.take(sample) - 1)).toBeLessThan(0.05);
  }
});

describe('a delay', () => {
  const sample = { ackedBytes: MSS, isLoss: false, fabricMicros: 30, endpointMicros: 10 };
  test('in the fabric shrinks the window by at most half', () => {
    const program = datapath();
    const before = program({ ...sample, nowMicros: 1000 });
    expect(program({ ...sample, nowMicros: 20_000, fabricMicros: 10_000 }) / before).toBeCloseTo(0.5, 1);
    // The same round trip is answered once.
    expect(program({ ...sample, nowMicros: 20_001, fabricMicros: 10_000 }) / before).toBeCloseTo(0.5, 1);
  });

  test('is allowed to be longer over more hops', () => {
    const program = datapath();
    const long = {
      ...sample,
      fabricMicros: DATA_CENTRE_SWIFT.baseTargetMicros + HOPS * DATA_CENTRE_SWIFT.hopMicros - 1,
    };
    const before = program({ ...long, nowMicros: 1000 });
    expect(program({ ...long, nowMicros: 2000 })).toBeGreaterThan(before);
  });
});
