// Hosts of several data threads: a connection is one thread's on both hosts (BIFROST §5.2), whatever the kernel does with
// its packets; every frame comes out once and in order; broadcasts and local frames cross threads.

import { describe, expect, it } from 'vitest';
import { itForSeeds } from '../../test/support/seeds.ts';
import { configOf, frameBetween, type Layout, vtepOf, withOffload } from '../../test/vswitch/tenants.ts';
import { ThreadedHost, type ThreadedOptions } from '../../test/vswitch/threads.ts';
import { World } from '../../test/vswitch/world.ts';
import { type FrameSpec, numbered } from '../../test/wire/frames.ts';
import { below, chance, SeededRng } from '../base/rng.ts';
import { BROADCAST_MAC } from '../wire/address.ts';
import { threadOfCid } from '../wire/bifrost-types.ts';
import { VIRTIO_NET_HDR_GSO_UDP_L4 } from '../wire/virtio-net-header.ts';

const RELIABLE: Layout = {
  vni: 77,
  reliable: true,
  hosts: [
    [1, 3, 5],
    [2, 4, 6],
  ],
};

function hostsOf(
  world: World,
  layouts: readonly Layout[],
  ...options: readonly ThreadedOptions[]
): [ThreadedHost, ThreadedHost] {
  const [a, b] = options.map((each, host) => {
    return new ThreadedHost(world, vtepOf(host), configOf(host, layouts), each);
  });
  return [a!, b!];
}

/** A frame from tenant to tenant that says which it is. */
function frame(from: number, to: number, number: number, bytes = 60) {
  const payload = numbered(bytes);
  new DataView(payload.buffer, payload.byteOffset).setUint32(0, number);
  return frameBetween(from, to, { udp: { sourcePort: 1000 + number }, payload });
}

/** Sends `count` frames from each tenant of the first host to each of the second and back, some each 100 µs. */
function exchange(world: World, [a, b]: readonly [ThreadedHost, ThreadedHost], count: number, seed: number) {
  const rng = new SeededRng(seed);
  const sent = new Map<string, Uint8Array[]>();
  for (let number = 0; number < count; number++) {
    for (const [host, own, others] of [
      [a, [1, 3, 5], [2, 4, 6]],
      [b, [2, 4, 6], [1, 3, 5]],
    ] as const) {
      for (const [port, from] of own.entries()) {
        for (const to of others) {
          const one = frame(from, to, number, 60 + below(rng, 1200));
          sent.set(`${from} ${to}`, [...(sent.get(`${from} ${to}`) ?? []), one]);
          host.send(port, one);
        }
      }
    }
    world.pass(100);
  }
  return sent;
}

/** With an endpoint's writer. */
const WRITERS = 6;

/** Eight flows, one behind the other. */
function flowOfNumber(number: number, bytes = 60): FrameSpec {
  return { udp: { sourcePort: 1000 + (number >> 4) }, payload: numbered(bytes + number) };
}

/** Flow by flow, each in its order. */
function byFlow(frames: readonly Uint8Array[]): Uint8Array[] {
  const portOf = (frame: Uint8Array) => (frame[44]! << 8) | frame[45]!;
  return frames.toSorted((a, b) => portOf(a) - portOf(b));
}

/** What came out of a port from one tenant: its MAC ends in its number. */
const from = (frames: readonly Uint8Array[], tenant: number) => frames.filter((one) => one[21] === tenant);

function expectDelivered(sent: Map<string, Uint8Array[]>, [a, b]: readonly [ThreadedHost, ThreadedHost]) {
  for (const [pair, frames] of sent) {
    const [source, to] = pair.split(' ').map(Number) as [number, number];
    const host = to % 2 === 0 ? b : a;
    expect(from(host.received((to - 1) >> 1), source), pair).toEqual(frames);
  }
}

function connections({ threads }: ThreadedHost) {
  return threads.flatMap(({ vswitch }, thread) => {
    const { connections: table } = vswitch.transport;
    return Array.from({ length: table.count }, (_, row) => ({
      thread,
      owner: vswitch.forwarding.portOfPair(table.pair[row]!).thread,
      localThread: threadOfCid(table.localCid[row]!),
      remoteThread: threadOfCid(table.remoteCid[row]!),
      remoteMac: vswitch.forwarding.remoteMac(table.pair[row]!),
    }));
  });
}

