import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Direction } from './direction.ts';
import { drive, parameters, spaced, steady, UNLIMITED } from './model.testing.ts';
import { DISCIPLINES } from './queue.ts';

// 12 Mbit/s: a frame of 1500 bytes takes 1000 µs.
const SLOW = parameters({
  delayMicros: 5000,
  link: { bitsPerSecond: 12e6 },
  limit: { packets: 3, bytes: 1e9 },
});

describe('a direction of an emulated link', () => {
  test('holds each packet for the delay, and not longer', () => {
    const direction = new Direction(8, parameters({ delayMicros: 10_000 }), 1);
    direction.arrive(100, 1500);
    expect(direction.nextDue).toBe(10_100);
    expect(direction.take(10_099)).toBe(-1);
    expect(direction.take(10_100)).toBe(0);
    expect(direction.nextDue).toBe(Number.POSITIVE_INFINITY);
  });

  test('holds packets longer by up to the jitter, and lets none overtake', () => {
    const load = steady(500, 20_000, { bytes: 100 });
    const { out } = drive(parameters({ delayMicros: 1000, jitterMicros: 8000 }), load);
    const waits = out.map(({ number, at }) => at - load[number]!.at);
    expect(Math.min(...waits)).toBeGreaterThanOrEqual(1000);
    expect(Math.max(...waits)).toBeLessThanOrEqual(9000);
    expect(new Set(waits).size).toBeGreaterThan(300);
    const dense = drive(parameters({ jitterMicros: 8000 }), steady(500, 10)).out;
    expect(dense.map(({ number }) => number)).toEqual(dense.map((_, index) => index));
  });

  test('sends one packet after the other at its rate, however late it is looked at', () => {
    const { out } = drive(SLOW, steady(3, 0, { bytes: 1500 }));
    expect(out.map(({ at }) => at)).toEqual([6000, 7000, 8000]);
  });

  test('drops what finds the queue full, and has room again when a packet was sent', () => {
    const direction = new Direction(8, SLOW, 1);
    for (let i = 0; i < 4; i++) direction.arrive(0, 1500);
    direction.arrive(999, 1500);
    expect(direction.counters.dropped).toBe(2);
    direction.arrive(1000, 1500);
    expect(direction.counters).toMatchObject({ arrived: 6, dropped: 2, sent: 1 });
  });

  test('counts bytes where its limit is in bytes', () => {
    const wanted = { ...SLOW, limit: { packets: 1e9, bytes: 3000 } };
    const direction = new Direction(8, wanted, 1);
    direction.arrive(0, 1500);
    direction.arrive(0, 1400);
    direction.arrive(0, 200);
    direction.arrive(0, 100);
    expect(direction.counters.dropped).toBe(1);
    expect(direction.backlog).toEqual({ packets: 3, bytes: 3000 });
  });

  test('has no slot to offer when all are held, and drops then', () => {
    const direction = new Direction(2, parameters({ delayMicros: 10 }), 1);
    direction.arrive(0, 100);
    direction.arrive(0, 100);
    expect(direction.freeSlot).toBe(-1);
    direction.arrive(0, 100);
    expect(direction.counters.dropped).toBe(1);
    expect(direction.take(10)).toBeGreaterThanOrEqual(0);
    expect(direction.freeSlot).toBeGreaterThanOrEqual(0);
  });

  test('marks what finds more waiting than it may, and drops nothing for that', () => {
    // Each of six finds one more; the first is being sent.
    const wanted = { ...SLOW, limit: { packets: 5, bytes: 1e9 }, markAbove: { packets: 2, bytes: 1e9 } };
    const load = [0, 1, 2, 3, 4, 5].map((i) => ({ at: 0, bytes: 1500, isMarkable: i !== 3 }));
    const { direction, out } = drive(wanted, load);
    expect(out.map(({ isMarked }) => isMarked)).toEqual([false, false, false, false, true]);
    expect(direction.counters).toMatchObject({ dropped: 1, marked: 1 });
    const inBytes = { ...wanted, markAbove: { packets: 1e9, bytes: 4499 } };
    expect(drive(inBytes, load).out).toEqual(out);
  });

  test('gives no slot away twice when a packet is lost as another arrives', () => {
    const direction = new Direction(8, { ...SLOW, lossPpm: 1_000_000 }, 1);
    direction.arrive(0, 1500);
    const slot = direction.freeSlot;
    direction.arrive(2000, 1500);
    expect(direction.counters.lost).toBe(1);
    expect(direction.freeSlot).not.toBe(slot);
  });

  test('lets nothing overtake when its delay is shortened, and sends what waits at the new rate', () => {
    const direction = new Direction(8, SLOW, 1);
    for (let i = 0; i < 3; i++) direction.arrive(0, 1500);
    direction.configure({ ...SLOW, delayMicros: 0, link: { bitsPerSecond: 24e6 } }, 1000);
    const times: number[] = [];
    for (let due = direction.nextDue; due < Number.POSITIVE_INFINITY; due = direction.nextDue) {
      direction.advance(due);
      while (direction.take(due) >= 0) times.push(due);
    }
    // The first was on the wire for 5 ms; the others, sent after 0.5 ms each, wait for it.
    expect(times).toEqual([6000, 6000, 6000]);
    expect(direction.backlog).toEqual({ packets: 0, bytes: 0 });
  });

  test('loses the share it shall, the same packets with the same seed, after they took their time', () => {
    const load = steady(20_000, 1000, { bytes: 1500 });
    const wanted = parameters({ lossPpm: 10_000, link: { bitsPerSecond: 12e6 } });
    const once = drive(wanted, load, { seed: 7 });
    expect(once.direction.counters.lost).toBeGreaterThan(130);
    expect(once.direction.counters.lost).toBeLessThan(270);
    expect(once.direction.counters.sent).toBe(20_000);
    expect(drive(wanted, load, { seed: 7 }).out).toEqual(once.out);
    expect(drive(wanted, load, { seed: 8 }).out).not.toEqual(once.out);
  });
});

