// Routes are found in fabrics of many shapes, among routers that answer little or nothing, and found again when they
// change; and all that with few probes.
import { describe, expect, it } from 'vitest';
import { itForSeeds } from '../../test/support/seeds.ts';
import { below, SeededRng } from '../base/rng.ts';
import { ecmp, leafSpine, ModelledFabric, type Way } from './modelled-fabric.testing.ts';
import { CANDIDATES, SLOTS } from './path-table.ts';
import { SLOT_BAD, SLOT_SUSPECT } from './slot-health.ts';

const candidates = Array.from({ length: CANDIDATES }, (_, candidate) => candidate);
const HOUR = 3600;

function found(way: Way, seconds = 60): ModelledFabric {
  const fabric = new ModelledFabric(way);
  fabric.pass(seconds);
  return fabric;
}

describe('slots cover', () => {
  it('four spines, two each, within seconds', () => {
    const fabric = new ModelledFabric(leafSpine([1, 2, 3, 4]));
    expect(fabric.spread()).not.toEqual([2, 2, 2, 2]);
    expect(fabric.passUntil(() => String(fabric.spread()) === '2,2,2,2', 15)).toBe(true);
    const [slots] = fabric.slots;
    expect(new Set(slots!.map(({ candidate }) => candidate)).size).toBe(SLOTS);
    expect(new Set(slots!.map(({ route }) => route))).toEqual(new Set([1, 2, 3, 4]));
    for (const { candidate } of slots!) {
      expect(fabric.finder.hopsOf(0, candidate)).toEqual(fabric.way(candidate, 0));
    }
  });

  it('three spines as evenly as eight slots can, and two', () => {
    expect(found(leafSpine([1, 2, 3])).spread()).toEqual([2, 3, 3]);
    expect(found(leafSpine([1, 2])).spread()).toEqual([4, 4]);
  });

  it('one route as they are, and know that it is one', () => {
    const { slots, changes } = found(leafSpine([1]));
    expect(slots[0]).toEqual(candidates.slice(0, SLOTS).map((candidate) => ({ candidate, route: 1 })));
    expect(changes).toBe(1);
  });

  it('eight of sixteen routes through three tiers, two by each of the first four', () => {
    const way: Way = (candidate) => {
      const up = ecmp(candidate, 1, 4);
      const core = `core${up}.${ecmp(candidate, 2 + up, 4)}`;
      return ['leaf1', `up${up}`, core, `down${up}`, 'leaf2'];
    };
    const fabric = found(way);
    expect(fabric.spread()).toEqual([1, 1, 1, 1, 1, 1, 1, 1]);
    const first = fabric.slots[0]!.map(({ candidate }) => way(candidate, 0)[1]);
    expect(new Map(first.map((up) => [up, first.filter((other) => other === up).length]))).toEqual(
      new Map([...new Set(first)].map((up) => [up, 2])),
    );
  });

  it('a route that the first sample missed, some looks later', () => {
    const fabric = new ModelledFabric((candidate) => [
      'leaf1',
      candidate < 16 ? 'spine1' : 'spine2',
      'leaf2',
    ]);
    fabric.passUntil(() => fabric.changes > 0, 60);
    expect(fabric.spread()).toEqual([8]);
    fabric.pass(HOUR);
    expect(fabric.spread()).toEqual([4, 4]);
  });

  it('routes of different lengths', () => {
    const way: Way = (candidate) =>
      ecmp(candidate, 1, 2) === 0 ? ['leaf1', 'short', 'leaf2'] : ['leaf1', 'long', 'longer', 'leaf2'];
    expect(found(way).spread()).toEqual([4, 4]);
  });

  itForSeeds('as many routes as there are, evenly, in any fabric', 40, (seed) => {
    const rng = new SeededRng(seed);
    const widths = Array.from({ length: 1 + below(rng, 4) }, () => 1 + below(rng, 5));
    const way: Way = (candidate) => {
      let router = 'leaf';
      return widths.map((width, tier) => {
        // Whether tiers meet again, or each router has its own behind it.
        const own = seed % 2 === 0 ? `${router}/` : '';
        router = `${own}${tier}.${ecmp(candidate, seed * 10 + tier, width)}`;
        return router;
      });
    };
    const fabric = found(way, 900);
    const routes = new Map<string, number>();
    for (const candidate of candidates) {
      const key = way(candidate, 0).join(' ');
      routes.set(key, (routes.get(key) ?? 0) + 1);
    }
    expect(fabric.spread()).toEqual(evenly([...routes.values()]));
    expect(fabric.mostInASecond).toBeLessThanOrEqual(100);
  });
});

/** Slots on each route, where so many candidates lead to each. */
function evenly(sizes: readonly number[]): number[] {
  const used = sizes.map(() => 0);
  for (let slot = 0; slot < SLOTS; slot++) {
    const free = used
      .map((count, route) => ({ count, route }))
      .filter(({ count, route }) => count < sizes[route]!);
    const least = free.reduce((best, next) => (next.count < best.count ? next : best));
    used[least.route]!++;
  }
  return used.filter((count) => count > 0).sort();
}

