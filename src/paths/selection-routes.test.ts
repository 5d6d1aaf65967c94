// Routes in the choice of the slots to spray over: one on each as long as that is not much slower.
import { beforeEach, describe, expect, it } from 'vitest';
import { PathTable, SLOTS } from './path-table.ts';

const CHOOSE_MICROS = 1000;
const PAIRS = [1, 1, 2, 2, 3, 3, 4, 4];

let table: PathTable;
let now: number;
beforeEach(() => {
  now = 1_000_000;
  table = new PathTable(now);
  table.addPeer();
});

function measure(rttMicros: readonly number[]): void {
  for (let i = 0; i < 30; i++) {
    for (const [slot, rtt] of rttMicros.entries()) table.onSample(0, slot, rtt);
  }
}

function routes(numbers: readonly number[]): void {
  for (const [slot, route] of numbers.entries()) table.setRoute(0, slot, route);
}

function chosen(): number[] {
  now += CHOOSE_MICROS;
  const bits = table.selection(0, now);
  return Array.from({ length: SLOTS }, (_, slot) => slot).filter((slot) => ((bits >> slot) & 1) === 1);
}

describe('the slots to spray over', () => {
  it('are one on each of four routes, the faster of two', () => {
    routes(PAIRS);
    measure([400, 410, 420, 430, 500, 300, 600, 510]);
    expect(chosen()).toHaveLength(4);
    measure([400, 300, 310, 400, 500, 350, 600, 450]);
    expect(chosen().map((slot) => PAIRS[slot])).toEqual([1, 2, 3, 4]);
  });

  it('share a route rather than take one that is much slower', () => {
    routes(PAIRS);
    measure([200, 200, 200, 200, 200, 200, 9000, 9000]);
    expect(chosen().map((slot) => PAIRS[slot])).not.toContain(4);
  });

  it('are as ever where no route is known', () => {
    measure([100, 900, 200, 800, 300, 700, 400, 600]);
    expect(chosen()).toEqual([0, 2, 4, 6]);
  });

  it('are chosen anew at once when routes are found, or a slot is about to change', () => {
    measure([1000, 1010, 1020, 1030, 1050, 1060, 1070, 1080]);
    chosen();
    routes([1, 1, 1, 1, 2, 2, 3, 4]);
    const anew = Array.from({ length: SLOTS }, (_, slot) => slot).filter(
      (slot) => ((table.selection(0, now) >> slot) & 1) === 1,
    );
    expect(anew.filter((slot) => slot >= 4)).not.toHaveLength(0);
    const [first] = anew;
    table.setDraining(0, first!, true);
    expect((table.selection(0, now) >> first!) & 1).toBe(0);
  });
});
