// Towards plain VXLAN: what the tenant left undone is done, against the plain twins in test/wire; what does not fit the
// underlay is dropped; and what comes as plain VXLAN is delivered, or dropped and counted.

import { describe, expect, it } from 'vitest';
import { checkIdle } from '../../test/vswitch/conservation.ts';
import { encapsulate, plainFrames } from '../../test/vswitch/plain-packets.ts';
import { frameBetween, type Layout, vtepOf, withOffload } from '../../test/vswitch/tenants.ts';
import { worldOf } from '../../test/vswitch/world.ts';
import { buildFrame, type FrameSpec, numbered } from '../../test/wire/frames.ts';
import { segmentPlainly } from '../../test/wire/plain-segmentation.ts';
import { BROADCAST_MAC } from '../wire/address.ts';
import { finishSum } from '../wire/checksum.ts';
import { ROUTE_PROBE_VNI } from '../wire/route-probe.ts';
import {
  VIRTIO_NET_HDR_F_NEEDS_CSUM,
  VIRTIO_NET_HDR_GSO_TCPV4,
  VIRTIO_NET_HDR_GSO_TCPV6,
  VIRTIO_NET_HDR_GSO_UDP_L4,
} from '../wire/virtio-net-header.ts';

const VNI = 77;
const layout: Layout = { vni: VNI, reliable: false, hosts: [[1, 3], [2]] };
/** IPv4, UDP and VXLAN around a frame on an underlay of 1500 bytes. */
const LARGEST_FRAME_BYTES = 1500 - 36;

/** What leaves the host when tenant 1 sends frames. */
function sent(...frames: Uint8Array[]) {
  const { world, hosts } = worldOf([layout]);
  hosts[0]!.send(0, ...frames);
  world.pass(1000);
  for (const { vswitch, region } of hosts) checkIdle(vswitch, region);
  const { dropped } = hosts[0]!.vswitch.counters;
  return { frames: plainFrames(world.packets, VNI), packets: world.packets, dropped, hosts };
}

/** The pseudo header's sum in the checksum's place, as a stack leaves it that counts on an offload. */
function unfinished(frame: Uint8Array, csumStart: number, csumOffset: number): Uint8Array {
  const copy = frame.slice();
  const view = new DataView(copy.buffer);
  const field = csumStart + csumOffset;
  const finished = view.getUint16(field);
  let rest = 0;
  view.setUint16(field, 0);
  for (let at = csumStart; at < copy.length; at += 2) {
    rest += at + 1 < copy.length ? view.getUint16(at) : view.getUint8(at) << 8;
  }
  // finished = ~(pseudo + rest), so pseudo = ~finished - rest in ones' complement.
  view.setUint16(field, ((0xffff ^ finished) + (0xffff ^ (rest % 0xffff))) % 0xffff);
  return copy;
}

describe('checksums left to be computed', () => {
  const cases: [string, FrameSpec, number, number][] = [
    ['TCP', { tcp: {}, payload: numbered(333) }, 34, 16],
    ['UDP', { udp: {}, payload: numbered(100) }, 34, 6],
    ['TCP over IPv6', { ipv6: {}, tcp: {}, payload: numbered(77) }, 54, 16],
    ['UDP, tagged', { ethernet: { vlanTci: 9 }, udp: {}, payload: numbered(8) }, 38, 6],
  ];
  it.for(cases)('%s', ([, spec, csumStart, csumOffset]) => {
    const finished = buildFrame(spec);
    const frame = unfinished(finished, csumStart, csumOffset);
    expect(frame).not.toEqual(finished);
    const offload = { flags: VIRTIO_NET_HDR_F_NEEDS_CSUM, csumStart, csumOffset };
    expect(sent(withOffload(frame, offload)).frames).toEqual([finished]);
  });
});

