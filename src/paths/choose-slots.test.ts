import { describe, expect, it } from 'vitest';
import { itForSeeds } from '../../test/support/seeds.ts';
import { below, SeededRng } from '../base/rng.ts';
import { chooseSlots } from './choose-slots.ts';
import { type Hops, routeKey } from './hops.ts';
import { CANDIDATES, SLOTS } from './path-table.ts';

const own = Array.from({ length: SLOTS }, (_, slot) => slot);

/** The hops of candidates 0, 1, …, written as words. */
function hopsOf(...lists: string[]): Hops {
  return new Map(lists.map((list, candidate) => [candidate, list.split(' ')]));
}

describe('slots', () => {
  it('move only as far as it takes to be even', () => {
    const hops = hopsOf(...Array(9).fill('a'), 'b', 'b', 'b', 'b', 'b');
    expect(chooseSlots(hops, own)).toEqual([0, 1, 2, 3, 9, 10, 11, 12]);
  });

  it('share a route rather than leave one to nobody', () => {
    const hops = hopsOf(...Array(30).fill('a'), 'b', 'c');
    const chosen = chooseSlots(hops, own);
    expect(chosen).toEqual([0, 1, 2, 3, 4, 5, 30, 31]);
  });

  it('prefer more routes to an even use of their first parts', () => {
    const hops = hopsOf(...Array(20).fill('a'), 'b 1', 'b 2', 'b 3', 'b 4', 'b 5', 'b 6', 'b 7');
    expect(new Set(chooseSlots(hops, own).map((candidate) => routeKey(hops.get(candidate)!))).size).toBe(8);
  });

  itForSeeds('stay once they are chosen, each with a port of its own', 50, (seed) => {
    const rng = new SeededRng(seed);
    const width = 1 + below(rng, 6);
    const lists = Array.from({ length: CANDIDATES }, () => `${below(rng, width)} ${below(rng, width)}`);
    const chosen = chooseSlots(hopsOf(...lists), own);
    expect(new Set(chosen).size).toBe(SLOTS);
    expect(chooseSlots(hopsOf(...lists), chosen)).toEqual(chosen);
  });
});
