// Slots change their source ports one by one, each when it is empty; what was asked for last counts.
import { describe, expect, it } from 'vitest';
import { MOVED_BLINDLY, MOVED_BY_REROUTING, MOVED_FOR_SLOWNESS } from './decisions.ts';
import { PathTable, SLOTS } from './path-table.ts';
import { Rebinding } from './rebinding.ts';

const own = Array.from({ length: SLOTS }, (_, slot) => slot);
const MILLISECOND = 1000;

class Rig {
  readonly paths = new PathTable(0);
  readonly full = new Set<number>();
  readonly bad = new Set<number>();
  readonly bound: (readonly [slot: number, candidate: number])[] = [];
  rebinding: Rebinding;

  constructor() {
    this.paths.addPeer();
    this.rebinding = this.next();
  }

  /** Another that goes on from the state of the one before. */
  next(): Rebinding {
    const actions = {
      isSlotEmpty: (_peer: number, slot: number) => !this.full.has(slot),
      bindSlot: (_peer: number, slot: number, candidate: number) => this.bound.push([slot, candidate]),
      isBad: (_peer: number, candidate: number) => this.bad.has(candidate),
    };
    return new Rebinding(this.paths, actions, 0, this.rebinding?.save());
  }

  /** Asks for these candidates, with routes of their tens. */
  ask(candidates: readonly number[]): void {
    const slots = candidates.map((candidate) => ({ candidate, route: 1 + Math.floor(candidate / 10) }));
    this.rebinding.ask(0, 0, slots);
  }

  get closed(): number[] {
    return own.filter((slot) => !this.paths.isOpen(0, slot));
  }
}

it('a slot that is empty changes at once, and learns its route', () => {
  const rig = new Rig();
  rig.ask(own.with(3, 25));
  rig.rebinding.settle(0);
  expect(rig.bound).toEqual([[3, 25]]);
  expect(own.map((slot) => rig.paths.candidateOf(0, slot))).toEqual(own.with(3, 25));
  expect(own.map((slot) => rig.paths.routeOf(0, slot))).toEqual([1, 1, 1, 3, 1, 1, 1, 1]);
  expect(rig.rebinding.nextTimeout()).toBe(Number.POSITIVE_INFINITY);
});

it('slots in use change one at a time, when nothing is on them any more', () => {
  const rig = new Rig();
  for (const slot of [2, 5]) rig.full.add(slot);
  rig.ask(own.with(2, 12).with(5, 15));
  rig.rebinding.settle(0);
  expect({ bound: rig.bound, closed: rig.closed }).toEqual({ bound: [], closed: [2] });
  expect(rig.rebinding.nextTimeout()).toBe(MILLISECOND);
  rig.full.delete(5);
  rig.rebinding.settle(MILLISECOND);
  expect(rig.bound).toEqual([]);
  rig.full.delete(2);
  rig.full.add(5);
  rig.rebinding.settle(2 * MILLISECOND);
  expect({ bound: rig.bound, closed: rig.closed }).toEqual({ bound: [[2, 12]], closed: [5] });
  rig.full.clear();
  rig.rebinding.settle(3 * MILLISECOND);
  expect(rig.bound).toEqual([
    [2, 12],
    [5, 15],
  ]);
  expect(rig.closed).toEqual([]);
});

it('a slot is looked at once a millisecond, not every turn', () => {
  const rig = new Rig();
  rig.full.add(2);
  rig.ask(own.with(2, 12));
  rig.rebinding.settle(0);
  rig.full.clear();
  rig.rebinding.settle(MILLISECOND - 1);
  expect(rig.bound).toEqual([]);
  rig.rebinding.settle(MILLISECOND);
  expect(rig.bound).toEqual([[2, 12]]);
});

describe('what is asked for anew', () => {
  it('takes the place of what is still to change', () => {
    const rig = new Rig();
    rig.full.add(2);
    rig.ask(own.with(2, 12).with(3, 13));
    rig.rebinding.settle(0);
    rig.ask(own.with(4, 14));
    rig.rebinding.settle(0);
    expect({ bound: rig.bound, closed: rig.closed }).toEqual({ bound: [[4, 14]], closed: [] });
  });
});

