import { describe, expect, test } from 'vitest';
import { Direction } from './direction.ts';
import { drive, inOrder, parameters, steady, UNLIMITED } from './model.testing.ts';
import type { Discipline } from './queue.ts';

/** 12.112 Mbit/s: a full frame takes 1 ms. */
const link = { bitsPerSecond: 1514 * 8 * 1000 };
const TICK = 1000;

function run(discipline: Discipline, load: ReturnType<typeof steady>, packets = 200, ecn = false) {
  const outcome = drive(parameters({ link, discipline, ecn, limit: { ...UNLIMITED, packets } }), load);
  const delays = new Map<number, number[]>();
  for (const { number, at } of outcome.out) {
    const { flow = 0, at: arrived } = load[number]!;
    if (!delays.has(flow)) delays.set(flow, []);
    delays.get(flow)!.push(at - arrived);
  }
  return { ...outcome, delays };
}

/** One and a half times what the link carries, for ten seconds. */
const overload = steady(15_000, TICK / 1.5);

describe('codel (RFC 8289)', () => {
  test('drops nothing while the queue is short', () => {
    const bursts = Array.from({ length: 50 }, (_, i) => steady(5, 0, { from: i * 10 * TICK })).flat();
    expect(run('codel', bursts).direction.counters.dropped).toBe(0);
  });

  test('lets a burst pass that is gone within an interval', () => {
    expect(run('codel', steady(90, 0)).direction.counters.dropped).toBe(0);
  });

  test.each(['dropped', 'marked'] as const)(
    'packets are %s first when the queue has been long for an interval, then after 100 ms / √n each',
    (fate) => {
      const ecn = fate === 'marked';
      const wanted = parameters({ link, discipline: 'codel', limit: UNLIMITED, ecn });
      const direction = new Direction(4096, wanted, 1);
      const dropsAt: number[] = [];
      // A tenth too much: packets wait for 5 ms after about 50.
      for (const { at, bytes } of steady(500, TICK / 1.1)) {
        const before = direction.counters[fate];
        for (let due = direction.nextDue; due <= at; due = direction.nextDue) {
          direction.advance(due);
          while (direction.take(due) >= 0);
        }
        direction.arrive(at, bytes, 0, ecn);
        if (direction.counters[fate] > before) dropsAt.push(at / 1000);
      }
      expect(direction.counters[ecn ? 'dropped' : 'marked']).toBe(0);
      const [first, ...others] = dropsAt;
      expect(first).toBeGreaterThan(150);
      expect(first).toBeLessThan(165);
      let last = first!;
      others.forEach((at, i) => {
        expect(Math.abs(at - last - 100 / Math.sqrt(i + 1))).toBeLessThan(2.5);
        last = at;
      });
      expect(others.length).toBeGreaterThanOrEqual(3);
    },
  );

  test('keeps the delay of a queue that would be full', () => {
    const { delays } = run(
      'codel',
      inOrder(overload.slice(0, 3000), steady(7000, TICK, { from: 2_000_000 })),
      1000,
    );
    const late = delays.get(0)!.slice(-2000);
    expect(Math.max(...late)).toBeLessThan(150_000);
    const fifo = run('fifo', inOrder(overload.slice(0, 3000), steady(7000, TICK, { from: 2_000_000 })), 1000);
    expect(Math.min(...fifo.delays.get(0)!.slice(-2000))).toBeGreaterThan(900_000);
  });
});

