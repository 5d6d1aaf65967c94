// The way of a frame through one switch or two: to whom it goes, what it looks like there, and what cannot go.

import { describe, expect, it } from 'vitest';
import { checkConservation, checkIdle } from '../../test/vswitch/conservation.ts';
import { configOf, frameBetween, type Layout, vtepOf, withOffload } from '../../test/vswitch/tenants.ts';
import { World, worldOf } from '../../test/vswitch/world.ts';
import { buildFrame, numbered } from '../../test/wire/frames.ts';
import { VIRTIO_NET_HDR_GSO_TCPV4 } from '../wire/virtio-net-header.ts';

const SETTLE_MICROS = 300_000;

/** Tenants 1 and 3 on the first host, 2 and 4 on the second. */
const reliable: Layout = {
  vni: 77,
  reliable: true,
  hosts: [
    [1, 3],
    [2, 4],
  ],
};
const plain: Layout = { ...reliable, reliable: false };

const udp = { udp: {}, payload: numbered(200) };

for (const layout of [reliable, plain]) {
  const kind = layout.reliable ? 'reliable' : 'plain';

  it(`takes a frame to its tenant on another host, ${kind}`, () => {
    const { world, hosts } = worldOf([layout]);
    const frames = [
      frameBetween(1, 2, udp),
      frameBetween(1, 2, { ...udp, ipv6: {} }),
      frameBetween(1, 2, { ...udp, ethernet: { vlanTci: 0x2005 } }),
      frameBetween(1, 2, { ...udp, ethernet: { etherType: 0x88cc } }),
    ];
    hosts[0]!.send(0, ...frames);
    world.pass(SETTLE_MICROS);
    expect(hosts[1]!.received).toEqual([frames, []]);
    expect(hosts[0]!.received).toEqual([[], []]);
    for (const { vswitch, region } of hosts) checkIdle(vswitch, region);
  });

  it(`takes frames back, ${kind}`, () => {
    const { world, hosts } = worldOf([layout]);
    hosts[0]!.send(0, frameBetween(1, 2, udp));
    hosts[1]!.send(0, frameBetween(2, 1, udp));
    hosts[1]!.send(1, frameBetween(4, 3, udp), frameBetween(4, 1, udp));
    world.pass(SETTLE_MICROS);
    expect(hosts[0]!.received[0]).toEqual(
      expect.arrayContaining([frameBetween(2, 1, udp), frameBetween(4, 1, udp)]),
    );
    expect(hosts[0]!.received[1]).toEqual([frameBetween(4, 3, udp)]);
    expect(hosts[1]!.received[0]).toEqual([frameBetween(1, 2, udp)]);
    for (const { vswitch, region } of hosts) checkIdle(vswitch, region);
  });

  it(`takes a frame to a tenant on the same host without the underlay, ${kind}`, () => {
    const { world, hosts } = worldOf([layout]);
    // With its offloads still to be done: the other tenant's stack does without.
    const frame = withOffload(buildFrame({ tcp: {}, payload: numbered(30_000) }), {
      flags: 1,
      gsoType: VIRTIO_NET_HDR_GSO_TCPV4,
      gsoSize: 1400,
      csumStart: 34,
      csumOffset: 16,
    });
    const toThree = frame.slice();
    toThree[10 + 5] = 3;
    hosts[0]!.send(0, toThree);
    world.pass(SETTLE_MICROS);
    expect(hosts[0]!.received).toEqual([[], [toThree]]);
    expect(world.packets).toEqual([]);
    expect(hosts[0]!.vswitch.counters.toLocal).toBe(1);
    checkIdle(hosts[0]!.vswitch, hosts[0]!.region);
  });

  it(`drops and counts frames for nobody, ${kind}`, () => {
    const { world, hosts } = worldOf([layout]);
    hosts[0]!.send(0, frameBetween(1, 9, udp), frameBetween(1, 9, { ...udp, ipv6: {} }));
    world.pass(SETTLE_MICROS);
    expect(hosts[0]!.vswitch.counters.dropped.unknownDestination).toBe(2);
    expect(world.packets).toEqual([]);
    checkIdle(hosts[0]!.vswitch, hosts[0]!.region);
  });

  it(`drops and counts malformed frames, ${kind}`, () => {
    const { world, hosts } = worldOf([layout]);
    const good = frameBetween(1, 2, udp);
    const malformed = [
      new Uint8Array(0),
      new Uint8Array(9),
      new Uint8Array(10),
      good.subarray(0, 23),
      good.subarray(0, 40),
      withOffload(good.subarray(10), { gsoType: 3, gsoSize: 100 }),
      withOffload(good.subarray(10), { gsoType: 1, gsoSize: 100 }),
      withOffload(good.subarray(10), { flags: 1, csumStart: 40, csumOffset: 300 }),
    ];
    hosts[0]!.send(0, ...malformed);
    world.pass(SETTLE_MICROS);
    expect(hosts[0]!.vswitch.counters.dropped.malformedFrame).toBe(malformed.length);
    expect(world.packets).toEqual([]);
    checkIdle(hosts[0]!.vswitch, hosts[0]!.region);
  });
}

