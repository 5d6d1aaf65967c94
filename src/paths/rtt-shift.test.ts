import { describe, expect, it } from 'vitest';
import { SLOTS } from './path-table.ts';
import { RttShift } from './rtt-shift.ts';

const even = (rtt: number) => Array.from({ length: SLOTS }, () => rtt);
const withSlot = (rtts: number[], slot: number, rtt: number) => rtts.with(slot, rtt);

/** In how many of so many looks a change is seen. */
function seen(shift: RttShift, rtts: number[], looks: number): number {
  return Array.from({ length: looks }, () => shift.look(rtts)).filter(Boolean).length;
}

describe('a change for good is', () => {
  it('one slot that takes longer, or less, than the others do; seen once', () => {
    for (const rtt of [450, 40]) {
      const shift = new RttShift();
      shift.look(even(200));
      expect(seen(shift, withSlot(even(200), 2, rtt), 4)).toBe(0);
      expect(seen(shift, withSlot(even(200), 2, rtt), 20)).toBe(1);
    }
  });

  it('seen under load too', () => {
    const shift = new RttShift();
    shift.look(even(200));
    expect(seen(shift, withSlot(even(800), 2, 2000), 5)).toBe(1);
  });
});

describe('no change is', () => {
  it.each([
    ['a load that all slots feel', even(1000)],
    ['a few microseconds', withSlot(even(20), 1, 90)],
    ['a slot without samples', withSlot(even(200), 1, 0)],
    ['nothing known at all', even(0)],
  ])('%s', (_, rtts) => {
    const shift = new RttShift();
    shift.look(even(rtts[0] === 20 ? 20 : 200));
    expect(seen(shift, rtts, 20)).toBe(0);
  });

  it('one slot for a moment', () => {
    const shift = new RttShift();
    shift.look(even(200));
    for (let i = 0; i < 10; i++) {
      expect(seen(shift, withSlot(even(200), 1, 900), 4)).toBe(0);
      expect(shift.look(even(200))).toBe(false);
    }
  });
});
