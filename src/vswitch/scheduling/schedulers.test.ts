import { describe, expect, it } from 'vitest';
import { below, SeededRng } from '../../base/rng.ts';
import { PRIORITIES, type Scheduler, type SchedulerName } from './scheduler.ts';
import { newScheduler, type SchedulerState, schedulerFrom } from './schedulers.ts';

interface Flow {
  weight: number;
  priority: number;
  bytes: number;
  served: number;
}

/** Flows that always have another frame. */
class Flows {
  readonly flows: Flow[] = [];
  readonly scheduler: Scheduler;
  now = 0;

  constructor(name: SchedulerName) {
    this.scheduler = newScheduler(name, this);
  }

  frontBytes(flow: number): number {
    return this.flows[flow]!.bytes;
  }
  weightOf(flow: number): number {
    return this.flows[flow]!.weight;
  }
  priorityOf(flow: number): number {
    return this.flows[flow]!.priority;
  }

  add(bytes: number, weight = 1, priority = 0, link = 0): number {
    const flow = this.flows.push({ weight, priority, bytes, served: 0 }) - 1;
    this.scheduler.add(this.now, link, flow);
    return flow;
  }

  /** The flows that the next turns are of. */
  serve(turns: number, link = 0): number[] {
    return Array.from({ length: turns }, () => {
      const flow = this.scheduler.next(link);
      if (flow >= 0) {
        const { bytes } = this.flows[flow]!;
        this.flows[flow]!.served += bytes;
        this.scheduler.served(this.now, flow, bytes);
      }
      return flow;
    });
  }
}

const shares = ({ flows }: Flows) => flows.map(({ served }) => served);

describe('deficit round robin', () => {
  it('gives equal bytes to flows of different frames, and by weight where weights differ', () => {
    const all = new Flows('drr');
    for (const bytes of [64, 700, 1500, 9000, 65_000]) all.add(bytes);
    all.serve(40_000);
    const equal = shares(all);
    expect(Math.max(...equal) - Math.min(...equal)).toBeLessThan(2 * 65_000);
    const weighted = new Flows('drr');
    for (const weight of [1, 2, 5]) weighted.add(1000, weight);
    weighted.serve(8000);
    const [one, two, five] = shares(weighted);
    expect(two! / one!).toBeCloseTo(2, 1);
    expect(five! / one!).toBeCloseTo(5, 1);
  });

  it('serves a more urgent priority first, and the others when it has nothing', () => {
    const all = new Flows('drr');
    const late = all.add(1000, 1, PRIORITIES - 1);
    const urgent = [all.add(1000, 1, 2), all.add(1000, 1, 2)];
    expect(new Set(all.serve(100))).toEqual(new Set(urgent));
    for (const flow of urgent) all.scheduler.remove(flow);
    expect(all.serve(2)).toEqual([late, late]);
  });

  it('lets nobody save up turns by having nothing to send', () => {
    const all = new Flows('drr');
    const [steady, returning] = [all.add(1000), all.add(1000)];
    for (let i = 0; i < 500; i++) {
      const [flow] = all.serve(1);
      // A frame at a time.
      if (flow !== returning) continue;
      all.scheduler.remove(returning);
      all.scheduler.add(0, 0, returning);
    }
    expect(all.flows[returning]!.served).toBeLessThanOrEqual(all.flows[steady]!.served);
  });

  it('has a large frame wait for its share, however often it comes alone', () => {
    const all = new Flows('drr');
    const [small, large] = [all.add(500), all.add(60_000)];
    for (let i = 0; i < 5000; i++) {
      const [flow] = all.serve(1);
      if (flow !== large) continue;
      all.scheduler.remove(large);
      all.scheduler.add(0, 0, large);
    }
    expect(all.flows[large]!.served).toBeLessThan(all.flows[small]!.served + 2 * 60_000);
    expect(all.flows[large]!.served).toBeGreaterThan(all.flows[small]!.served - 2 * 60_000);
  });
});

describe('earliest deadline first', () => {
  it('serves who waits longest of a priority, and the urgent before the others', () => {
    const all = new Flows('edf');
    const [a, b] = [all.add(1000, 1, 4), all.add(1000, 1, 4)];
    all.now = 1000;
    const urgent = all.add(1000, 1, 0);
    all.now = 1050;
    expect(all.serve(4)).toEqual([urgent, urgent, urgent, urgent]);
    // Its next one is due at 1175, theirs at 2000.
    all.now = 1900;
    expect(all.serve(1)).toEqual([urgent]);
    expect(all.serve(3)).toEqual([a, b, urgent]);
  });

  it('lets nobody starve', () => {
    const all = new Flows('edf');
    const urgent = all.add(100, 1, 0);
    const patient = all.add(100, 1, 7);
    let served = 0;
    for (let i = 0; i < 1000; i++) {
      all.now += 100;
      if (all.serve(1)[0] === patient) served++;
    }
    expect(served).toBeGreaterThan(3);
    expect(all.flows[urgent]!.served).toBeGreaterThan(90_000);
  });
});

for (const name of ['drr', 'edf'] as const) {
  describe(name, () => {
    it('keeps links apart', () => {
      const all = new Flows(name);
      const flows = [0, 1, 2, 90].map((link) => all.add(100, 1, 0, link));
      expect([0, 1, 2, 90].map((link) => all.serve(1, link)[0])).toEqual(flows);
      expect(all.scheduler.next(3)).toBe(-1);
      all.scheduler.remove(flows[1]!);
      expect(all.scheduler.next(1)).toBe(-1);
      expect(all.scheduler.next(0)).toBe(flows[0]);
    });

    it('knows exactly the flows that were added, whatever comes and goes', () => {
      const rng = new SeededRng(11);
      const all = new Flows(name);
      const waiting = new Map<number, number>();
      for (let i = 0; i < 200; i++) {
        const link = below(rng, 4);
        waiting.set(all.add(1 + below(rng, 3000), 1 + below(rng, 9), below(rng, PRIORITIES), link), link);
      }
      for (let i = 0; i < 5000; i++) {
        all.now += below(rng, 50);
        const flow = below(rng, 200);
        if (waiting.delete(flow)) {
          all.scheduler.remove(flow);
        } else {
          all.flows[flow]!.priority = below(rng, PRIORITIES);
          all.scheduler.add(all.now, flow % 4, flow);
          waiting.set(flow, flow % 4);
        }
        const link = below(rng, 4);
        const next = all.scheduler.next(link);
        expect(next < 0).toBe(![...waiting.values()].includes(link));
        if (next >= 0) expect(waiting.get(next)).toBe(link);
        all.serve(1, link);
      }
    });

    it('goes on from a state as if nothing had happened', () => {
      const all = new Flows(name);
      for (let i = 0; i < 100; i++) all.add(100 + 37 * i, 1 + (i % 3), i % 5);
      all.serve(777);
      const state = structuredClone({ name, state: all.scheduler.save() }) as SchedulerState;
      const other = new Flows(name);
      other.flows.push(...all.flows.map((flow) => ({ ...flow })));
      Object.assign(other, { scheduler: schedulerFrom(state, other) });
      expect(other.serve(500)).toEqual(all.serve(500));
    });
  });
}