it('keeps networks apart that have the same addresses', () => {
  const other: Layout = { vni: 78, reliable: false, hosts: [[1], [2]] };
  const { world, hosts } = worldOf([{ ...reliable, hosts: [[1], [2]] }, other]);
  const first = frameBetween(1, 2, udp);
  const second = frameBetween(1, 2, { ...udp, payload: numbered(300) });
  hosts[0]!.send(0, first);
  hosts[0]!.send(1, second);
  world.pass(SETTLE_MICROS);
  expect(hosts[1]!.received).toEqual([[first], [second]]);
});

it('takes super-frames whole across a reliable network', () => {
  const { world, hosts } = worldOf([reliable]);
  const frames = [1, 1384, 1385, 3000, 65_495].map((length) =>
    withOffload(buildFrame({ tcp: {}, payload: numbered(length) }), {
      flags: 1,
      gsoType: VIRTIO_NET_HDR_GSO_TCPV4,
      gsoSize: 1300,
      csumStart: 34,
      csumOffset: 16,
    }),
  );
  hosts[0]!.send(0, ...frames);
  world.pass(SETTLE_MICROS);
  expect(hosts[1]!.received[0]).toEqual(frames);
  for (const { bytes } of world.packets) expect(bytes.length).toBeLessThanOrEqual(1500 - 28);
  for (const { vswitch, region } of hosts) checkIdle(vswitch, region);
});

it('cuts offload frames where a network wants no reordering, so that each packet is a frame', () => {
  const { world, hosts } = worldOf([{ ...reliable, reorder: false }]);
  const payload = numbered(30_000);
  const offload = {
    flags: 1,
    gsoType: VIRTIO_NET_HDR_GSO_TCPV4,
    gsoSize: 1300,
    csumStart: 34,
    csumOffset: 16,
  };
  const whole = frameBetween(1, 2, { udp: {}, payload: numbered(10) });
  hosts[0]!.send(0, withOffload(buildFrame({ tcp: {}, payload }), offload), whole);
  world.pass(SETTLE_MICROS);
  const received = hosts[1]!.received[0]!;
  expect(received).toHaveLength(Math.ceil(30_000 / 1300) + 1);
  // Another flow, so it need not wait for all of them.
  expect(received).toContainEqual(whole);
  // No offload is left to do, and the TCP payloads are the one that was sent.
  const parts = received.filter((frame) => frame.length !== whole.length);
  for (const part of parts) expect([...part.subarray(0, 10)]).toEqual(new Array(10).fill(0));
  expect(Uint8Array.from(parts.flatMap((part) => [...part.subarray(10 + 54)]))).toEqual(payload);
  expect(hosts[0]!.vswitch.counters).toMatchObject({ framesIn: 2, pieces: parts.length - 1 });
  for (const { vswitch, region } of hosts) checkIdle(vswitch, region);
});

it('drops a frame that no window would ever have room for, and goes on', () => {
  const { world, hosts } = worldOf([reliable], { windowPackets: 8 });
  const large = frameBetween(1, 2, { udp: {}, payload: numbered(12_000) });
  const fits = frameBetween(1, 2, { udp: {}, payload: numbered(11_000) });
  hosts[0]!.send(0, large, fits);
  world.pass(SETTLE_MICROS);
  expect(hosts[1]!.received[0]).toEqual([fits]);
  expect(hosts[0]!.vswitch.counters.dropped.tooLong).toBe(1);
  for (const { vswitch, region } of hosts) checkIdle(vswitch, region);
});