describe('a router that never answers', () => {
  it('is one route among others', () => {
    const fabric = new ModelledFabric(leafSpine([1, 2, 3, 4]));
    fabric.silent.add('spine3');
    fabric.pass(60);
    expect(fabric.spread()).toEqual([2, 2, 2, 2]);
  });

  it('on every way does not hide what is behind it', () => {
    const fabric = new ModelledFabric(leafSpine([1, 2, 3, 4]));
    fabric.silent.add('leaf1');
    fabric.pass(60);
    expect(fabric.spread()).toEqual([2, 2, 2, 2]);
  });

  it('anywhere leaves slots as they are', () => {
    const fabric = new ModelledFabric(leafSpine([1, 2, 3, 4]));
    for (const router of ['leaf1', 'spine1', 'spine2', 'spine3', 'spine4', 'leaf2'])
      fabric.silent.add(router);
    fabric.pass(HOUR);
    expect(fabric.slots[0]).toEqual(candidates.slice(0, SLOTS).map((candidate) => ({ candidate, route: 0 })));
    expect(fabric.finder.isSilent(0)).toBe(true);
    // One port, two distances, twice each; ever more rarely.
    expect(fabric.sentAt.length).toBeLessThan(100);
  });
});

describe('when routes change', () => {
  /** How long until slots are even again. */
  function secondsToFollow(fabric: ModelledFabric, wanted: string, patience: number): number {
    const start = fabric.now;
    expect(String(fabric.spread()), 'before').not.toBe(wanted);
    expect(fabric.passUntil(() => String(fabric.spread()) === wanted, patience)).toBe(true);
    return (fabric.now - start) / 1e6;
  }

  it('slots follow a spine that leaves and comes back', () => {
    const fabric = found(leafSpine([1, 2, 3, 4]), 20);
    fabric.way = leafSpine([1, 3, 4], 5);
    secondsToFollow(fabric, '2,3,3', 60);
    fabric.way = leafSpine([1, 2, 3, 4]);
    secondsToFollow(fabric, '2,2,2,2', 60);
  });

  it('a slot that turns bad makes it a matter of seconds, however long nothing has changed', () => {
    const fabric = found(leafSpine([1, 2, 3, 4]), HOUR);
    fabric.health();
    fabric.way = leafSpine([1, 3, 4], 5);
    fabric.health((slot) => (slot === 3 ? { state: SLOT_BAD } : {}));
    expect(secondsToFollow(fabric, '2,3,3', 60)).toBeLessThan(15);
  });

  it('so does a slot that takes another time for good, but not one that is only suspect', () => {
    const fabric = found(leafSpine([1, 2, 3, 4]), HOUR);
    fabric.health();
    const { length: before } = fabric.sentAt;
    fabric.health(() => ({ state: SLOT_SUSPECT }));
    fabric.pass(1);
    expect(fabric.sentAt.length).toBe(before);
    fabric.way = leafSpine([1, 3, 4], 5);
    for (let look = 0; look < 5; look++) fabric.health((slot) => (slot === 3 ? { rttMicros: 900 } : {}));
    expect(secondsToFollow(fabric, '2,3,3', 60)).toBeLessThan(20);
  });

  it('a slot that turns bad again and again makes it no more than every five seconds', () => {
    const fabric = found(leafSpine([1, 2, 3, 4]), HOUR);
    const { length: before } = fabric.sentAt;
    for (let second = 0; second < 100; second++) {
      fabric.health((slot) => (slot === second % SLOTS ? { state: SLOT_BAD } : {}));
      fabric.pass(1);
    }
    expect(fabric.sentAt.length - before).toBeLessThan(20 * 150);
    expect(fabric.mostInASecond).toBeLessThanOrEqual(100);
  });
});

describe('probes', () => {
  it('are few where nothing changes', () => {
    const fabric = found(leafSpine([1, 2, 3, 4]));
    const { length: before } = fabric.sentAt;
    fabric.pass(HOUR);
    // Twenty every five minutes, and more often at first.
    expect(fabric.sentAt.length - before).toBeLessThan(500);
    expect(fabric.changes).toBe(1);
  });

  it('seldom reach the peer', () => {
    expect(found(leafSpine([1, 2, 3, 4])).arrived).toBeLessThanOrEqual(4);
  });

  it('find the routes to many peers, those in use first, with no more a second than to one', () => {
    const peers = 20;
    const fabric = new ModelledFabric((candidate, peer) => {
      const spine = 1 + ecmp(candidate, peer, 4);
      return ['leaf1', `spine${spine}`, `leaf${2 + peer}`];
    }, peers);
    fabric.health(() => ({}), 7);
    fabric.passUntil(() => fabric.changes > 0, 60);
    expect(fabric.slots.findIndex((slots) => slots[0]!.route > 0)).toBe(7);
    const isEven = (_: unknown, peer: number) => String(fabric.spread(peer)) === '2,2,2,2';
    expect(fabric.passUntil(() => fabric.slots.every(isEven), HOUR)).toBe(true);
    expect(fabric.mostInASecond).toBeLessThanOrEqual(100);
  });
});

