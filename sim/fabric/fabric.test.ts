// The fabric on its own: where packets go, that none is unaccounted for, and that it can be large.
import { describe, expect, test } from 'vitest';
import type { LinkConditions } from '../../lab/conditions.ts';
import { defaultTopology, type Topology } from '../../lab/topology.ts';
import { below, SeededRng } from '../../src/base/rng.ts';
import { itForSeeds } from '../../test/support/seeds.ts';
import { Clock } from '../clock.ts';
import { Fabric } from './fabric.ts';
import type { Packet } from './packet.ts';

const PORT = 49_152;

interface Bench {
  readonly clock: Clock;
  readonly fabric: Fabric;
  readonly arrived: { readonly packet: Packet; readonly host: number; readonly at: number }[];
}

function benchOf(topology: Topology, seed = 1): Bench {
  const clock = new Clock(0);
  const fabric = new Fabric(clock, topology, seed);
  const arrived: Bench['arrived'] = [];
  const hosts = topology.racks.flatMap((rack) => rack.hosts);
  for (const name of hosts) {
    const host = fabric.host(name);
    fabric.attach(host, (packet) => arrived.push({ packet, host, at: clock.nowMicros }));
  }
  return { clock, fabric, arrived };
}

function packet(source: number, destination: number, sourcePort = PORT, length = 100): Packet {
  return { source, destination, sourcePort, bytes: new Uint8Array(length) };
}

/** Packets that each spine received from a leaf. */
function spineLoad({ fabric }: Bench, leaf: string, spines: readonly string[]): number[] {
  return spines.map((spine) => fabric.links.get(`${leaf}-${spine}`)!.toB.counters.passed);
}

describe('the way through', () => {
  const topology = defaultTopology();

  test('within a rack by its leaf, between racks by one spine', () => {
    const bench = benchOf(topology);
    bench.fabric.send(packet(0, 1));
    bench.fabric.send(packet(0, 3));
    bench.clock.runUntil(1000);
    expect(bench.arrived.map(({ host }) => host)).toEqual([1, 3]);
    expect(spineLoad(bench, 'leaf1', topology.spines).toSorted()).toEqual([0, 0, 0, 1]);
  });

  test('takes as long as rate and distance say', () => {
    const bench = benchOf(topology);
    for (const name of bench.fabric.links.keys()) {
      bench.fabric.impose(name, { rateBitsPerSecond: 8e6, delayMicros: 100 });
    }
    bench.fabric.send(packet(0, 1, PORT, 934));
    bench.fabric.send(packet(0, 1, PORT, 934));
    bench.clock.runUntil(1e6);
    // 1000 bytes on the wire are a millisecond here, twice; the second packet waits for the first once.
    expect(bench.arrived.map(({ at }) => at)).toEqual([2200, 3200]);
  });

  test('one flow keeps its path, many flows use every spine about equally', () => {
    const bench = benchOf(topology);
    for (let port = 0; port < 4000; port++) bench.fabric.send(packet(0, 2, PORT + port, 10));
    bench.clock.runUntil(1e6);
    const load = spineLoad(bench, 'leaf1', topology.spines);
    expect(load.reduce((sum, each) => sum + each)).toBe(4000);
    for (const packets of load) expect(Math.abs(packets - 1000)).toBeLessThan(120);

    const single = benchOf(topology);
    for (let i = 0; i < 100; i++) single.fabric.send(packet(0, 2));
    single.clock.runUntil(1e6);
    expect(spineLoad(single, 'leaf1', topology.spines).filter((packets) => packets > 0)).toEqual([100]);
  });

  test('leaves choose by seeds of their own', () => {
    const bench = benchOf(topology);
    for (let port = 0; port < 64; port++) {
      bench.fabric.send(packet(0, 2, PORT + port));
      bench.fabric.send(packet(2, 0, PORT + port));
    }
    bench.clock.runUntil(1e6);
    expect(spineLoad(bench, 'leaf1', topology.spines)).not.toEqual(
      spineLoad(bench, 'leaf2', topology.spines),
    );
  });
});