it('drops a frame that is larger than any the other host would take', () => {
  const { world, hosts } = worldOf([reliable]);
  const largest = withOffload(new Uint8Array(65_535 + 18));
  largest.set(frameBetween(1, 2, { ...udp, ethernet: { etherType: 0x88cc } }));
  const larger = new Uint8Array(largest.length + 1);
  larger.set(largest);
  hosts[0]!.send(0, larger, largest);
  world.pass(SETTLE_MICROS);
  expect(hosts[1]!.received[0]).toEqual([largest]);
  expect(hosts[0]!.vswitch.counters.dropped.tooLong).toBe(1);
});

it('counts what it does', () => {
  const { world, hosts } = worldOf([reliable]);
  hosts[0]!.send(0, frameBetween(1, 2, udp), frameBetween(1, 3, udp), frameBetween(1, 9, udp));
  world.pass(SETTLE_MICROS);
  const { counters, framesOut } = hosts[0]!.vswitch;
  expect(counters).toMatchObject({ framesIn: 3, toTransport: 1, toLocal: 1, toPlain: 0, answered: 0 });
  expect(framesOut).toBe(1);
  for (const { vswitch } of hosts) checkConservation(vswitch);
});

it('does not give a frame back to the tenant that sent it', () => {
  const { world, hosts } = worldOf([reliable]);
  hosts[0]!.send(0, frameBetween(1, 1, udp));
  world.pass(SETTLE_MICROS);
  expect(hosts.flatMap(({ received }) => received.flat())).toEqual([]);
  expect(hosts[0]!.vswitch.counters.dropped.unknownDestination).toBe(1);
});

describe('a peer whose network wants no reordering', () => {
  const reordering: Layout = { ...reliable, hosts: [[1], [2]] };
  const asTheyCome: Layout = { ...reordering, reorder: false };
  const offload = {
    flags: 1,
    gsoType: VIRTIO_NET_HDR_GSO_TCPV4,
    gsoSize: 1300,
    csumStart: 34,
    csumOffset: 16,
  };
  const large = () => withOffload(buildFrame({ tcp: {}, payload: numbered(30_000) }), offload);
  const small = frameBetween(1, 2, { udp: {}, payload: numbered(10) });

  it('gets frames of one packet, in their order, and sends whole ones', () => {
    const world = new World();
    const hosts = [reordering, asTheyCome].map((layout, i) => world.add(vtepOf(i), configOf(i, [layout])));
    hosts[0]!.send(0, small, large(), small);
    world.pass(SETTLE_MICROS);
    const received = hosts[1]!.received[0]!;
    expect(received).toHaveLength(2 + Math.ceil(30_000 / 1300));
    expect(received.filter(({ length }) => length === small.length)).toEqual([small, small]);
    // Each of what lies behind the headers.
    const cut = received.filter(({ length }) => length !== small.length);
    const parts = cut.flatMap((part) => [...part.subarray(10 + 54)]);
    expect(Uint8Array.from(parts)).toEqual(numbered(30_000));
    for (const { vswitch, region } of hosts) checkIdle(vswitch, region);
  });

  it('that comes instead of one that does gets what was on its way, cut', () => {
    const world = new World();
    const host = world.add(vtepOf(0), configOf(0, [reordering]));
    world.add(vtepOf(1), configOf(1, [reordering]));
    host.send(0, small);
    world.pass(SETTLE_MICROS);
    world.loses = () => true;
    host.send(0, large(), small, large());
    world.pass(100);
    const other = world.add(vtepOf(1), configOf(1, [asTheyCome]));
    world.loses = () => false;
    world.pass(SETTLE_MICROS);
    const parts = Math.ceil(30_000 / 1300);
    expect(other.received[0]).toHaveLength(1 + 2 * parts);
    expect(other.received[0]).toContainEqual(small);
    const cut = other.received[0]!.filter(({ length }) => length !== small.length);
    const payload = [...numbered(30_000)];
    expect(cut.flatMap((part) => [...part.subarray(10 + 54)])).toEqual([...payload, ...payload]);
    for (const { vswitch, region } of [host, other]) checkIdle(vswitch, region);
  });
});