it('the round trips of another source port are no change of those of the one before', () => {
  const fabric = found(leafSpine([1, 2, 3, 4]), HOUR);
  const [bound] = fabric.slots;
  fabric.slots[0] = bound!.with(3, { candidate: 31, route: 0 });
  for (let look = 0; look < 20; look++) fabric.health((slot) => (slot === 3 ? { rttMicros: 900 } : {}));
  fabric.slots[0] = bound!;
  fabric.health();
  const { length: before } = fabric.sentAt;
  for (let look = 0; look < 20; look++) fabric.health();
  fabric.pass(1);
  expect(fabric.sentAt.length).toBe(before);
});

it('a switch that forgot what it was told is told again', () => {
  const fabric = found(leafSpine([1, 2, 3, 4]));
  const { slots, changes } = fabric;
  fabric.health();
  fabric.pass(1);
  expect(fabric.changes).toBe(changes);
  const [wanted] = slots;
  slots[0] = candidates.slice(0, SLOTS).map((candidate) => ({ candidate, route: 0 }));
  fabric.health();
  fabric.pass(1);
  expect(fabric.slots[0]).toEqual(wanted);
});

describe('slots that the switch moved for a fault', () => {
  const spine2 = (fabric: ModelledFabric) =>
    candidates.filter((candidate) => fabric.way(candidate, 0)[1] === 'spine2');
  const bits = (of: readonly number[]) => of.reduce((all, candidate) => all | (1 << candidate), 0);

  it('stay where they are until routes are looked at, which is soon, and none goes back to what fails', () => {
    const fabric = found(leafSpine([1, 2, 3, 4]), HOUR);
    const failing = spine2(fabric);
    const free = candidates.filter(
      (each) => !failing.includes(each) && fabric.slots[0]!.every(({ candidate }) => candidate !== each),
    );
    const moved = fabric.slots[0]!.map((slot) =>
      failing.includes(slot.candidate) ? { candidate: free.shift()!, route: 0 } : slot,
    );
    fabric.slots[0] = moved;
    // It still answers: what fails there may be one direction, or a share.
    fabric.rerouting = { moves: 2, badCandidates: bits(failing) };
    fabric.health();
    const { changes } = fabric;
    fabric.health();
    expect(fabric.slots[0]).toBe(moved);
    expect(fabric.changes).toBe(changes);
    expect(fabric.passUntil(() => fabric.changes > changes, 60)).toBe(true);
    expect(fabric.spread()).toEqual([2, 3, 3]);
    fabric.health();
    fabric.pass(HOUR);
    expect(fabric.spread()).toEqual([2, 3, 3]);
  });

  it('share all routes again when what failed works', () => {
    const fabric = found(leafSpine([1, 2, 3, 4]), HOUR);
    fabric.rerouting = { moves: 0, badCandidates: bits(spine2(fabric)) };
    fabric.health();
    fabric.passUntil(() => String(fabric.spread()) === '2,3,3', 60);
    fabric.rerouting = { moves: 0, badCandidates: 0 };
    fabric.health();
    expect(fabric.passUntil(() => String(fabric.spread()) === '2,2,2,2', 60)).toBe(true);
  });

  it('where everything fails, cover all routes all the same', () => {
    const fabric = found(leafSpine([1, 2, 3, 4]), HOUR);
    fabric.rerouting = { moves: 0, badCandidates: -1 };
    fabric.health();
    fabric.pass(60);
    expect(fabric.spread()).toEqual([2, 2, 2, 2]);
  });

  it('of one data thread and not of another are left to them', () => {
    const fabric = found(leafSpine([1, 2, 3, 4]), HOUR);
    const { changes } = fabric;
    fabric.slots[0] = fabric.slots[0]!.with(3, { candidate: -1, route: 0 });
    fabric.rerouting = { moves: 1, badCandidates: 0 };
    fabric.health();
    fabric.pass(1);
    expect(fabric.changes).toBe(changes);
  });

  it('tell the route of every candidate', () => {
    const fabric = new ModelledFabric(leafSpine([1, 2, 3, 4]));
    fabric.passUntil(() => String(fabric.spread()) === '2,2,2,2', 60);
    const routeOf = new Map(
      candidates.map((candidate) => [fabric.way(candidate, 0)[1], fabric.routes[0]![candidate]]),
    );
    expect(fabric.routes[0]).toEqual(candidates.map((candidate) => routeOf.get(fabric.way(candidate, 0)[1])));
    expect(new Set(fabric.routes[0])).toEqual(new Set([1, 2, 3, 4]));
  });
});

describe('an answer', () => {
  it('that nobody asked for changes nothing', () => {
    const fabric = new ModelledFabric(leafSpine([1, 2, 3, 4]));
    fabric.passUntil(() => fabric.sentAt.length === 20, 10);
    for (const candidate of candidates) {
      for (let ttl = 1; ttl < 20; ttl++) fabric.finder.onAnswer({ peer: 1, candidate, ttl }, 'liar');
      fabric.finder.onAnswer({ peer: 0, candidate, ttl: 19 }, 'liar');
    }
    fabric.pass(60);
    expect(fabric.spread()).toEqual([2, 2, 2, 2]);
  });
});
