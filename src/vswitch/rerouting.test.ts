// A spine dies, and most of a peer's slots with it: in milliseconds they are bound to source ports whose ways work, on routes
// that the others do not have. Virtual time; the fabric is a function from source port to spine.
import { describe, expect, it } from 'vitest';
import { checkIdle } from '../../test/vswitch/conservation.ts';
import { frameBetween, type Layout, vtepOf } from '../../test/vswitch/tenants.ts';
import { type SentPacket, type World, type WorldHost, worldOf } from '../../test/vswitch/world.ts';
import { numbered } from '../../test/wire/frames.ts';
import { bytesOf } from '../base/bytes.ts';
import { MOVED_BLINDLY } from '../paths/decisions.ts';
import { CANDIDATES, SLOTS } from '../paths/path-table.ts';
import { PORT_BAD, PORT_HEALTHY, PORT_RESTING } from '../paths/reroute/slow-table.ts';
import { SLOT_BAD, SLOT_HEALTHY } from '../paths/slot-health.ts';
import { AckView } from '../wire/bifrost-ack.ts';
import { VXLAN_HEADER_BYTES } from '../wire/vxlan.ts';

const layout: Layout = { vni: 77, reliable: true, hosts: [[1], [2]] };
const MILLISECOND = 1000;
const SECOND = 1_000_000;
const SPINES = 4;
const ALL = Array.from({ length: SLOTS }, (_, slot) => slot);
const CANDIDATE_LIST = Array.from({ length: CANDIDATES }, (_, candidate) => candidate);

/** Five of the first eight source ports lead by spine 0, then every fourth. */
function spineOf(port: number): number {
  return port < 5 ? 0 : port < SLOTS ? port - 4 : port % SPINES;
}

class Fabric {
  readonly world: World;
  readonly hosts: readonly WorldHost[];
  /** By sender, the spines that let nothing through. */
  readonly dead: readonly [Set<number>, Set<number>] = [new Set(), new Set()];
  loses: (packet: SentPacket) => boolean = () => false;
  sent = 0;

  constructor() {
    const { world, hosts } = worldOf([layout], { windowPackets: 1024 });
    this.world = world;
    this.hosts = hosts;
    world.loses = (packet) =>
      this.dead[packet.from === vtepOf(0) ? 0 : 1].has(spineOf(packet.slot)) || this.loses(packet);
    this.stream(20 * MILLISECOND);
  }

  /** Both tenants send some frames every 100 µs for a while; how long it took until it was so. */
  stream(micros: number, until: () => boolean = () => false): number {
    const { world, hosts } = this;
    const begin = world.clock.nowMicros;
    while (world.clock.nowMicros < begin + micros && !until()) {
      for (let i = 0; i < 4; i++) {
        const content = { udp: { sourcePort: 1 + (this.sent % 60_000) }, payload: numbered(900) };
        hosts[0]!.send(0, frameBetween(1, 2, content));
        hosts[1]!.send(0, frameBetween(2, 1, content));
        this.sent++;
      }
      world.pass(100);
    }
    return world.clock.nowMicros - begin;
  }

  /** So little that nothing is known but by probes. */
  trickle(micros: number): void {
    const { world, hosts } = this;
    const end = world.clock.nowMicros + micros;
    while (world.clock.nowMicros < end) {
      for (const [from, to] of [
        [0, 1],
        [1, 0],
      ] as const)
        hosts[from]!.send(0, frameBetween(from + 1, to + 1, { udp: {}, payload: numbered(100) }));
      this.sent++;
      world.pass(100 * MILLISECOND);
    }
  }

  kill(spine: number): void {
    for (const each of this.dead) each.add(spine);
  }

  isWhole(host: WorldHost): boolean {
    return ALL.every(
      (slot) =>
        host.vswitch.paths.stateOf(0, slot) === SLOT_HEALTHY && this.works(host, portsOf(host)[slot]!),
    );
  }

  /** Everything arrived, and nothing is held. */
  check(): void {
    this.world.pass(3 * SECOND);
    for (const { received, vswitch, region } of this.hosts) {
      expect(received[0]!.length).toBe(this.sent);
      checkIdle(vswitch, region);
    }
  }

  private works(host: WorldHost, port: number): boolean {
    return !this.dead[host === this.hosts[0] ? 0 : 1].has(spineOf(port));
  }
}

function portsOf({ vswitch }: WorldHost): number[] {
  return ALL.map((slot) => vswitch.paths.candidateOf(0, slot));
}