it('a newer engine goes on with what is still to change', () => {
  const rig = new Rig();
  rig.full.add(2);
  rig.ask(own.with(2, 12).with(3, 13));
  rig.rebinding.settle(0);
  rig.paths.setDraining(0, 2, false);
  rig.rebinding = rig.next();
  expect(rig.closed).toEqual([2]);
  rig.full.clear();
  rig.rebinding.settle(0);
  expect(rig.bound).toEqual([
    [2, 12],
    [3, 13],
  ]);
});

it('two slots may change places', () => {
  const rig = new Rig();
  rig.ask(own.with(0, 1).with(1, 0));
  rig.rebinding.settle(0);
  expect(rig.bound).toEqual([
    [0, 1],
    [1, 0],
  ]);
});

describe('a slot that was left for a fault', () => {
  it('changes as soon as it is empty, whatever else waits', () => {
    const rig = new Rig();
    rig.full.add(2);
    rig.ask(own.with(2, 12));
    rig.rebinding.move(0, 0, 5, 15, 3, MOVED_BY_REROUTING);
    rig.rebinding.settle(0);
    expect(rig.bound).toEqual([[5, 15]]);
    expect({ moving: rig.rebinding.isMoving(0, 2), target: rig.rebinding.isTarget(0, 12) }).toEqual({
      moving: true,
      target: true,
    });
    rig.full.clear();
    rig.rebinding.settle(MILLISECOND);
    expect(rig.bound).toEqual([
      [5, 15],
      [2, 12],
    ]);
  });

  it('stays when it works again meanwhile', () => {
    const rig = new Rig();
    rig.full.add(5);
    rig.rebinding.move(0, 0, 5, 15, 3, MOVED_BY_REROUTING);
    rig.rebinding.keep(0, 5);
    rig.full.clear();
    rig.rebinding.settle(MILLISECOND);
    expect(rig.bound).toEqual([]);
    expect(rig.rebinding.nextTimeout()).toBe(Number.POSITIVE_INFINITY);
  });

  it('is still to be moved when routes leave it where it is, and not when they move it', () => {
    const rig = new Rig();
    rig.full.add(5).add(6);
    rig.rebinding.move(0, 0, 5, 15, 3, MOVED_BY_REROUTING);
    rig.rebinding.move(0, 0, 6, 16, 3, MOVED_BY_REROUTING);
    rig.ask(own.with(6, 26));
    rig.full.clear();
    rig.rebinding.settle(MILLISECOND);
    expect(own.map((slot) => rig.paths.candidateOf(0, slot))).toEqual(own.with(5, 15).with(6, 26));
  });

  it('is given another at once where nothing will empty it', () => {
    const rig = new Rig();
    rig.full.add(5);
    rig.rebinding.force(0, 0, 5, 15, 3, MOVED_BLINDLY);
    expect(rig.bound).toEqual([[5, 15]]);
  });
});

describe('a slot that is slow', () => {
  it('is emptied before it changes, though it works all the while', () => {
    const rig = new Rig();
    rig.full.add(5);
    rig.rebinding.move(0, 0, 5, 15, 3, MOVED_FOR_SLOWNESS);
    rig.rebinding.settle(0);
    rig.rebinding.keep(0, 5);
    expect({ bound: rig.bound, closed: rig.closed }).toEqual({ bound: [], closed: [5] });
    rig.full.clear();
    rig.rebinding.settle(MILLISECOND);
    expect({ bound: rig.bound, closed: rig.closed }).toEqual({ bound: [[5, 15]], closed: [] });
  });

  it('is still to be moved when routes leave it where it is, and not when they move it', () => {
    const rig = new Rig();
    rig.full.add(5).add(6);
    rig.rebinding.move(0, 0, 5, 15, 3, MOVED_FOR_SLOWNESS);
    rig.rebinding.move(0, 0, 6, 16, 3, MOVED_FOR_SLOWNESS);
    rig.ask(own.with(6, 26));
    rig.full.clear();
    rig.rebinding.settle(MILLISECOND);
    expect(own.map((slot) => rig.paths.candidateOf(0, slot))).toEqual(own.with(5, 15).with(6, 26));
  });
});

it('slots do not go where nothing works: whoever asked did not know', () => {
  const rig = new Rig();
  rig.bad.add(25);
  rig.ask(own.with(3, 25).with(4, 24));
  rig.rebinding.settle(0);
  expect(rig.bound).toEqual([]);
});