describe('what is wrong with a link', () => {
  const topology = defaultTopology();

  test.each<[string, LinkConditions, ReturnType<Fabric['counters']>['lost'], string]>([
    ['a blackhole on the way', { blackhole: 'a>b' }, 50, 'blackholed'],
    ['a blackhole on the way back', { blackhole: 'b>a' }, 0, 'blackholed'],
    ['no carrier', { carrier: 'down' }, 50, 'cut'],
    ['everything lost', { lossPpm: 1_000_000 }, 50, 'lost'],
  ])('%s', (_, conditions, dropped, reason) => {
    const bench = benchOf(topology);
    bench.fabric.impose('host1-leaf1', conditions);
    for (let i = 0; i < 50; i++) bench.fabric.send(packet(0, 3));
    bench.clock.runUntil(1e6);
    expect(bench.fabric.counters()).toMatchObject({ [reason]: dropped, delivered: 50 - dropped });
  });

  test('a queue takes what it has room for behind the packet being sent', () => {
    const bench = benchOf(topology);
    bench.fabric.impose('host1-leaf1', { rateBitsPerSecond: 1e6, queuePackets: 10 });
    const full = topology.mtu;
    for (let i = 0; i < 50; i++) bench.fabric.send(packet(0, 1, PORT, full));
    bench.clock.runUntil(1e9);
    expect(bench.fabric.counters()).toMatchObject({ delivered: 11, overflowed: 39 });
  });

  test('a leaf sends nothing over links without carrier, and says so when there is none', () => {
    const bench = benchOf(topology);
    const [first, ...others] = topology.spines;
    for (const spine of others) bench.fabric.impose(`leaf1-${spine}`, { carrier: 'down' });
    for (let port = 0; port < 40; port++) bench.fabric.send(packet(0, 2, PORT + port));
    bench.clock.runUntil(1000);
    expect(bench.fabric.counters()).toMatchObject({ delivered: 40, cut: 0 });
    bench.fabric.impose(`leaf1-${first}`, { carrier: 'down' });
    bench.fabric.send(packet(0, 2));
    bench.clock.runUntil(2000);
    expect(bench.fabric.counters()).toMatchObject({ delivered: 40, noRoute: 1 });
  });

  test('what is on its way when a fault begins is gone, what comes after it ends is not', () => {
    const bench = benchOf(topology);
    bench.fabric.impose('host1-leaf1', { delayMicros: 100 });
    bench.fabric.send(packet(0, 1));
    bench.clock.runUntil(50);
    bench.fabric.impose('host1-leaf1', { delayMicros: 100, blackhole: 'both' });
    bench.clock.runUntil(200);
    bench.fabric.impose('host1-leaf1', {});
    bench.fabric.send(packet(0, 1));
    bench.clock.runUntil(1000);
    expect(bench.fabric.counters()).toMatchObject({ delivered: 1, blackholed: 1 });
  });
});

itForSeeds('every packet is delivered, dropped under a name, or on its way', 40, (seed) => {
  const topology = defaultTopology();
  const bench = benchOf(topology, seed);
  const rng = new SeededRng(seed);
  const links = topology.links.map(({ name }) => name);
  const faults: readonly LinkConditions[] = [
    {},
    { lossPpm: 300_000 },
    { blackhole: 'a>b' },
    { carrier: 'down' },
    { rateBitsPerSecond: 2e6, queuePackets: 3 },
    { delayMicros: 500 },
  ];
  for (let step = 0; step < 300; step++) {
    if (below(rng, 10) === 0)
      bench.fabric.impose(links[below(rng, links.length)]!, faults[below(rng, faults.length)]!);
    const source = below(rng, 4);
    bench.fabric.send(
      packet(source, (source + 1 + below(rng, 3)) % 4, PORT + below(rng, 8), below(rng, 1400)),
    );
    bench.clock.runUntil(bench.clock.nowMicros + below(rng, 60));
    const { sent, delivered, ...elsewhere } = bench.fabric.counters();
    expect(delivered + Object.values(elsewhere).reduce((sum, each) => sum + each)).toBe(sent);
    expect(delivered).toBe(bench.arrived.length);
  }
  bench.clock.runUntil(1e9);
  expect(bench.fabric.counters().inFlight).toBe(0);
});

test('thousands of hosts', () => {
  const racks = Array.from({ length: 60 }, (_, rack) => ({
    name: `rack${rack}`,
    leaf: `leaf${rack}`,
    hosts: Array.from({ length: 40 }, (_, host) => `host${rack}x${host}`),
  }));
  const bench = benchOf(largeTopology(racks, 16));
  const hosts = 60 * 40;
  for (let host = 0; host < hosts; host++) {
    for (let i = 1; i <= 8; i++) bench.fabric.send(packet(host, (host + i * 131) % hosts, PORT + i));
  }
  bench.clock.runUntil(1000);
  expect(bench.fabric.counters()).toMatchObject({ sent: hosts * 8, delivered: hosts * 8, inFlight: 0 });
});

function largeTopology(racks: Topology['racks'], spineCount: number): Topology {
  const spines = Array.from({ length: spineCount }, (_, spine) => `spine${spine}`);
  const ends = racks.flatMap(({ leaf, hosts }) => [
    ...hosts.map((host) => ({ a: host, b: leaf })),
    ...spines.map((spine) => ({ a: leaf, b: spine })),
  ]);
  const links = ends.map(({ a, b }) => ({ name: `${a}-${b}`, a, b, conditions: {} }));
  return { mtu: 1500, racks, spines, tenants: [], nodes: [], links };
}