describe('each connection', () => {
  it.for([
    [2, 2],
    [1, 2],
    [3, 1],
    [3, 2],
  ] as const)('belongs to the threads of its vNICs, %i ↔ %i threads', ([one, two]) => {
    const world = new World();
    const hosts = hostsOf(world, [RELIABLE], { threads: one }, { threads: two });
    const sent = exchange(world, hosts, 20, 1);
    world.pass(300_000);
    expectDelivered(sent, hosts);
    for (const [host, other] of [hosts, hosts.toReversed()] as [ThreadedHost, ThreadedHost][]) {
      const all = connections(host);
      expect(all.length).toBe(9);
      for (const { thread, owner, localThread, remoteThread, remoteMac } of all) {
        expect([thread, localThread]).toEqual([owner, owner]);
        expect(remoteThread).toBe(other.ownerOf(((remoteMac & 0xff) - 1) >> 1));
      }
      // The kernel was right every time.
      expect(host.count('handedOver')).toBe(0);
      host.checkIdle();
    }
  });
});

itForSeeds('frames come out once and in order, whichever thread gets packets, under loss', 3, (seed) => {
  const rng = new SeededRng(seed);
  const world = new World();
  world.loses = () => chance(rng, 0.02);
  const misdirect = (right: number) => (chance(rng, 0.3) ? below(rng, 2) : right);
  const hosts = hostsOf(
    world,
    [RELIABLE],
    { threads: 2, misdirect },
    { threads: 2 + below(rng, 2), misdirect },
  );
  world.beforeTurn = (host) => {
    for (const each of hosts) each.checkConservation();
    // An engine is replaced in one thread while the others go on.
    if (chance(rng, 0.05)) host.replaceSwitch();
  };
  const sent = exchange(world, hosts, 20, seed);
  world.pass(2_000_000);
  expectDelivered(sent, hosts);
  for (const host of hosts) {
    expect(host.count('handedOver')).toBeGreaterThan(30);
    host.checkIdle();
  }
});

describe('a host that restarts with another number of threads', () => {
  it.for([
    [2, 1],
    [1, 2],
    [2, 3],
    [3, 2],
  ] as const)('%i, then %i, gets every frame that its peer sends from then on', ([before, after]) => {
    const world = new World();
    const [a, b] = hostsOf(world, [RELIABLE], { threads: 3 }, { threads: before });
    exchange(world, [a, b], 5, 1);
    world.pass(50_000);
    const again = new ThreadedHost(world, vtepOf(1), configOf(1, [RELIABLE]), { threads: after });
    const sent = new Map<string, Uint8Array[]>();
    for (const [port, source] of [1, 3, 5].entries()) {
      for (const to of [2, 4, 6]) {
        const frames = [7, 8].map((number) => frame(source, to, number));
        sent.set(`${source} ${to}`, frames);
        a.send(port, ...frames);
      }
    }
    world.pass(3_000_000);
    expectDelivered(sent, [a, again]);
    // It learnt of the restart by resets, which concern all its threads; no connection was given up as silent.
    expect(a.count('packetCopies')).toBeGreaterThan(0);
    a.checkIdle();
    again.checkIdle();
  });
});

for (const reliable of [true, false]) {
  const layout: Layout = { ...RELIABLE, reliable };
  it(`a broadcast comes out of every other vNIC once, ${reliable ? 'reliable' : 'plain'}`, () => {
    const world = new World();
    const [a, b] = hostsOf(world, [layout], { threads: 2 }, { threads: 3 });
    const one = frameBetween(1, 2, {
      ethernet: { destination: BROADCAST_MAC },
      udp: {},
      payload: numbered(40),
    });
    a.send(0, one);
    world.pass(300_000);
    expect([0, 1, 2].map((port) => a.received(port))).toEqual([[], [one], [one]]);
    expect([0, 1, 2].map((port) => b.received(port))).toEqual([[one], [one], [one]]);
    for (const host of [a, b]) host.checkIdle();
  });

  it(`local frames cross threads, ${reliable ? 'reliable' : 'plain'}`, () => {
    const world = new World();
    const [a] = hostsOf(world, [layout], { threads: 2 }, { threads: 1 });
    const frames = Array.from({ length: 100 }, (_, number) => frame(1, 3, number));
    a.send(0, ...frames);
    world.pass(10_000);
    expect(a.received(1)).toEqual(frames);
    expect(world.packets).toEqual([]);
    a.checkIdle();
  });
}