describe('super-frames are cut', () => {
  const cases: [string, FrameSpec, number, number, number][] = [
    ['TCP', { tcp: {}, payload: numbered(20_000) }, VIRTIO_NET_HDR_GSO_TCPV4, 34, 16],
    ['TCP over IPv6', { ipv6: {}, tcp: {}, payload: numbered(65_000) }, VIRTIO_NET_HDR_GSO_TCPV6, 54, 16],
    ['UDP', { udp: {}, payload: numbered(9_001) }, VIRTIO_NET_HDR_GSO_UDP_L4, 34, 6],
    [
      'TCP, tagged, with options',
      { ethernet: { vlanTci: 9 }, tcp: { options: new Uint8Array(12).fill(1) }, payload: numbered(5000) },
      VIRTIO_NET_HDR_GSO_TCPV4,
      38,
      16,
    ],
  ];
  it.for(cases)('%s', ([, spec, gsoType, csumStart, csumOffset]) => {
    const frame = buildFrame(spec);
    const offload = { flags: VIRTIO_NET_HDR_F_NEEDS_CSUM, gsoType, gsoSize: 1360, csumStart, csumOffset };
    const { frames, packets, hosts } = sent(withOffload(frame, offload));
    const expected = segmentPlainly(frame, 1360);
    expect(frames).toEqual(expected);
    expect(new Set(packets.map(({ slot }) => slot)).size, 'one flow, one path').toBe(1);
    expect(hosts[1]!.received[0]).toEqual(expected.map((segment) => withOffload(segment)));
    expect(hosts[0]!.vswitch.counters.toPlain).toBe(1);
  });

  it('a broadcast one too, for every host', () => {
    const spec = { ethernet: { destination: BROADCAST_MAC }, udp: {}, payload: numbered(4000) };
    const frame = buildFrame(spec);
    const offload = {
      flags: 1,
      gsoType: VIRTIO_NET_HDR_GSO_UDP_L4,
      gsoSize: 1000,
      csumStart: 34,
      csumOffset: 6,
    };
    const { world, hosts } = worldOf([{ ...layout, hosts: [[1, 3], [2], [4]] }]);
    hosts[0]!.send(0, withOffload(frame, offload));
    world.pass(1000);
    const segments = segmentPlainly(frame, 1000);
    expect(hosts[0]!.received[1]).toEqual([withOffload(frame, offload)]);
    for (const host of hosts.slice(1)) {
      expect(host.received[0]).toEqual(segments.map((segment) => withOffload(segment)));
    }
    for (const { vswitch, region } of hosts) checkIdle(vswitch, region);
  });
});

describe('a frame that does not fit the underlay is dropped and counted', () => {
  const payload = numbered(LARGEST_FRAME_BYTES - 42);
  const offload = { flags: 1, gsoType: VIRTIO_NET_HDR_GSO_TCPV4, csumStart: 34, csumOffset: 16 };
  const superFrame = buildFrame({ tcp: {}, payload: numbered(65_000) });

  it('at the last byte that fits, it is sent', () => {
    const frame = frameBetween(1, 2, { udp: {}, payload });
    const { frames, dropped, packets } = sent(frame);
    expect(frames).toEqual([frame.slice(10)]);
    expect(packets[0]!.bytes.length + 28).toBe(1500);
    expect(dropped.tooLong).toBe(0);
  });

  it.for([
    ['a byte more', frameBetween(1, 2, { udp: {}, payload: numbered(payload.length + 1) })],
    ['a tag more', frameBetween(1, 2, { ethernet: { vlanTci: 5 }, udp: {}, payload })],
    [
      'a byte more, its checksum to be completed',
      withOffload(buildFrame({ udp: {}, payload: numbered(payload.length + 1) }), {
        flags: 1,
        csumStart: 34,
        csumOffset: 6,
      }),
    ],
    ['segments a byte too long', withOffload(superFrame, { ...offload, gsoSize: LARGEST_FRAME_BYTES - 53 })],
    ['thousands of tiny segments', withOffload(superFrame, { ...offload, gsoSize: 4 })],
  ] as const)('%s', ([, frame]) => {
    const { frames, dropped } = sent(frame);
    expect(frames).toEqual([]);
    expect(dropped.tooLong).toBe(1);
  });

  it('segments of just the right length are sent', () => {
    const { frames, dropped } = sent(
      withOffload(superFrame, { ...offload, gsoSize: LARGEST_FRAME_BYTES - 54 }),
    );
    expect(frames[0]!.length).toBe(LARGEST_FRAME_BYTES);
    expect(dropped.tooLong).toBe(0);
  });

  it('a super-frame of very small segments is sent whole', () => {
    const frame = buildFrame({ tcp: {}, payload: numbered(65_000) });
    const { frames } = sent(withOffload(frame, { ...offload, gsoSize: 24 }));
    expect(frames.length).toBe(Math.ceil(65_000 / 24));
    expect(frames.every((segment) => segment.length <= 54 + 24)).toBe(true);
  });
});

it('a super-frame that is not what its header says is dropped and counted', () => {
  const udpFrame = buildFrame({ udp: {}, payload: numbered(3000) });
  const offload = {
    flags: 1,
    gsoType: VIRTIO_NET_HDR_GSO_TCPV4,
    gsoSize: 1000,
    csumStart: 34,
    csumOffset: 16,
  };
  const { frames, dropped } = sent(withOffload(udpFrame, offload));
  expect(frames).toEqual([]);
  expect(dropped.malformedFrame).toBe(1);
});

