import { describe, expect, it } from 'vitest';
import { digest } from '../../../test/support/digest.ts';
import { itForSeeds } from '../../../test/support/seeds.ts';
import { below, chance, SeededRng } from '../../base/rng.ts';
import {
  FLOOR_MICROS,
  FlowThrottle,
  MAX_PAUSE_MICROS,
  PAUSE_AHEAD,
  PAUSE_OBEYED,
  PAUSE_OLD,
  PERSIST_MICROS,
  type ThrottleState,
} from './throttle.ts';

const FLOW = 3;
const FRAME = 1500;
const FREE = Number.POSITIVE_INFINITY;
/** How late the timer wheel is at most. */
const TICK = 64;

class Bench {
  readonly log: string[] = [];
  throttle: FlowThrottle;
  now = 1_000_000;

  constructor() {
    this.throttle = this.load();
  }

  load(old?: ThrottleState): FlowThrottle {
    const note = (what: string) => (flow: number) => this.log.push(`${this.now} ${what} ${flow}`);
    const events = { wake: note('wake'), released: note('released'), forgotten: note('forgotten') };
    return new FlowThrottle(this.now, events, old);
  }

  obey(sequence: number, pauseMicros: number, rate: number, flow = FLOW): number {
    return this.throttle.obey(this.now, flow, sequence >>> 0, pauseMicros, rate);
  }

  advance(micros: number): void {
    const end = this.now + micros;
    for (;;) {
      const next = this.throttle.nextTimeout();
      if (next > end) break;
      this.now = Math.max(this.now, next);
      this.throttle.advance(this.now);
    }
    this.now = end;
    this.throttle.advance(end);
  }

  /** Sends frames of so many bytes for a while, as many as may go; how many. */
  send(micros: number, bytes = FRAME, flow = FLOW): number {
    const end = this.now + micros;
    let frames = 0;
    for (;;) {
      const at = this.throttle.readyAt(this.now, flow);
      if (at >= end) break;
      if (at > this.now) this.advance(at - this.now);
      this.throttle.sent(this.now, flow, bytes);
      if (++frames === 1_000_000) break;
    }
    this.advance(end - this.now);
    return frames;
  }
}

