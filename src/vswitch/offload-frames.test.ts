// Offload frames of tenants for native endpoints, here and on another host: cut as for plain VXLAN, against the plain twin
// in test/wire, and then in flow queues as any frames; what is no offload frame is left alone.

import { describe, expect, it } from 'vitest';
import { checkConservation, checkIdle } from '../../test/vswitch/conservation.ts';
import { NativeVnic } from '../../test/vswitch/native-vnic.ts';
import { frameBetween, ipv4Of, ipv6Of, macOf, withOffload } from '../../test/vswitch/tenants.ts';
import { CHUNKS, type World, type WorldHost, worldOf } from '../../test/vswitch/world.ts';
import { buildFrame, type FrameSpec, numbered } from '../../test/wire/frames.ts';
import { segmentPlainly } from '../../test/wire/plain-segmentation.ts';
import { ChunkWriter } from '../packet/writer.ts';
import { BROADCAST_MAC } from '../wire/address.ts';
import {
  VIRTIO_NET_HDR_F_DATA_VALID,
  VIRTIO_NET_HDR_F_NEEDS_CSUM,
  VIRTIO_NET_HDR_GSO_TCPV4,
  VIRTIO_NET_HDR_GSO_TCPV6,
  VIRTIO_NET_HDR_GSO_UDP_L4,
} from '../wire/virtio-net-header.ts';

/** Tenant 1 has an interface; 3, beside it, and 2, elsewhere, are endpoints. */
const ENDPOINTS: [string, number][] = [
  ['of the same host', 3],
  ['of another host', 2],
];
const WRITERS = 7;

function mixedWorld(room = 10_000) {
  let made = 0;
  const { world, hosts } = worldOf(
    [{ vni: 77, reliable: true, hosts: [[1, 3], [2]] }],
    {},
    {
      vnic: (device, region) =>
        made++ === 0
          ? device
          : new NativeVnic(region, new ChunkWriter(region, CHUNKS / 4), { queues: 8, room }),
    },
  );
  const [sender, other] = hosts as [WorldHost, WorldHost];
  const endpoint = (tenant: number) => (tenant === 3 ? sender.native(1) : other.native(0));
  return { world, sender, other, endpoint };
}

interface Case {
  readonly spec: FrameSpec;
  readonly gsoType: number;
  readonly csumStart: number;
  readonly csumOffset: number;
}

const CASES: [string, Case][] = [
  [
    'TCP',
    {
      spec: { tcp: {}, payload: numbered(20_000) },
      gsoType: VIRTIO_NET_HDR_GSO_TCPV4,
      csumStart: 34,
      csumOffset: 16,
    },
  ],
  [
    'TCP over IPv6',
    {
      spec: { ipv6: {}, tcp: {}, payload: numbered(65_000) },
      gsoType: VIRTIO_NET_HDR_GSO_TCPV6,
      csumStart: 54,
      csumOffset: 16,
    },
  ],
  [
    'UDP',
    {
      spec: { udp: {}, payload: numbered(9001) },
      gsoType: VIRTIO_NET_HDR_GSO_UDP_L4,
      csumStart: 34,
      csumOffset: 6,
    },
  ],
  [
    'UDP, which would fit one packet',
    {
      spec: { udp: {}, payload: numbered(1100) },
      gsoType: VIRTIO_NET_HDR_GSO_UDP_L4,
      csumStart: 34,
      csumOffset: 6,
    },
  ],
];

/** The frame as a tenant's stack hands it over, and what it stands for. */
function offloadFrame(to: number, { spec, gsoType, csumStart, csumOffset }: Case, gsoSize = 1000) {
  const ethernet = { source: macOf(1), destination: to === 0 ? BROADCAST_MAC : macOf(to) };
  const network =
    spec.ipv6 === undefined
      ? { ipv4: { source: ipv4Of(1), destination: ipv4Of(to) } }
      : { ipv6: { source: ipv6Of(1), destination: ipv6Of(to) } };
  const frame = buildFrame({ ...spec, ethernet, ...network });
  const offload = { flags: VIRTIO_NET_HDR_F_NEEDS_CSUM, gsoType, gsoSize, csumStart, csumOffset };
  const segments = segmentPlainly(frame, gsoSize);
  const flags = VIRTIO_NET_HDR_F_DATA_VALID;
  return {
    whole: withOffload(frame, offload),
    expected: segments.map((each) => withOffload(each, { flags })),
  };
}

