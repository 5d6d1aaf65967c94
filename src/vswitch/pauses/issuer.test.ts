import { describe, expect, it } from 'vitest';
import { itForSeeds } from '../../../test/support/seeds.ts';
import { below, SeededRng } from '../../base/rng.ts';
import { type IssuerState, PauseIssuer } from './issuer.ts';
import { Thresholds } from './thresholds.ts';

const FLOW = 5;
const BATCH = 100_000;
const RTT = 100;
const WINDOW = 800_000;
const thresholds = new Thresholds({ batchBytes: BATCH, windowBytes: WINDOW, capBytes: 4 * WINDOW });

interface Asked {
  readonly at: number;
  readonly flow: number;
  readonly pauseMicros: number;
  readonly rate: number;
}

class Bench {
  readonly asked: Asked[] = [];
  readonly done: number[] = [];
  now = 0;
  roomBytes = Number.POSITIVE_INFINITY;
  issuer: PauseIssuer;

  constructor() {
    this.issuer = this.load();
  }

  load(old?: IssuerState): PauseIssuer {
    const ask = (at: number, flow: number, pauseMicros: number, rate: number) =>
      this.asked.push({ at, flow, pauseMicros, rate });
    const outlet = {
      ask,
      rttMicros: () => RTT,
      roomBytes: () => this.roomBytes,
      done: (flow: number) => this.done.push(flow),
    };
    return new PauseIssuer(this.now, thresholds, outlet, old);
  }

  advance(micros: number): void {
    const end = this.now + micros;
    for (let next = this.issuer.nextTimeout(); next <= end; next = this.issuer.nextTimeout()) {
      this.now = Math.max(this.now, next);
      this.issuer.advance(this.now);
    }
    this.now = end;
    this.issuer.advance(end);
  }

  /** Keeps the queue of a flow as deep as it is while its owner takes and its sender sends, for so long. */
  exchange(micros: number, bytesPerSecond: number, flow = FLOW): void {
    for (const end = this.now + micros; this.now < end; ) {
      this.advance(100);
      const bytes = bytesPerSecond / 10_000;
      this.issuer.arrived(this.now, flow, bytes);
      this.issuer.taken(this.now, flow, bytes);
    }
  }

  /** The owner takes all the time, and nothing arrives. */
  drain(micros: number, bytesPerSecond: number, flow = FLOW): void {
    for (const end = this.now + micros; this.now < end; ) {
      this.advance(100);
      const bytes = Math.min(bytesPerSecond / 10_000, this.issuer.depthBytes(flow));
      if (bytes > 0) this.issuer.taken(this.now, flow, bytes);
    }
  }
}

/** A queue below every threshold whose owner is known to take 50 MB/s. */
function known(rate = 50e6): Bench {
  const bench = new Bench();
  bench.issuer.arrived(0, FLOW, BATCH);
  bench.exchange(100_000, rate);
  expect(bench.asked).toEqual([]);
  return bench;
}