describe('a flow that is asked to pause', () => {
  it('waits and then keeps to the rate', () => {
    const bench = new Bench();
    expect(bench.obey(7, 4000, 15_000_000)).toBe(PAUSE_OBEYED);
    expect(bench.throttle.readyAt(bench.now, FLOW)).toBe(bench.now + 4000);
    expect(bench.send(4000)).toBe(0);
    // 75,000 bytes in 5 ms.
    expect(bench.send(5000)).toBe(50);
  });

  it('grows by a quarter every 5 ms from the end of the pause, until nothing limits it', () => {
    const bench = new Bench();
    bench.obey(7, 10_000, 15_000_000);
    const rates = Array.from({ length: 5 }, () => {
      const rate = bench.throttle.rateBytesPerSecond(bench.now, FLOW);
      bench.advance(5000);
      return rate / 15e6;
    });
    expect(rates).toEqual([1, 1, 1, 1.25, 1.25 ** 2]);
    bench.advance(200_000);
    expect(bench.throttle.isLimited(FLOW)).toBe(false);
    expect(bench.throttle.readyAt(bench.now, FLOW)).toBe(bench.now);
    expect(bench.throttle.limited).toBe(0);
  });

  it('sends a frame of 64 KB by debt, and pays it', () => {
    const bench = new Bench();
    bench.obey(7, 0, 100_000_000);
    expect(bench.send(1)).toBe(1);
    bench.throttle.sent(bench.now, FLOW, 65_000);
    const owed = 65_000 + FRAME - 1;
    expect(bench.throttle.readyAt(bench.now, FLOW)).toBeCloseTo(bench.now + owed / 100 - 1, -2);
  });

  it('saves nothing up while it has nothing to send', () => {
    const bench = new Bench();
    bench.obey(7, 0, 15_000_000);
    bench.advance(4000);
    // A millisecond's worth at once, and then by the rate.
    expect(bench.send(1)).toBe(11);
  });

  it('does not hold up another', () => {
    const bench = new Bench();
    bench.obey(7, 10_000, 0);
    expect(bench.throttle.isLimited(FLOW + 1)).toBe(false);
    expect(bench.throttle.isLimited(FLOW + 1000)).toBe(false);
    expect(bench.throttle.readyAt(bench.now, FLOW + 1)).toBe(bench.now);
  });

  it('is woken when its turn comes, and earlier when that is moved', () => {
    const bench = new Bench();
    const start = bench.now;
    bench.obey(7, 5000, 15_000_000);
    bench.throttle.park(bench.now, FLOW);
    bench.advance(1000);
    bench.obey(8, 1000, 15_000_000);
    bench.advance(10_000);
    expect(bench.log).toHaveLength(1);
    const [at, what] = bench.log[0]!.split(' ');
    expect(what).toBe('wake');
    expect(Number(at) - start).toBeGreaterThanOrEqual(2000);
    expect(Number(at) - start).toBeLessThanOrEqual(2000 + TICK);
  });

  it('is let go by a release, at once', () => {
    const bench = new Bench();
    bench.obey(7, 10_000, 1_000_000);
    bench.throttle.park(bench.now, FLOW);
    bench.obey(8, 0, FREE);
    expect(bench.throttle.readyAt(bench.now, FLOW)).toBe(bench.now);
    bench.advance(TICK);
    expect(bench.log.map((line) => line.split(' ')[1])).toEqual(['released', 'wake']);
    expect(bench.throttle.counters).toMatchObject({ obeyed: 2, released: 1 });
  });
});

describe('a frame', () => {
  it('that is older than one obeyed is not obeyed, and counted', () => {
    const bench = new Bench();
    bench.obey(100, 1000, 15_000_000);
    expect(bench.obey(100, 9000, 0)).toBe(PAUSE_OLD);
    expect(bench.obey(99, 9000, 0)).toBe(PAUSE_OLD);
    expect(bench.throttle.pausedUntil(FLOW)).toBe(bench.now + 1000);
    expect(bench.throttle.counters).toMatchObject({ obeyed: 1, old: 2 });
  });

  it('that a release overtook does not pause', () => {
    const bench = new Bench();
    bench.obey(100, 1000, 15_000_000);
    bench.obey(102, 0, FREE);
    bench.advance(50_000);
    expect(bench.obey(101, 10_000, 0)).toBe(PAUSE_OLD);
    expect(bench.throttle.isLimited(FLOW)).toBe(false);
  });

  it('of a sequence that nobody can have reached does not make the true ones old', () => {
    const bench = new Bench();
    bench.obey(100, 1000, 15_000_000);
    bench.advance(500);
    expect(bench.obey(0x4000_0000, 10_000, 0)).toBe(PAUSE_AHEAD);
    expect(bench.obey(600, 2000, 15_000_000)).toBe(PAUSE_OBEYED);
    expect(bench.throttle.pausedUntil(FLOW)).toBe(bench.now + 2000);
    expect(bench.throttle.counters).toMatchObject({ obeyed: 2, ahead: 1 });
  });

  it('is newer across the wrap of its sequence', () => {
    const bench = new Bench();
    bench.obey(0xffff_fff0, 1000, 15_000_000);
    expect(bench.obey(5, 2000, 15_000_000)).toBe(PAUSE_OBEYED);
    expect(bench.obey(0xffff_fff1, 3000, 15_000_000)).toBe(PAUSE_OLD);
  });

  it('that asks for a longer pause, or a lower rate, than there is gets what there is', () => {
    const bench = new Bench();
    bench.obey(7, 60_000, 0);
    expect(bench.throttle.pausedUntil(FLOW)).toBe(bench.now + MAX_PAUSE_MICROS);
    expect(bench.send(MAX_PAUSE_MICROS)).toBe(0);
    // Frames of 64 KB at 150 KB/s would be 0.4 s apart.
    expect(bench.send(5 * FLOOR_MICROS, 65_000)).toBeGreaterThanOrEqual(5);
    expect(bench.throttle.counters.capped).toBe(1);
  });

  it('is heard again some time after the last one, whatever its sequence', () => {
    const bench = new Bench();
    bench.obey(0x4000_0000, 10_000, 0);
    bench.advance(500_000);
    expect(bench.throttle.keeps(FLOW)).toBe(false);
    expect(bench.log.at(-1)).toContain('forgotten');
    expect(bench.obey(7, 1000, 15_000_000)).toBe(PAUSE_OBEYED);
  });
});