describe('disciplines that keep flows apart', () => {
  // A flow that has far too much, and one that sends a packet now and then.
  const mixed = inOrder(
    overload.map((arrival) => ({ ...arrival, flow: 1 })),
    steady(500, 20 * TICK, { flow: 2, from: 7, bytes: 200 }),
  );

  test.each(['sfq', 'fq_codel'] as const)('%s lets a sparse flow pass a greedy one', (discipline) => {
    const { delays } = run(discipline, mixed);
    expect(delays.get(2)).toHaveLength(500);
    expect(Math.max(...delays.get(2)!)).toBeLessThan(4 * TICK);
    expect(Math.max(...run('fifo', mixed).delays.get(2)!)).toBeGreaterThan(150 * TICK);
  });

  test.each(['sfq', 'fq_codel'] as const)(
    '%s gives flows of different packets the same bytes',
    (discipline) => {
      const load = inOrder(
        steady(10_000, TICK, { flow: 1 }),
        steady(40_000, TICK / 4, { flow: 2, bytes: 500 }),
      );
      const { out } = run(discipline, load);
      const bytes = [0, 0, 0];
      for (const { number, at } of out) {
        if (at > 9_000_000) break;
        bytes[load[number]!.flow!]! += load[number]!.bytes;
      }
      expect(bytes[1]! / bytes[2]!).toBeGreaterThan(0.97);
      expect(bytes[1]! / bytes[2]!).toBeLessThan(1.03);
    },
  );

  test('sfq takes room from the longest flow, at its end', () => {
    const load = [...steady(10, 0, { flow: 1 }), ...steady(2, 0, { flow: 2 })];
    const { out } = run('sfq', load, 8);
    expect(out.map(({ number }) => number).sort((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5, 10, 11]);
  });

  test('fq_codel takes room from the fattest flow, at its head, several packets at once', () => {
    const load = [...steady(9, 0, { flow: 1 }), ...steady(1, 0, { flow: 2 })];
    const { out, direction } = run('fq_codel', load, 8);
    expect(direction.counters.dropped).toBeGreaterThanOrEqual(2);
    expect(out.map(({ number }) => number)).toContain(9);
    expect(out.map(({ number }) => number)).not.toContain(1);
  });
});

describe('marks instead of drops (RFC 3168)', () => {
  // 95 packets too many in the end.
  const slight = (isMarkable: boolean) => steady(2000, TICK / 1.05, { isMarkable });

  test.each(['codel', 'fq_codel', 'red'] as const)('%s marks what can be marked', (discipline) => {
    const { direction, out } = run(discipline, slight(true), 200, true);
    expect(direction.counters.dropped).toBe(0);
    expect(direction.counters.marked).toBeGreaterThan(10);
    expect(out.filter(({ isMarked }) => isMarked)).toHaveLength(direction.counters.marked);
  });

  test.each([
    ['whose senders do not listen', false, true],
    ['on a link that does not mark', true, false],
  ])('packets %s are dropped', (_, isMarkable, ecn) => {
    for (const discipline of ['codel', 'fq_codel', 'red'] as const) {
      const { direction } = run(discipline, slight(isMarkable), 200, ecn);
      expect(direction.counters.marked).toBe(0);
      expect(direction.counters.dropped).toBeGreaterThan(10);
    }
  });

  test('a full queue drops what it could have marked', () => {
    for (const discipline of ['fifo', 'sfq', 'codel', 'fq_codel', 'red'] as const) {
      const { direction } = run(discipline, steady(9, 0, { isMarkable: true }), 8, true);
      expect(direction.counters.dropped).toBeGreaterThan(0);
      expect(direction.counters.marked).toBe(0);
    }
  });

  test('marks of packets that were in a slot before are not seen', () => {
    const wanted = parameters({ link, discipline: 'codel', limit: UNLIMITED, ecn: true });
    const marked = steady(1000, TICK / 1.1, { isMarkable: true });
    const later = steady(1000, TICK, { from: 10_000_000 });
    const { out } = drive(wanted, inOrder(marked, later), { slots: 300 });
    expect(out.some(({ isMarked }) => isMarked)).toBe(true);
    expect(out.filter(({ number, isMarked }) => number >= 1000 && isMarked)).toEqual([]);
  });
});

describe('red', () => {
  test('drops nothing while the queue is shorter than its lower threshold on average', () => {
    // 200 packets: thresholds at 33 and 100.
    const bursts = Array.from({ length: 100 }, (_, i) => steady(30, 0, { from: i * 60 * TICK })).flat();
    expect(run('red', bursts).direction.counters.dropped).toBe(0);
  });

  test('drops some packets early, before the queue is full', () => {
    const slight = steady(20_000, TICK / 1.05);
    const { direction, delays } = run('red', slight);
    expect(direction.counters.dropped).toBeGreaterThan(500);
    expect(Math.max(...delays.get(0)!.slice(5000))).toBeLessThan(150 * TICK);
    expect(Math.min(...run('fifo', slight).delays.get(0)!.slice(-1000))).toBeGreaterThan(195 * TICK);
  });

  test('forgets its average while the link is idle', () => {
    const again = inOrder(overload, steady(30, 0, { from: 30_000_000 }));
    const before = run('red', overload).direction.counters.dropped;
    expect(run('red', again).direction.counters.dropped).toBe(before);
  });
});