function readAll(world: World, host: WorldHost, vnic: NativeVnic, most = Number.POSITIVE_INFINITY) {
  const frames: Uint8Array[] = [];
  for (let idle = 0; idle < 5; ) {
    const read = vnic.receive.flatMap((queue) => (queue === undefined ? [] : vnic.read(queue.queue, most)));
    frames.push(...read);
    idle = read.length > 0 ? 0 : idle + 1;
    host.ring();
    world.pass(2000);
  }
  for (const queue of vnic.receive) if (queue !== undefined) vnic.finish(queue.queue);
  host.ring();
  world.pass(1000);
  return frames;
}

describe.each(ENDPOINTS)('an offload frame for an endpoint %s', (_, to) => {
  it.each(CASES)('is cut: %s', (_, kind) => {
    const { world, sender, other, endpoint } = mixedWorld();
    const { whole, expected } = offloadFrame(to, kind);
    sender.send(0, whole, whole);
    world.pass(100_000);
    const host = to === 3 ? sender : other;
    expect(readAll(world, host, endpoint(to))).toEqual([...expected, ...expected]);
    expect(host.vswitch.counters.cutFrames).toBe(2 * (expected.length - 1));
    for (const { vswitch, region } of [sender, other]) checkIdle(vswitch, region, WRITERS);
  });

  it('waits like any frames where the endpoint is slow', () => {
    const { world, sender, other, endpoint } = mixedWorld(3);
    const [, kind] = CASES[1]!;
    const { whole, expected } = offloadFrame(to, kind, 300);
    const small = frameBetween(1, to, { ...kind.spec, payload: numbered(10) });
    sender.send(0, whole, small, whole);
    world.pass(100_000);
    const host = to === 3 ? sender : other;
    expect(host.vswitch.framesWaiting).toBe(2 * expected.length + 1 - 3);
    checkConservation(host.vswitch);
    expect(readAll(world, host, endpoint(to), 2)).toEqual([...expected, small, ...expected]);
    for (const { vswitch, region } of [sender, other]) checkIdle(vswitch, region, WRITERS);
  });

  it('is dropped and counted when it is not what it says', () => {
    const { world, sender, other, endpoint } = mixedWorld();
    const [, kind] = CASES[0]!;
    sender.send(0, offloadFrame(to, { ...kind, gsoType: VIRTIO_NET_HDR_GSO_TCPV6 }).whole);
    world.pass(100_000);
    const host = to === 3 ? sender : other;
    expect(host.vswitch.counters.dropped.badOffload).toBe(1);
    expect(readAll(world, host, endpoint(to))).toEqual([]);
    for (const { vswitch, region } of [sender, other]) checkIdle(vswitch, region, WRITERS);
  });
});

it('a long frame that is no offload frame is the endpoint’s to refuse', () => {
  const { world, sender, other, endpoint } = mixedWorld();
  const frame = frameBetween(1, 2, { udp: {}, payload: numbered(30_000) });
  sender.send(0, frame);
  world.pass(100_000);
  expect(readAll(world, other, endpoint(2))).toEqual([frame]);
});

it('a broadcast offload frame is cut for each endpoint, and reaches the other host in pieces', () => {
  const { world, sender, other, endpoint } = mixedWorld();
  const [, kind] = CASES[2]!;
  const { whole, expected } = offloadFrame(0, kind);
  sender.send(0, whole);
  world.pass(100_000);
  expect(readAll(world, sender, endpoint(3))).toEqual(expected);
  expect(readAll(world, other, endpoint(2)).length).toBe(expected.length);
});

it('one that there is no memory to cut is dropped and counted', () => {
  const { world, sender, endpoint } = mixedWorld();
  const [, kind] = CASES[0]!;
  sender.send(0, frameBetween(1, 3, kind.spec));
  world.pass(1000);
  readAll(world, sender, endpoint(3));
  while (sender.region.free > 0) sender.region.take();
  sender.send(0, offloadFrame(3, kind).whole);
  world.pass(1000);
  expect(sender.vswitch.counters.dropped.noCutMemory).toBe(1);
  checkConservation(sender.vswitch);
});