/** How many slots are on each spine. */
function spread(host: WorldHost): number[] {
  const spines = portsOf(host).map(spineOf);
  return Array.from({ length: SPINES }, (_, spine) => spines.filter((each) => each === spine).length);
}

function movesOf({ vswitch }: WorldHost): number {
  return vswitch.pathCare.rerouting.movesOf(0);
}

function namesOf({ vswitch }: WorldHost): string[] {
  return vswitch.pathCare.decisions.all().map(({ name }) => name);
}

/** Says which spine each source port is on, as the search for routes would; slots stay as they are. */
function tellRoutes({ vswitch }: WorldHost): void {
  const routes = CANDIDATE_LIST.map((candidate) => spineOf(candidate) + 1);
  vswitch.bindSlots(
    0,
    ALL.map((slot) => ({ candidate: slot, route: routes[slot]! })),
    routes,
  );
}

/** Answers to probes that `host` sent. */
function answersTo({ world }: Fabric, host: number): SentPacket[] {
  const ack = new AckView();
  return world.packets.filter(
    ({ to, bytes }) =>
      to === vtepOf(host) &&
      ack.aim(bytesOf(bytes), VXLAN_HEADER_BYTES, bytes.length - VXLAN_HEADER_BYTES) &&
      ack.isSpecial,
  );
}

describe('a spine dies with five of eight slots', () => {
  it('all eight work again in milliseconds, and none by it', () => {
    const fabric = new Fabric();
    fabric.kill(0);
    const took = fabric.stream(SECOND, () => fabric.hosts.every((host) => fabric.isWhole(host)));
    expect(took).toBeLessThan(50 * MILLISECOND);
    for (const host of fabric.hosts) {
      expect(spread(host)[0]).toBe(0);
      expect(new Set(portsOf(host)).size).toBe(SLOTS);
      expect(movesOf(host)).toBe(5);
    }
    fabric.check();
  });

  it('where routes are known, the others share evenly', () => {
    const fabric = new Fabric();
    fabric.hosts.forEach(tellRoutes);
    fabric.kill(0);
    fabric.stream(SECOND, () => fabric.hosts.every((host) => fabric.isWhole(host)));
    for (const host of fabric.hosts) expect(spread(host).sort()).toEqual([0, 2, 3, 3]);
    fabric.check();
  });

  it('with another at once, the two that are left carry all', () => {
    const fabric = new Fabric();
    fabric.kill(0);
    fabric.kill(2);
    fabric.stream(SECOND, () => fabric.hosts.every((host) => fabric.isWhole(host)));
    for (const host of fabric.hosts) expect(spread(host)[1]! + spread(host)[3]!).toBe(SLOTS);
    fabric.check();
  });

  it('in one direction, only the sender of that direction moves its slots', () => {
    const fabric = new Fabric();
    fabric.dead[0].add(0);
    fabric.stream(SECOND, () => fabric.isWhole(fabric.hosts[0]!));
    fabric.stream(300 * MILLISECOND);
    expect(spread(fabric.hosts[0]!)[0]).toBe(0);
    expect(portsOf(fabric.hosts[1]!)).toEqual(ALL);
    expect(movesOf(fabric.hosts[1]!)).toBe(0);
    fabric.check();
  });

  it('and the rest with another, so that nobody hears anybody: both ends try others until they meet', () => {
    const fabric = new Fabric();
    for (let spine = 0; spine < SPINES - 1; spine++) fabric.kill(spine);
    // One end has a slot on the last spine, but not that which the other has there.
    fabric.hosts[0]!.vswitch.bindSlots(
      0,
      ALL.map((slot) => ({ candidate: slot === 7 ? 12 : slot === 0 ? 7 : slot, route: 0 })),
    );
    const received = fabric.hosts[1]!.received[0]!.length;
    fabric.stream(5 * MILLISECOND);
    expect(fabric.hosts[1]!.received[0]!.length - received).toBeLessThan(10);
    const before = fabric.hosts[1]!.received[0]!.length;
    expect(fabric.stream(SECOND, () => fabric.hosts[1]!.received[0]!.length > before + 100)).toBeLessThan(
      100 * MILLISECOND,
    );
    fabric.check();
  });

  it('and others, so that no slot leads there and back: each end finds ways that do, with all that is in flight', () => {
    const fabric = new Fabric();
    // Of the first eight source ports each end has some that work, and no number is among both's; of the others every second.
    const works = [
      [1, 3, 7],
      [2, 4, 6],
    ] as const;
    const isDead = (end: 0 | 1, port: number) =>
      port < SLOTS ? !works[end].some((each) => each === port) : (port + end) % 2 === 1;
    fabric.loses = ({ from, slot }) => isDead(from === vtepOf(0) ? 0 : 1, slot);
    const isWhole = (end: 0 | 1) => {
      const host = fabric.hosts[end]!;
      return ALL.every((slot) => {
        const { paths } = host.vswitch;
        return paths.stateOf(0, slot) === SLOT_HEALTHY && !isDead(end, paths.candidateOf(0, slot));
      });
    };
    expect(fabric.stream(SECOND, () => isWhole(0) && isWhole(1))).toBeLessThan(20 * MILLISECOND);
    for (const { vswitch } of fabric.hosts)
      expect(vswitch.pathCare.decisions.all().filter(({ why }) => why === MOVED_BLINDLY)).toEqual([]);
    fabric.check();
  });

  it('and all others: slots are whole again soon after something works', () => {
    const fabric = new Fabric();
    for (let spine = 0; spine < SPINES; spine++) fabric.kill(spine);
    fabric.trickle(SECOND);
    for (const each of fabric.dead) each.clear();
    fabric.trickle(5 * SECOND);
    for (const host of fabric.hosts) expect(fabric.isWhole(host)).toBe(true);
    fabric.check();
  });
});

