// A route that is slow for long, there, back or both ways: its slots move to faster ones after two minutes and stay there, though
// who spreads slots over routes knows nothing of round trips (ZooRoute §8). Virtual time.
import { describe, expect, it } from 'vitest';
import { checkIdle } from '../../test/vswitch/conservation.ts';
import { frameBetween, type Layout, vtepOf } from '../../test/vswitch/tenants.ts';
import { type World, type WorldHost, worldOf } from '../../test/vswitch/world.ts';
import { numbered } from '../../test/wire/frames.ts';
import { peersOf } from '../agent/reports/switch-report.ts';
import { SeededRng } from '../base/rng.ts';
import {
  type Decision,
  MOVED_BY_ROUTES,
  MOVED_FOR_SLOWNESS,
  STAYS_FOR_WAY_BACK,
} from '../paths/decisions.ts';
import { CANDIDATES, SLOTS } from '../paths/path-table.ts';
import { RouteFinder } from '../paths/routes.ts';
import { SLOT_HEALTHY } from '../paths/slot-health.ts';

const layout: Layout = { vni: 77, reliable: true, hosts: [[1], [2]] };
const MILLISECOND = 1000;
const SECOND = 1_000_000;
const SLOW_MICROS = 3 * MILLISECOND;
const ALL = Array.from({ length: SLOTS }, (_, slot) => slot);
const PORTS = Array.from({ length: CANDIDATES }, (_, port) => port);

/** Asks the modelled routers of one host's ways, and has its switch spread slots over them. */
class Routes {
  private readonly finder: RouteFinder;
  private readonly host: WorldHost;
  private readonly spineOf: (port: number) => number;
  private now: number;

  constructor(host: WorldHost, nowMicros: number, spineOf: (port: number) => number) {
    this.finder = new RouteFinder(1, PORTS, nowMicros);
    this.host = host;
    this.spineOf = spineOf;
    this.now = nowMicros;
  }

  /** As the agent does it. */
  run(untilMicros: number): void {
    const { finder, host } = this;
    const [{ slots, rerouting }] = peersOf(host.vswitch) as [ReturnType<typeof peersOf>[number]];
    finder.onReport(untilMicros, 0, slots, rerouting);
    for (; this.now <= untilMicros; this.now += 10 * MILLISECOND) {
      const probe = finder.poll(this.now);
      if (probe === undefined) continue;
      const router = ['leaf1', `spine${this.spineOf(probe.candidate)}`, 'leaf2'][probe.ttl - 1];
      if (router !== undefined) finder.onAnswer(probe, router);
    }
    for (let change = finder.takeChange(); change !== undefined; change = finder.takeChange())
      host.vswitch.bindSlots(change.peer, change.slots, change.routes);
  }
}

class Fabric {
  readonly world: World;
  readonly hosts: readonly [WorldHost, WorldHost];
  /** By sender, the spines that are slow. */
  readonly slow: readonly [Set<number>, Set<number>] = [new Set(), new Set()];
  private readonly spines: number;
  private routes: readonly Routes[] = [];
  private sent = 0;

  constructor(spines = 4) {
    this.spines = spines;
    const { world, hosts } = worldOf([layout]);
    this.world = world;
    this.hosts = hosts as [WorldHost, WorldHost];
    world.delays = ({ from, slot }) =>
      this.slow[from === vtepOf(0) ? 0 : 1].has(this.spineOf(slot)) ? SLOW_MICROS : 0;
  }

  /** Routes are looked for from now on. */
  findRoutes(): void {
    const { nowMicros } = this.world.clock;
    this.routes = this.hosts.map((host) => new Routes(host, nowMicros, (port) => this.spineOf(port)));
  }

  slowDown(spine: number): void {
    for (const each of this.slow) each.add(spine);
  }

  /** Both tenants send some frames a second. */
  trickle(seconds: number, perSecond = 10): void {
    const { world, hosts } = this;
    for (let i = 0; i < seconds * perSecond; i++, this.sent++) {
      hosts[0].send(0, frameBetween(1, 2, { udp: {}, payload: numbered(100) }));
      hosts[1].send(0, frameBetween(2, 1, { udp: {}, payload: numbered(100) }));
      world.pass(SECOND / perSecond);
      for (const routes of this.routes) if (i % perSecond === 0) routes.run(world.clock.nowMicros);
    }
    world.packets.length = 0;
  }

  /** How many slots of a host are on each spine. */
  spread(host: WorldHost): number[] {
    const spines = portsOf(host).map((port) => this.spineOf(port));
    return Array.from({ length: this.spines }, (_, spine) => spines.filter((each) => each === spine).length);
  }

  /** Everything arrived, and nothing is held. */
  check(): void {
    this.world.pass(3 * SECOND);
    for (const { received, vswitch, region } of this.hosts) {
      expect(received[0]!.length).toBe(this.sent);
      expect(ALL.filter((slot) => vswitch.paths.stateOf(0, slot) !== SLOT_HEALTHY)).toEqual([]);
      checkIdle(vswitch, region);
    }
  }

  private spineOf(port: number): number {
    return port % this.spines;
  }
}

function portsOf({ vswitch }: WorldHost): number[] {
  return ALL.map((slot) => vswitch.paths.candidateOf(0, slot));
}

function decisionsOf({ vswitch }: WorldHost): Decision[] {
  return vswitch.pathCare.decisions.all();
}

function movesOf(host: WorldHost, why: number): Decision[] {
  return decisionsOf(host).filter((each) => each.name === 'slot-moved' && each.why === why);
}