const load = fc.array(
  fc.record({
    gap: fc.oneof(fc.constant(0), fc.nat(3000), fc.nat(300_000)),
    bytes: fc.integer({ min: 60, max: 1514 }),
    flow: fc.nat(5),
    isMarkable: fc.boolean(),
  }),
  { maxLength: 300 },
);
const wanted = fc.record({
  delayMicros: fc.nat(20_000),
  jitterMicros: fc.constantFrom(0, 5000),
  lossPpm: fc.constantFrom(0, 50_000),
  link: fc.oneof(
    fc.constantFrom(1e6, 12e6, 1e9, Number.POSITIVE_INFINITY).map((bitsPerSecond) => ({ bitsPerSecond })),
    fc
      .array(fc.nat(50), { minLength: 1, maxLength: 40 })
      .map((times) => ({ trace: [...times.sort((a, b) => a - b), 51] })),
  ),
  discipline: fc.constantFrom(...DISCIPLINES),
  limit: fc.record({
    packets: fc.integer({ min: 1, max: 60 }),
    bytes: fc.integer({ min: 1514, max: 60_000 }),
  }),
  ecn: fc.boolean(),
  markAbove: fc.constantFrom(UNLIMITED, { ...UNLIMITED, packets: 5 }, { ...UNLIMITED, bytes: 20_000 }),
});

/** All that can be taken. */
function freeSlots({ pool }: Direction): Set<number> {
  const free = new Set<number>();
  for (let slot = pool.freeSlot; slot >= 0; slot = pool.freeSlot) {
    free.add(slot);
    pool.take();
  }
  return free;
}

test('delivers each packet once or counts it, flows in order, with no more waiting than may, under any load', () => {
  fc.assert(
    fc.property(load, wanted, fc.array(fc.nat(2_000_000), { maxLength: 20 }), (gaps, link, looks) => {
      const arrivals = spaced(gaps);
      const { direction, out } = drive(link, arrivals, { slots: 512, alsoAt: looks });
      const { counters, backlog, pool } = direction;
      expect(counters.arrived).toBe(arrivals.length);
      expect(counters.arrived).toBe(counters.delivered + counters.dropped + counters.lost);
      expect(counters.delivered).toBe(out.length);
      expect([backlog.packets, backlog.bytes, pool.held]).toEqual([0, 0, 0]);
      expect(new Set(out.map(({ number }) => number)).size).toBe(out.length);
      expect(freeSlots(direction).size).toBe(512);
      const peaks = { backlogBytes: 0, delayMicros: 0, delaySumMicros: 0 };
      direction.takePeaks(peaks);
      expect(peaks.backlogBytes).toBeLessThanOrEqual(Math.min(link.limit.bytes, link.limit.packets * 1514));
      const marked = out.filter(({ isMarked }) => isMarked);
      expect(counters.marked).toBeGreaterThanOrEqual(marked.length);
      if (counters.lost === 0) expect(counters.marked).toBe(marked.length);
      if (!link.ecn && link.markAbove === UNLIMITED) expect(counters.marked).toBe(0);
      expect(marked.filter(({ number }) => !arrivals[number]!.isMarkable)).toEqual([]);
      const lastOf = new Map<number, number>();
      for (const { number, at } of out) {
        const { flow = 0, at: arrived } = arrivals[number]!;
        expect(at).toBeGreaterThanOrEqual(arrived + link.delayMicros);
        expect(number).toBeGreaterThan(lastOf.get(flow) ?? -1);
        lastOf.set(flow, number);
      }
    }),
  );
});

test('is the same whenever it is looked at', () => {
  fc.assert(
    fc.property(load, wanted, fc.array(fc.nat(2_000_000), { maxLength: 50 }), (gaps, link, looks) => {
      const arrivals = spaced(gaps);
      const undisturbed = drive(link, arrivals);
      const disturbed = drive(link, arrivals, { alsoAt: looks });
      expect(disturbed.out).toEqual(undisturbed.out);
      expect(disturbed.direction.counters).toEqual(undisturbed.direction.counters);
    }),
  );
});