it('a switch that is replaced before every turn decides the same', () => {
  const decided = (replaces: boolean) => {
    const fabric = new Fabric();
    fabric.hosts.forEach(tellRoutes);
    fabric.stream(5 * MILLISECOND);
    if (replaces) fabric.world.beforeTurn = (host) => host.replaceSwitch();
    fabric.kill(0);
    fabric.stream(60 * MILLISECOND);
    for (const each of fabric.dead) each.clear();
    fabric.trickle(10 * SECOND);
    fabric.check();
    return fabric.hosts.map(({ vswitch }) => ({
      decisions: vswitch.pathCare.decisions.all(),
      counters: vswitch.pathCare.candidates.counters,
    }));
  };
  const plain = decided(false);
  expect(plain[0]!.decisions.length).toBeGreaterThan(10);
  expect(decided(true)).toEqual(plain);
});

describe('afterwards', () => {
  it('nothing moves back because the spine does, and its source ports rank last until rankings are reset', () => {
    const fabric = new Fabric();
    fabric.kill(0);
    fabric.stream(SECOND, () => fabric.hosts.every((host) => fabric.isWhole(host)));
    const before = fabric.hosts.map(portsOf);
    const [{ vswitch }] = fabric.hosts as [WorldHost];
    const { candidates } = vswitch.pathCare;
    expect(candidates.stateOf(0, 0)).toBe(PORT_BAD);
    for (const each of fabric.dead) each.clear();
    fabric.trickle(80 * SECOND);
    expect(candidates.stateOf(0, 0)).toBe(PORT_RESTING);
    expect(fabric.hosts.map(portsOf)).toEqual(before);
    expect(namesOf(fabric.hosts[0]!)).toContain('mode-partial');
    fabric.trickle(1800 * SECOND);
    expect([PORT_HEALTHY, 0]).toContain(candidates.stateOf(0, 0));
    expect(namesOf(fabric.hosts[0]!)).toContain('rankings-reset');
    fabric.check();
  });

  it('slots are not all on the route that failed last, or never, however many failed one after the other', () => {
    const fabric = new Fabric();
    fabric.hosts.forEach(tellRoutes);
    for (let spine = 0; spine < SPINES; spine++) {
      fabric.kill(spine);
      fabric.stream(SECOND, () => fabric.hosts.every((host) => fabric.isWhole(host)));
      for (const each of fabric.dead) each.clear();
      fabric.trickle(10 * SECOND);
      for (const host of fabric.hosts) {
        const slots = spread(host);
        expect(Math.max(...slots), slots.join(' ')).toBeLessThanOrEqual(SLOTS / 2);
      }
    }
    fabric.check();
  });

  it('full mode asks each candidate once a second, and partial mode none', () => {
    const fabric = new Fabric();
    fabric.kill(0);
    fabric.stream(SECOND, () => fabric.hosts.every((host) => fabric.isWhole(host)));
    const { counters } = fabric.hosts[0]!.vswitch.pathCare.candidates;
    const burst = counters.candidateProbes;
    expect(burst).toBeLessThan(3 * CANDIDATES);
    fabric.trickle(5 * SECOND);
    expect(counters.candidateProbes - burst).toBeLessThanOrEqual(6 * CANDIDATES);
    for (const each of fabric.dead) each.clear();
    fabric.trickle(120 * SECOND);
    const before = counters.candidateProbes;
    fabric.trickle(60 * SECOND);
    expect(counters.candidateProbes).toBe(before);
    fabric.check();
  });

  it('an endpoint whose paths are left again and again is named', () => {
    const fabric = new Fabric();
    const [host] = fabric.hosts as [WorldHost];
    let broken = -1;
    fabric.loses = ({ slot }) => slot === broken;
    for (let turn = 0; turn < 7; turn++) {
      broken = portsOf(host)[turn]!;
      fabric.stream(SECOND, () => portsOf(host)[turn] !== broken);
      broken = -1;
      fabric.trickle(10 * SECOND);
    }
    expect(namesOf(host).filter((name) => name === 'alarm')).toHaveLength(1);
    expect(host.vswitch.pathCare.candidates.switchesOf(0).alarmSince).toBeGreaterThan(0);
    fabric.trickle(1000 * SECOND);
    expect(namesOf(host)).toContain('alarm-over');
    fabric.check();
  });
});