it('flows are spread over the slots, each on one', () => {
  const frames = Array.from({ length: 64 }, (_, i) =>
    frameBetween(1, 2, { udp: { sourcePort: 5000 + (i % 32) }, payload: numbered(50) }),
  );
  const { packets } = sent(...frames);
  const slotOf = (i: number) => packets[i]!.slot;
  for (let i = 0; i < 32; i++) expect(slotOf(i)).toBe(slotOf(i + 32));
  expect(new Set(packets.map(({ slot }) => slot)).size).toBeGreaterThan(4);
});

describe('a plain packet', () => {
  const toTwo = frameBetween(1, 2, { udp: {}, payload: numbered(60) }).slice(10);
  const toThree = frameBetween(2, 3, { udp: {}, payload: numbered(60) }).slice(10);

  /** What became of a packet from host 1, or from elsewhere, at host 0. */
  function fate(bytes: Uint8Array, from = vtepOf(1), layouts: readonly Layout[] = [layout]) {
    const { world, hosts } = worldOf(layouts);
    hosts[0]!.arrive({ from, slot: 0, bytes });
    world.pass(1000);
    const { vswitch, region, received } = hosts[0]!;
    checkIdle(vswitch, region);
    const counted = Object.entries(vswitch.counters.dropped).filter(([, count]) => count > 0);
    return { dropped: Object.fromEntries(counted), received: received.map((frames) => frames.length) };
  }

  it('for a tenant of this host is delivered', () => {
    const { dropped, received } = fate(encapsulate(VNI, toThree));
    expect({ dropped, received }).toEqual({ dropped: {}, received: [0, 1] });
  });

  it('of a reliable network is delivered too, where its sender fell back', () => {
    const { received } = fate(encapsulate(VNI, toThree), vtepOf(1), [{ ...layout, reliable: true }]);
    expect(received).toEqual([0, 1]);
  });

  const broadcast = toThree.slice();
  broadcast.fill(0xff, 0, 6);
  it('to everybody is delivered to every tenant of the network', () => {
    expect(fate(encapsulate(VNI, broadcast)).received).toEqual([1, 1]);
  });

  it('to everybody where nobody is, is not for us', () => {
    const elsewhere: Layout = { vni: 78, reliable: false, hosts: [[], [2]] };
    const { dropped, received } = fate(encapsulate(78, broadcast), vtepOf(1), [layout, elsewhere]);
    expect({ dropped, received }).toEqual({ dropped: { notForUs: 1 }, received: [0, 0] });
  });

  const cases: [string, Uint8Array, string][] = [
    ['for somebody else is not for us', encapsulate(VNI, toTwo), 'notForUs'],
    ['of another network is of an unknown VNI', encapsulate(99, toThree), 'unknownVni'],
    [
      'that looked for a route has come too far',
      encapsulate(ROUTE_PROBE_VNI, new Uint8Array(4)),
      'routeProbe',
    ],
    [
      'without a whole Ethernet header is malformed',
      encapsulate(VNI, toThree.slice(0, 13)),
      'malformedPacket',
    ],
    ['without a tenant’s frame is malformed', encapsulate(VNI, new Uint8Array(0)), 'malformedPacket'],
    ['without a whole VXLAN header is malformed', encapsulate(VNI, toThree).slice(0, 7), 'malformedPacket'],
    ['without the I flag is malformed', new Uint8Array(100), 'malformedPacket'],
  ];
  it.for(cases)('%s', ([, bytes, reason]) => {
    expect(fate(bytes)).toEqual({ dropped: { [reason]: 1 }, received: [0, 0] });
  });

  it('from an unknown VTEP is dropped, whatever it is', () => {
    for (const bytes of [
      encapsulate(VNI, toThree),
      encapsulate(VNI, toThree, 'bifrost'),
      new Uint8Array(9),
    ]) {
      expect(fate(bytes, vtepOf(9))).toEqual({ dropped: { unknownVtep: 1 }, received: [0, 0] });
    }
  });

  it('from a VTEP that has no tenant in the network is of an unknown VNI', () => {
    const other: Layout = { vni: 78, reliable: false, hosts: [[4], [], [5]] };
    const frame = frameBetween(5, 3, { udp: {}, payload: numbered(60) }).slice(10);
    const { dropped } = fate(encapsulate(VNI, frame), vtepOf(2), [layout, other]);
    expect(dropped).toEqual({ unknownVni: 1 });
  });
});

it('the twin that takes checksums away agrees with the sum of the whole', () => {
  const frame = unfinished(buildFrame({ udp: {}, payload: numbered(5) }), 34, 6);
  const view = new DataView(frame.buffer);
  const pseudo =
    view.getUint16(14 + 12) + view.getUint16(14 + 14) + view.getUint16(14 + 16) + view.getUint16(14 + 18);
  expect(view.getUint16(40)).toBe(0xffff ^ finishSum(pseudo + 17 + 13));
});