it('sends a frame a second through pauses without end, and no more', () => {
  const bench = new Bench();
  let frames = 0;
  for (let i = 1; i <= 500; i++) {
    bench.obey(bench.now, 10_000, 1e9);
    frames += bench.send(9_900);
  }
  expect(frames).toBe(4);
  expect(bench.throttle.counters.persisted).toBe(4);
});

itForSeeds('whatever frames come, every flow stays alive and is free again afterwards', 20, (seed) => {
  const bench = new Bench();
  const rng = new SeededRng(seed);
  const flows = 4;
  const sentAt = new Array<number>(flows).fill(bench.now);
  const numbers = [0, 1, 1000, 9_999, 10_001, 0xffff, 150_000, 1e6, 1e9, 1e13, FREE];
  const pick = () => numbers[below(rng, numbers.length)]!;
  const end = bench.now + 10_000_000;
  while (bench.now < end) {
    for (let flow = 0; flow < flows; flow++) {
      const sequence = chance(rng, 0.7) ? bench.now : rng.u32();
      if (chance(rng, 0.6)) bench.obey(sequence, pick(), pick(), flow);
      if (bench.throttle.readyAt(bench.now, flow) > bench.now) continue;
      expect(bench.now - sentAt[flow]!, `flow ${flow}`).toBeLessThanOrEqual(PERSIST_MICROS + 10_000);
      bench.throttle.sent(bench.now, flow, 60 + below(rng, 65_000));
      sentAt[flow] = bench.now;
    }
    bench.advance(1 + below(rng, 8_000));
  }
  for (let flow = 0; flow < flows; flow++) {
    expect(end - sentAt[flow]!, `flow ${flow}`).toBeLessThanOrEqual(PERSIST_MICROS + 20_000);
  }
  bench.advance(500_000);
  expect(bench.throttle.limited).toBe(0);
  for (let flow = 0; flow < flows; flow++) expect(bench.throttle.keeps(flow)).toBe(false);
  expect(bench.throttle.nextTimeout()).toBe(Number.POSITIVE_INFINITY);
  const { obeyed, old, ahead, capped } = bench.throttle.counters;
  for (const count of [obeyed, old, ahead, capped]) expect(count).toBeGreaterThan(0);
});

itForSeeds('a replacement at any time changes nothing', 4, (seed) => {
  const run = (replaced: boolean): string => {
    const bench = new Bench();
    const rng = new SeededRng(seed);
    const seen: number[] = [];
    for (let i = 0; i < 300; i++) {
      const flow = below(rng, 100);
      bench.obey(bench.now, below(rng, 12_000), below(rng, 1e9), flow);
      bench.throttle.park(bench.now, flow);
      bench.throttle.sent(bench.now, flow, below(rng, 9000));
      seen.push(bench.throttle.readyAt(bench.now, flow));
      bench.advance(below(rng, 3000));
      if (replaced) bench.throttle = bench.load(bench.throttle.save());
    }
    return digest([seen.join(), bench.log.join(), JSON.stringify(bench.throttle.counters)]);
  };
  expect(run(true)).toBe(run(false));
});