describe('a queue', () => {
  it('asks for the time it takes to come down to a batch, and for the rate of its owner', () => {
    const bench = known();
    bench.issuer.arrived(bench.now, FLOW, BATCH + 1);
    const [asked] = bench.asked;
    expect(bench.asked).toHaveLength(1);
    expect(asked).toMatchObject({ at: bench.now, flow: FLOW, pauseMicros: 2000 });
    expect(asked!.rate).toBeCloseTo(50e6, -3);
  });

  it('asks for nothing up to two batches', () => {
    const bench = known();
    bench.issuer.arrived(bench.now, FLOW, BATCH - 5000);
    bench.exchange(50_000, 50e6);
    expect(bench.asked).toEqual([]);
  });

  it('asks for 10 ms at most', () => {
    const bench = known(5e6);
    bench.issuer.arrived(bench.now, FLOW, 3 * BATCH);
    expect(bench.asked[0]!.pauseMicros).toBe(10_000);
  });

  it('asks for a short pause and no rate while nothing is known of its owner', () => {
    const bench = new Bench();
    bench.issuer.arrived(0, FLOW, 3 * BATCH);
    expect(bench.asked).toEqual([{ at: 0, flow: FLOW, pauseMicros: 1000, rate: Number.POSITIVE_INFINITY }]);
  });

  it('asks again a round trip before the pause is over, and only if it is still too full', () => {
    const bench = known(5e6);
    bench.issuer.arrived(bench.now, FLOW, 3 * BATCH);
    const start = bench.now;
    bench.drain(11_000, 5e6);
    expect(bench.asked).toHaveLength(2);
    expect(bench.asked[1]!.at - start).toBeGreaterThanOrEqual(10_000 - RTT);
    expect(bench.asked[1]!.at - start).toBeLessThanOrEqual(10_000);
    expect(bench.issuer.counters).toMatchObject({ pauses: 2, renewed: 1, repeated: 0 });
    bench.drain(30_000, 50e6);
    expect(bench.asked.filter(({ pauseMicros }) => pauseMicros > 0)).toHaveLength(2);
  });

  it('says it again when the frame seems to have been lost, soon and not at once', () => {
    const bench = known();
    bench.issuer.arrived(bench.now, FLOW, 5 * BATCH);
    const start = bench.now;
    for (let i = 0; i < 40; i++) {
      bench.advance(20);
      bench.issuer.arrived(bench.now, FLOW, 20_000);
    }
    expect(bench.asked[1]!.at - start).toBeGreaterThan(RTT);
    expect(bench.asked[1]!.at - start).toBeLessThan(1000);
    expect(bench.issuer.counters.repeated).toBe(1);
  });

  it('does not take for a loss what was on its way', () => {
    const bench = known();
    bench.issuer.arrived(bench.now, FLOW, 5 * BATCH);
    bench.advance(RTT);
    bench.issuer.arrived(bench.now, FLOW, 5 * BATCH);
    bench.drain(3000, 50e6);
    expect(bench.asked).toHaveLength(1);
  });

  it('that runs dry in its pause says so at once, and keeps more the next time', () => {
    const bench = known(10e6);
    bench.issuer.arrived(bench.now, FLOW, BATCH + 1);
    expect(bench.asked[0]).toMatchObject({ pauseMicros: 10_000 });
    bench.drain(1200, 200e6);
    expect(bench.asked).toHaveLength(2);
    expect(bench.asked[1]!.pauseMicros).toBe(0);
    expect(bench.asked[1]!.rate).toBeGreaterThan(150e6);
    expect(bench.issuer.counters.shortened).toBe(1);
    bench.issuer.arrived(bench.now, FLOW, 2.5 * BATCH);
    expect(bench.issuer.counters.pauses).toBe(1);
    bench.issuer.arrived(bench.now, FLOW, BATCH);
    expect(bench.issuer.counters.pauses).toBe(2);
  });

  it('whose owner takes everything as it comes has the rate doubled until it is none', () => {
    const bench = known(10e6);
    bench.issuer.arrived(bench.now, FLOW, BATCH + 1);
    bench.drain(30_000, 10e6);
    for (let i = 0; i < 200; i++) {
      bench.advance(100);
      bench.issuer.arrived(bench.now, FLOW, 1500);
      bench.issuer.taken(bench.now, FLOW, 1500);
    }
    const rates = bench.asked.slice(1).map(({ rate }) => rate);
    expect(rates.length).toBeGreaterThan(3);
    expect(rates.at(-1)).toBe(Number.POSITIVE_INFINITY);
    for (let i = 1; i < rates.length; i++) expect(rates[i]).toBeGreaterThanOrEqual(2 * rates[i - 1]!);
    expect(bench.issuer.counters).toMatchObject({ doubled: rates.length - 1, releases: 1 });
    expect(bench.done).toEqual([FLOW]);
  });

  it('is released once when it stays empty', () => {
    const bench = known();
    bench.issuer.arrived(bench.now, FLOW, BATCH + 1);
    bench.drain(5000, 50e6);
    expect(bench.issuer.depthBytes(FLOW)).toBe(0);
    expect(bench.issuer.keeps(FLOW)).toBe(true);
    bench.advance(100_000);
    expect(bench.asked).toHaveLength(2);
    expect(bench.asked[1]).toMatchObject({ pauseMicros: 0, rate: Number.POSITIVE_INFINITY });
    expect(bench.issuer.keeps(FLOW)).toBe(false);
    expect(bench.done).toEqual([FLOW]);
    expect(bench.issuer.nextTimeout()).toBe(Number.POSITIVE_INFINITY);
  });

  it('asks earlier where memory is short, for the time it takes to come down to half of that', () => {
    const bench = known();
    bench.roomBytes = 32 * 160_000;
    bench.issuer.arrived(bench.now, FLOW, 50_000);
    expect(bench.asked).toEqual([]);
    bench.issuer.arrived(bench.now, FLOW, 20_000);
    expect(bench.asked).toMatchObject([{ pauseMicros: 1800 }]);
  });

  it('that is forgotten says nothing more', () => {
    const bench = known();
    bench.issuer.arrived(bench.now, FLOW, BATCH + 1);
    bench.issuer.forget(FLOW);
    bench.issuer.forget(10_000);
    bench.advance(1_000_000);
    expect(bench.asked).toHaveLength(1);
    expect(bench.issuer.keeps(FLOW)).toBe(false);
    expect(bench.issuer.depthBytes(FLOW)).toBe(0);
  });
});