describe('an endpoint', () => {
  /** Tenants 1, 3 and 5 of the first host; 3 is an endpoint, at the second thread. */
  function endpointWorld(reliable: boolean, room?: number, ringBytes?: number) {
    const world = new World();
    const misdirect = (right: number) => 1 - right;
    const [a, b] = hostsOf(
      world,
      [{ ...RELIABLE, reliable }],
      { threads: 2, endpoints: [1], misdirect, ...(room && { room }), ...(ringBytes && { ringBytes }) },
      { threads: 1 },
    );
    const read = () => {
      const { vnic, thread } = a.endpoint(1);
      const frames: Uint8Array[] = [];
      for (let idle = 0; idle < 10; ) {
        const some = vnic.receive.flatMap((flow) => (flow === undefined ? [] : vnic.read(flow.queue, 5)));
        frames.push(...some);
        idle = some.length > 0 ? 0 : idle + 1;
        thread.ring();
        world.pass(3000);
      }
      for (const flow of vnic.receive) if (flow !== undefined) vnic.finish(flow.queue);
      thread.ring();
      world.pass(10_000);
      return frames;
    };
    return { world, a, b, read };
  }

  it.each([true, false])('gets what other threads have for it, reliable: %s', (reliable) => {
    const { world, a, b, read } = endpointWorld(reliable);
    // Of the thread of tenants 1 and 5, and from the other host, by the wrong thread.
    const local = Array.from({ length: 60 }, (_, number) => frameBetween(1, 3, flowOfNumber(number)));
    const remote = Array.from({ length: 60 }, (_, number) => frameBetween(2, 3, flowOfNumber(number)));
    a.send(0, ...local);
    b.send(0, ...remote);
    world.pass(100_000);
    const frames = byFlow(read());
    expect(from(frames, 1)).toEqual(local);
    expect(from(frames, 2)).toEqual(remote);
    const handed = a.threads[1]!.vswitch.counters.fromThreads;
    expect(handed).toBe(reliable ? 60 : 120);
    a.checkIdle(WRITERS);
  });

  it('gets offload frames cut, and broadcasts once', () => {
    const { world, a, read } = endpointWorld(true);
    const payload = numbered(40_000);
    const whole = frameBetween(1, 3, { udp: {}, payload });
    const offload = {
      flags: 1,
      gsoType: VIRTIO_NET_HDR_GSO_UDP_L4,
      gsoSize: 1000,
      csumStart: 34,
      csumOffset: 6,
    };
    const broadcast = { ethernet: { destination: BROADCAST_MAC }, udp: {}, payload: numbered(40) };
    a.send(0, withOffload(whole.subarray(10), offload), frameBetween(1, 3, broadcast));
    world.pass(10_000);
    expect(read().length).toBe(41);
    a.checkIdle(WRITERS);
  });

  it('that is slow has frames wait where they are, in order, and nothing is lost', () => {
    const { world, a, read } = endpointWorld(true, 4, 16_384);
    const frames = Array.from({ length: 300 }, () => frameBetween(1, 3, flowOfNumber(7, 1000)));
    a.send(0, ...frames);
    world.pass(10_000);
    a.checkConservation();
    expect(read()).toEqual(frames);
    a.checkIdle(WRITERS);
  });
});

it('plain frames are delivered by whichever thread gets them', () => {
  const world = new World();
  const layout: Layout = { ...RELIABLE, reliable: false };
  const [a, b] = hostsOf(world, [layout], { threads: 1 }, { threads: 2, misdirect: (right) => 1 - right });
  const frames = Array.from({ length: 10 }, (_, number) => frame(1, 2, number));
  a.send(0, ...frames);
  world.pass(10_000);
  expect(b.received(0)).toEqual(frames);
  expect(b.count('handedOver')).toBe(0);
});

it('what a full ring has no room for is counted, and goes again', () => {
  const world = new World();
  const misdirect = (right: number) => 1 - right;
  const [a, b] = hostsOf(world, [RELIABLE], { threads: 1 }, { threads: 2, ringBytes: 4096, misdirect });
  const frames = Array.from({ length: 60 }, (_, number) => frame(1, 2, number, 1000));
  a.send(0, ...frames);
  world.pass(3_000_000);
  expect(b.received(0)).toEqual(frames);
  const full = b.threads.reduce((sum, { vswitch }) => sum + vswitch.counters.dropped.handoverFull, 0);
  expect(full).toBeGreaterThan(0);
  b.checkIdle();
});
