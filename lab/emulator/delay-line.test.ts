import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { DelayLine, type LinkParameters } from './delay-line.ts';

const FREE: LinkParameters = {
  delayMicros: 0,
  rateBitsPerSecond: Number.POSITIVE_INFINITY,
  queuePackets: 1000,
};
// 12 Mbit/s: a frame of 1500 bytes takes 1000 µs.
const SLOW: LinkParameters = { delayMicros: 5000, rateBitsPerSecond: 12e6, queuePackets: 3 };

describe('an emulated link', () => {
  test('holds each frame for the delay, and not longer', () => {
    const line = new DelayLine(8, { ...FREE, delayMicros: 10_000 });
    line.offer(100, 1500);
    expect(line.nextDue).toBe(10_100);
    expect(line.take(10_099)).toBe(-1);
    expect(line.take(10_100)).toBe(0);
    expect(line.nextDue).toBe(Number.POSITIVE_INFINITY);
  });

  test('sends one frame after the other at its rate', () => {
    const line = new DelayLine(8, SLOW);
    for (let i = 0; i < 3; i++) line.offer(0, 1500);
    const due = [0, 1, 2].map(() => {
      const at = line.nextDue;
      line.take(at);
      return at;
    });
    expect(due).toEqual([6000, 7000, 8000]);
  });

  test('drops what finds the queue full, and has room again when the transmitter has sent a frame', () => {
    const line = new DelayLine(8, SLOW);
    expect([0, 1, 2, 3].map(() => line.offer(0, 1500))).toEqual([true, true, true, false]);
    expect(line.offer(999, 1500)).toBe(false);
    expect(line.offer(1000, 1500)).toBe(true);
    expect(line.dropped).toBe(2);
  });

  test('is idle after a pause: the rate does not save up', () => {
    const line = new DelayLine(8, SLOW);
    line.offer(0, 1500);
    line.offer(100_000, 1500);
    line.take(6000);
    expect(line.nextDue).toBe(106_000);
  });

  test('a shorter delay lets nobody overtake', () => {
    const line = new DelayLine(8, { ...FREE, delayMicros: 10_000 });
    line.offer(0, 100);
    line.configure({ ...FREE, delayMicros: 1000 });
    line.offer(0, 100);
    expect([line.take(10_000), line.take(10_000)]).toEqual([0, 1]);
  });

  test('has no slot to offer when all are held, and drops then', () => {
    const line = new DelayLine(2, { ...FREE, delayMicros: 10 });
    line.offer(0, 1);
    line.offer(0, 1);
    expect(line.freeSlot).toBe(-1);
    expect(line.offer(0, 1)).toBe(false);
    line.take(10);
    expect(line.freeSlot).toBe(0);
  });

  test('delivers in order, on time, each frame once or counts it dropped, under any load', () => {
    const load = fc.array(fc.record({ gap: fc.nat(3000), bytes: fc.integer({ min: 60, max: 1514 }) }), {
      maxLength: 200,
    });
    const parameters = fc.record({
      delayMicros: fc.nat(20_000),
      rateBitsPerSecond: fc.constantFrom(1e6, 12e6, 1e9, Number.POSITIVE_INFINITY),
      queuePackets: fc.integer({ min: 1, max: 20 }),
    });
    fc.assert(
      fc.property(load, parameters, (frames, wanted) => {
        const line = new DelayLine(16, wanted);
        const bytesIn: number[] = [];
        const accepted: { at: number; number: number }[] = [];
        const slots = new Map<number, number>();
        let now = 0;
        let next = 0;
        const drain = (until: number) => {
          while (line.nextDue <= until) {
            const due = line.nextDue;
            const { at, number } = accepted[next]!;
            expect(slots.get(line.take(due))).toBe(number);
            expect(due).toBeGreaterThanOrEqual(
              at + wanted.delayMicros + (bytesIn[number]! * 8e6) / wanted.rateBitsPerSecond - 1e-6,
            );
            next++;
          }
        };
        frames.forEach(({ gap, bytes }, number) => {
          now += gap;
          drain(now);
          bytesIn.push(bytes);
          const slot = line.freeSlot;
          if (!line.offer(now, bytes)) return;
          slots.set(slot, number);
          accepted.push({ at: now, number });
        });
        drain(Number.MAX_VALUE);
        expect(line.delivered).toBe(accepted.length);
        expect(line.offered).toBe(line.delivered + line.dropped);
      }),
    );
  });
});