it('keeps thresholds a window below the cap, so that an obedient sender does not meet it', () => {
  const capBytes = 8_000_000;
  for (const windowBytes of [50_000, WINDOW, 6_000_000]) {
    const sized = new Thresholds({ batchBytes: BATCH, windowBytes, capBytes });
    expect(sized.mostOverBytes + windowBytes).toBeLessThanOrEqual(capBytes);
    expect(sized.leastOverBytes).toBe(2 * BATCH);
    for (const bdp of [0, 1e6, 1e9]) {
      expect(sized.overBytes(bdp, 4)).toBeLessThanOrEqual(sized.mostOverBytes);
    }
  }
});

it('raises goal and threshold with the BDP, a batch apart or more', () => {
  expect(thresholds.goalBytes(0, 0)).toBe(BATCH);
  expect(thresholds.overBytes(0, 0)).toBe(2 * BATCH);
  expect(thresholds.goalBytes(300_000, 0)).toBe(300_000);
  for (const bdp of [0, 300_000, 9e9]) {
    for (let raised = 0; raised <= 4; raised++) {
      const over = thresholds.overBytes(bdp, raised);
      expect(over - thresholds.goalBytes(bdp, raised)).toBeGreaterThanOrEqual(BATCH);
      expect(over).toBeLessThanOrEqual(thresholds.mostOverBytes);
    }
  }
});

itForSeeds('a replacement at any time changes nothing', 4, (seed) => {
  const run = (replaced: boolean): Asked[] => {
    const bench = new Bench();
    const rng = new SeededRng(seed);
    for (let i = 0; i < 3000; i++) {
      const flow = below(rng, 90);
      if (below(rng, 2) === 0) bench.issuer.arrived(bench.now, flow, below(rng, 2 * BATCH));
      const depth = bench.issuer.depthBytes(flow);
      if (depth > 0) bench.issuer.taken(bench.now, flow, below(rng, 3) === 0 ? depth : below(rng, depth));
      bench.advance(below(rng, 300));
      if (replaced) bench.issuer = bench.load(bench.issuer.save());
    }
    return [...bench.asked, bench.issuer.counters as unknown as Asked];
  };
  const undisturbed = run(false);
  expect(undisturbed.length).toBeGreaterThan(100);
  expect(run(true)).toEqual(undisturbed);
});