describe('slots on a route that is slow both ways', () => {
  it('move after two minutes and not before, and no source port is taken for bad', () => {
    const fabric = new Fabric();
    fabric.trickle(10);
    fabric.slowDown(2);
    fabric.trickle(115);
    for (const host of fabric.hosts) expect(portsOf(host)).toEqual(ALL);
    fabric.trickle(20);
    for (const host of fabric.hosts) {
      expect(fabric.spread(host)[2]).toBe(0);
      const moves = movesOf(host, MOVED_FOR_SLOWNESS);
      expect(moves.map(({ slot }) => slot).sort()).toEqual([2, 6]);
      expect(decisionsOf(host).filter(({ name }) => name === 'candidate-left')).toEqual([]);
      // It is no fault near the peer.
      expect(host.vswitch.pathCare.candidates.switchesOf(0)).toEqual({ count: 0, alarmSince: 0 });
    }
    fabric.check();
  });

  it('stay away where slots are spread over routes, for half an hour, and come back when the route is fast again', () => {
    const fabric = new Fabric();
    fabric.findRoutes();
    fabric.trickle(30);
    for (const host of fabric.hosts) expect(fabric.spread(host)).toEqual([2, 2, 2, 2]);
    fabric.slowDown(2);
    fabric.trickle(150);
    for (const host of fabric.hosts) {
      expect(fabric.spread(host).toSorted()).toEqual([0, 2, 3, 3]);
      expect(fabric.spread(host)[2]).toBe(0);
    }
    for (const each of fabric.slow) each.clear();
    const ports = fabric.hosts.map(portsOf);
    const routed = fabric.hosts.map((host) => movesOf(host, MOVED_BY_ROUTES).length);
    for (let i = 0; i < 20; i++) {
      fabric.trickle(80, 1);
      for (const host of fabric.hosts) expect(fabric.spread(host)[2]).toBe(0);
    }
    expect(fabric.hosts.map(portsOf)).toEqual(ports);
    expect(fabric.hosts.map((host) => movesOf(host, MOVED_BY_ROUTES).length)).toEqual(routed);
    fabric.trickle(300, 1);
    for (const host of fabric.hosts) {
      expect(fabric.spread(host)).toEqual([2, 2, 2, 2]);
      expect(movesOf(host, MOVED_FOR_SLOWNESS)).toHaveLength(2);
    }
    fabric.check();
  });

  it('move once in half an hour where the route stays slow', () => {
    const fabric = new Fabric();
    fabric.findRoutes();
    fabric.trickle(30);
    fabric.slowDown(2);
    fabric.trickle(150);
    fabric.trickle(1700, 1);
    for (const host of fabric.hosts) expect(movesOf(host, MOVED_FOR_SLOWNESS)).toHaveLength(2);
    fabric.trickle(400);
    for (const host of fabric.hosts) {
      // When the first is moved, who spreads slots may do it with the other.
      const again = movesOf(host, MOVED_FOR_SLOWNESS).slice(2);
      expect([1, 2]).toContain(again.length);
      expect(fabric.spread(host)[2]).toBe(0);
    }
    fabric.check();
  });

  it('may be two routes out of eight', () => {
    const fabric = new Fabric(8);
    fabric.findRoutes();
    fabric.trickle(30);
    for (const spine of [3, 5]) fabric.slowDown(spine);
    fabric.trickle(200);
    for (const host of fabric.hosts) {
      expect(fabric.spread(host)).toEqual(expect.arrayContaining([0, 0, 1, 1, 1, 1, 2, 2]));
      expect([3, 5].map((spine) => fabric.spread(host)[spine])).toEqual([0, 0]);
      expect(movesOf(host, MOVED_FOR_SLOWNESS)).toHaveLength(2);
    }
    fabric.check();
  });
});

it('where only one way is slow, the sender of that way moves, and the other stays', () => {
  const fabric = new Fabric();
  fabric.trickle(10);
  fabric.slow[0].add(2);
  fabric.trickle(140);
  const [sender, peer] = fabric.hosts;
  expect(fabric.spread(sender)[2]).toBe(0);
  expect(portsOf(peer)).toEqual(ALL);
  expect(peer.vswitch.pathCare.candidates.badOf(0)).toBe(0);
  const stays = decisionsOf(peer).filter(({ name }) => name === 'slow-stays');
  for (const { why } of stays) expect(why).toBe(STAYS_FOR_WAY_BACK);
  expect(decisionsOf(peer).some(({ name }) => name === 'slot-slow')).toBe(true);
  fabric.check();
});

describe('nothing moves', () => {
  it.each<readonly [string, (fabric: Fabric) => void]>([
    [
      'where all routes are slow alike',
      (fabric) => {
        for (let spine = 0; spine < 4; spine++) fabric.slowDown(spine);
      },
    ],
    [
      'for jitter of milliseconds',
      ({ world }) => {
        const rng = new SeededRng(7);
        world.delays = () => rng.u32() % (2 * SLOW_MICROS);
      },
    ],
  ])('%s', (_, slowDown) => {
    const fabric = new Fabric();
    fabric.trickle(10);
    slowDown(fabric);
    fabric.trickle(400);
    // Who jitters so much is left for silence now and then, as ever.
    for (const host of fabric.hosts)
      expect(decisionsOf(host).filter(({ name }) => name === 'slot-slow')).toEqual([]);
    fabric.check();
  });
});

it('a switch that is replaced before every turn decides the same', () => {
  const decided = (replaces: boolean) => {
    const fabric = new Fabric();
    fabric.findRoutes();
    if (replaces) fabric.world.beforeTurn = (host) => host.replaceSwitch();
    fabric.trickle(20);
    fabric.slowDown(2);
    fabric.trickle(140, 2);
    return fabric.hosts.map((host) => [decisionsOf(host), host.vswitch.pathCare.candidates.badOf(0)]);
  };
  const plain = decided(false);
  expect(plain[0]![1]).not.toBe(0);
  expect(decided(true)).toEqual(plain);
});