describe('what a peer or somebody else sends', () => {
  it('answers that are sent again make no dead slot healthy, and no candidate', () => {
    const fabric = new Fabric();
    const [host] = fabric.hosts as [WorldHost];
    fabric.trickle(SECOND);
    const replayed = answersTo(fabric, 0);
    expect(replayed.length).toBeGreaterThan(0);
    // Everything dies, but for what is sent again.
    for (let spine = 0; spine < SPINES; spine++) fabric.kill(spine);
    fabric.trickle(SECOND);
    const states = () => ALL.map((slot) => host.vswitch.paths.stateOf(0, slot));
    const before = states();
    expect(before).toContain(SLOT_BAD);
    const { candidates } = host.vswitch.pathCare;
    const judged = CANDIDATE_LIST.map((candidate) => candidates.stateOf(0, candidate));
    for (const packet of replayed) {
      host.arrive(packet);
      host.arrive(packet);
      fabric.world.pass(200);
    }
    expect(states()).toEqual(before);
    expect(CANDIDATE_LIST.map((candidate) => candidates.stateOf(0, candidate))).toEqual(judged);
    for (const each of fabric.dead) each.clear();
    fabric.world.pass(5 * SECOND);
    fabric.check();
  });

  it('answers that are made up are counted, and bind nothing', () => {
    const fabric = new Fabric();
    const [host] = fabric.hosts as [WorldHost];
    const { candidates } = host.vswitch.pathCare;
    // The peer says of spine 2, which is dead, that it works: it repeats others' answers with other labels.
    fabric.kill(0);
    fabric.kill(2);
    fabric.stream(SECOND, () => fabric.hosts.every((each) => fabric.isWhole(each)));
    const answers = answersTo(fabric, 0);
    const stray = candidates.counters.strayAnswers;
    for (const { bytes, ...packet } of answers) {
      const forged = bytes.slice();
      // The PSN, where a probe's label comes back.
      for (let at = 4; at < 8; at++) forged[VXLAN_HEADER_BYTES + at]! ^= 0x55 + at;
      host.arrive({ ...packet, bytes: forged });
      fabric.world.pass(100);
    }
    expect(candidates.counters.strayAnswers).toBeGreaterThan(stray);
    expect(fabric.isWhole(host)).toBe(true);
    for (const candidate of CANDIDATE_LIST)
      if ([0, 2].includes(spineOf(candidate)))
        expect(candidates.stateOf(0, candidate)).not.toBe(PORT_HEALTHY);
    fabric.check();
  });

  it('a peer that floods with probes is asked no more than ten times a second a slot', () => {
    const fabric = new Fabric();
    const [host] = fabric.hosts as [WorldHost];
    const probes = fabric.world.packets.filter(({ from, bytes }) => from === vtepOf(1) && bytes.length < 40);
    const before = host.vswitch.transport.counters.probesSent;
    for (let i = 0; i < 10_000; i++) {
      host.arrive(probes[i % probes.length]!);
      fabric.world.pass(100);
    }
    expect(host.vswitch.transport.counters.probesSent - before).toBeLessThan(10 * SLOTS + 5 * SLOTS);
    fabric.check();
  });
});
