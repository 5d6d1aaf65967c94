import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Clock } from './clock.ts';

describe('Clock', () => {
  it('lets events happen by time, those of one moment in the order they were asked for', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(50), { maxLength: 200 }), (delays) => {
        const clock = new Clock(1000);
        const happened: [at: number, order: number][] = [];
        for (const [order, delay] of delays.entries()) {
          clock.after(delay, () => happened.push([clock.nowMicros, order]));
        }
        clock.runUntil(2000);
        const expected = delays
          .map((delay, order): [number, number] => [1000 + delay, order])
          .sort((a, b) => a[0] - b[0] || a[1] - b[1]);
        expect(happened).toEqual(expected);
        expect([clock.nowMicros, clock.pending]).toEqual([2000, 0]);
      }),
    );
  });

  it('takes in events that are asked for while others happen, past ones at once', () => {
    const clock = new Clock(0);
    const seen: string[] = [];
    clock.at(10, () => {
      clock.at(5, () => seen.push(`late at ${clock.nowMicros}`));
      clock.after(3, () => seen.push(`next at ${clock.nowMicros}`));
    });
    clock.at(10, () => seen.push('same moment'));
    clock.runUntil(100);
    expect(seen).toEqual(['same moment', 'late at 10', 'next at 13']);
  });

  it('stops when it is done, or at its limit, and says which', () => {
    const clock = new Clock(0);
    let count = 0;
    const tick = () => {
      count++;
      clock.after(10, tick);
    };
    clock.after(10, tick);
    expect(clock.runWhileNot(() => count === 5, 1000)).toBe(true);
    expect(clock.nowMicros).toBe(50);
    expect(clock.runWhileNot(() => false, 75)).toBe(false);
    expect([clock.nowMicros, count]).toEqual([75, 7]);
  });
});
