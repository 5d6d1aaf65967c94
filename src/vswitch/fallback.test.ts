// A reliable network with a peer that does not speak BIFROST: what waited goes as plain VXLAN, and the peer is asked
// again, until it answers.

import { expect, it } from 'vitest';
import { checkIdle } from '../../test/vswitch/conservation.ts';
import { encapsulate, plainFrames } from '../../test/vswitch/plain-packets.ts';
import { configOf, frameBetween, type Layout, vtepOf, withOffload } from '../../test/vswitch/tenants.ts';
import { World, type WorldHost, worldOf } from '../../test/vswitch/world.ts';
import { buildFrame, numbered } from '../../test/wire/frames.ts';
import { segmentPlainly } from '../../test/wire/plain-segmentation.ts';
import { bytesOf } from '../base/bytes.ts';
import { CONNECTION_STATE_NAMES } from '../transport/connections.ts';
import { PACKET_CONNECTION_REQUEST } from '../wire/bifrost-types.ts';
import { VIRTIO_NET_HDR_GSO_TCPV4 } from '../wire/virtio-net-header.ts';
import { parseVxlan, VXLAN_HEADER_BYTES } from '../wire/vxlan.ts';

const VNI = 77;
const layout: Layout = { vni: VNI, reliable: true, hosts: [[1], [2]] };
/** Longer than three requests take. */
const GIVEN_UP_MICROS = 200_000;
/** And from then to the fourth. */
const ASKED_AGAIN_MICROS = 200_000;

/** A host whose peer understands plain VXLAN only, as a kernel's device does: it drops packets with the P bit. */
function besidePlainPeer(): { world: World; host: WorldHost } {
  const world = new World();
  return { world, host: world.add(vtepOf(0), configOf(0, [layout])) };
}

const frame = (number: number) =>
  frameBetween(1, 2, { udp: { sourcePort: 1 + number }, payload: numbered(99) });
const bare = (frames: readonly Uint8Array[]) => frames.map((whole) => whole.slice(10));
const stateOf = ({ vswitch }: WorldHost) => CONNECTION_STATE_NAMES[vswitch.transport.connections.state[0]!];

function requests(world: World): number {
  return world.packets.filter(({ bytes }) => {
    const vxlan = parseVxlan(bytesOf(bytes), 0, bytes.length);
    return typeof vxlan !== 'string' && vxlan.carries === 'bifrost'
      ? bytes[VXLAN_HEADER_BYTES] === PACKET_CONNECTION_REQUEST
      : false;
  }).length;
}

it('frames that waited are sent when the peer is given up, with nothing else happening', () => {
  const { world, host } = besidePlainPeer();
  const frames = [0, 1, 2].map(frame);
  host.send(0, ...frames);
  world.pass(GIVEN_UP_MICROS);
  expect(stateOf(host)).toBe('plain');
  expect(requests(world)).toBe(3);
  expect(plainFrames(world.packets, VNI)).toEqual(bare(frames));
  checkIdle(host.vswitch, host.region);
});

it('frames after that go at once, cut where they must be', () => {
  const { world, host } = besidePlainPeer();
  host.send(0, frame(0));
  world.pass(GIVEN_UP_MICROS);
  world.packets.length = 0;
  const large = buildFrame({ tcp: {}, payload: numbered(9000) });
  const offload = {
    flags: 1,
    gsoType: VIRTIO_NET_HDR_GSO_TCPV4,
    gsoSize: 1300,
    csumStart: 34,
    csumOffset: 16,
  };
  host.send(0, frame(1), withOffload(large, offload));
  world.pass(100);
  expect(plainFrames(world.packets, VNI)).toEqual([...bare([frame(1)]), ...segmentPlainly(large, 1300)]);
  checkIdle(host.vswitch, host.region);
});

it('frames from the peer arrive meanwhile', () => {
  const { world, host } = besidePlainPeer();
  const answer = frameBetween(2, 1, { udp: {}, payload: numbered(50) });
  host.send(0, frame(0));
  host.arrive({ from: vtepOf(1), slot: 0, bytes: encapsulate(VNI, answer.subarray(10)) });
  world.pass(GIVEN_UP_MICROS);
  expect(host.received[0]).toEqual([answer]);
});

it('a peer that has learnt to answer is found by asking again, and gets plain frames until then', () => {
  const { world, host } = besidePlainPeer();
  host.send(0, frame(0));
  world.pass(GIVEN_UP_MICROS);
  const peer = world.add(vtepOf(1), configOf(1, [layout]));
  host.send(0, frame(1));
  world.pass(ASKED_AGAIN_MICROS / 4);
  expect({ state: stateOf(host), requests: requests(world) }).toEqual({ state: 'plain', requests: 3 });
  expect(peer.received[0]).toEqual([frame(1)]);
  world.pass(ASKED_AGAIN_MICROS);
  expect(stateOf(host)).toBe('established');
  world.packets.length = 0;
  host.send(0, frame(2));
  world.pass(GIVEN_UP_MICROS);
  expect(peer.received[0]).toEqual([frame(1), frame(2)]);
  expect(plainFrames(world.packets, VNI)).toEqual([]);
  for (const { vswitch, region } of [host, peer]) checkIdle(vswitch, region);
});

it('a peer that asks by itself is answered at once', () => {
  const { world, host } = besidePlainPeer();
  host.send(0, frame(0));
  world.pass(GIVEN_UP_MICROS);
  const peer = world.add(vtepOf(1), configOf(1, [layout]));
  const theirs = frameBetween(2, 1, { udp: {}, payload: numbered(50) });
  peer.send(0, theirs);
  world.pass(GIVEN_UP_MICROS);
  expect(stateOf(host)).toBe('established');
  expect(host.received[0]).toEqual([theirs]);
});

it('a peer that is silent for good after it answered gets plain frames, none lost and none left', () => {
  const { world, hosts } = worldOf([layout]);
  const [host] = hosts as [WorldHost];
  host.send(0, frame(0));
  world.pass(GIVEN_UP_MICROS);
  expect(stateOf(host)).toBe('established');
  // From now on it is a kernel: it hears plain VXLAN only, and says nothing.
  world.loses = () => true;
  world.packets.length = 0;
  const frames = Array.from({ length: 40 }, (_, i) => frame(1 + i));
  host.send(0, ...frames);
  world.pass(20_000_000);
  expect(stateOf(host)).toBe('plain');
  expect(plainFrames(world.packets, VNI)).toEqual(bare(frames));
  expect(host.vswitch.counters.returned).toBe(40);
  checkIdle(host.vswitch, host.region);
});
