// vNICs with a queue for each flow both ways: a flow that is not read, or that may not go, delays no other, and what goes
// in comes out, whatever owners do.

import { describe, expect, it } from 'vitest';
import { digests } from '../../test/support/digest.ts';
import { itForSeeds } from '../../test/support/seeds.ts';
import { checkConservation, checkIdle } from '../../test/vswitch/conservation.ts';
import { NativeVnic, type NativeVnicSizes } from '../../test/vswitch/native-vnic.ts';
import { frameBetween, type Layout, vtepOf } from '../../test/vswitch/tenants.ts';
import { CHUNKS, type World, type WorldHost, worldOf } from '../../test/vswitch/world.ts';
import { numbered } from '../../test/wire/frames.ts';
import { below, chance, SeededRng } from '../base/rng.ts';
import { MAX_FRAME_BYTES, NATIVE_FLOW } from '../packet/device.ts';
import { ChunkWriter } from '../packet/writer.ts';
import { VIRTIO_NET_HDR_F_FLOW } from '../wire/virtio-net-header.ts';

const layout: Layout = { vni: 77, reliable: true, hosts: [[1, 3], [2]] };
/** Endpoints read into a chunk of their own. */
const WRITERS = 7;

/** All tenants are native endpoints. */
function nativeWorld(sizes: NativeVnicSizes, windowPackets = 512) {
  return worldOf(
    [layout],
    { windowPackets },
    { vnic: (_, region) => new NativeVnic(region, new ChunkWriter(region, CHUNKS / 4), sizes) },
  );
}

/** The `number`-th frame of a flow, which has its id in front. */
function frameOf(from: number, to: number, flow: number, number: number, bytes = 60): Uint8Array {
  const payload = numbered(bytes + 4);
  new DataView(payload.buffer, payload.byteOffset).setUint32(0, number);
  const frame = frameBetween(from, to, { udp: { sourcePort: 7, destinationPort: 7 }, payload });
  frame[0] = VIRTIO_NET_HDR_F_FLOW;
  new DataView(frame.buffer, frame.byteOffset).setUint32(6, flow, true);
  return frame;
}

const flowOf = (frame: Uint8Array) => new DataView(frame.buffer, frame.byteOffset).getUint32(6, true);
const numberOf = (frame: Uint8Array) => new DataView(frame.buffer, frame.byteOffset).getUint32(10 + 42);

function queueOf(vnic: NativeVnic, flow: number): number {
  return vnic.receive.find((each) => each?.key[NATIVE_FLOW] === flow)?.queue ?? -1;
}

/** Lets the owner of a vNIC read a flow until nothing more comes. */
function readAll(world: World, host: WorldHost, port: number, flow: number): Uint8Array[] {
  const vnic = host.native(port);
  const frames: Uint8Array[] = [];
  for (let idle = 0; idle < 5; ) {
    const read = vnic.read(queueOf(vnic, flow));
    frames.push(...read);
    idle = read.length > 0 ? 0 : idle + 1;
    host.ring();
    world.pass(2000);
  }
  return frames;
}

describe('a receiver that reads one of its flows', () => {
  it('gets all of it, and the other flow waits in its own queue', () => {
    const { world, hosts } = nativeWorld({ queues: 10, room: 4 });
    const [sender, receiver] = hosts as [WorldHost, WorldHost];
    const frames = Array.from({ length: 50 }, (_, i) => [frameOf(1, 2, 5, i), frameOf(1, 2, 6, i)]);
    for (const [slow, read] of frames) {
      sender.native(0).send(0, slow!);
      sender.native(0).send(1, read!);
    }
    sender.ring();
    world.pass(100_000);
    expect(digests(readAll(world, receiver, 0, 6))).toEqual(digests(frames.map(([, read]) => read!)));
    expect(receiver.vswitch.framesWaiting).toBe(50 - 4);
    expect(receiver.vswitch.counters.dropped.vnicFull).toBe(0);
    // The connection does not care: all of it is acknowledged.
    expect(sender.vswitch.transport.isIdle).toBe(true);
    expect(digests(readAll(world, receiver, 0, 5))).toEqual(digests(frames.map(([slow]) => slow!)));
    for (const { vswitch, region } of hosts) checkIdle(vswitch, region, WRITERS);
  });

  it('that is done with a queue gives it back, and a flow that had none gets it', () => {
    const { world, hosts } = nativeWorld({ queues: 2, room: 10 });
    const [sender, receiver] = hosts as [WorldHost, WorldHost];
    const vnic = receiver.native(0);
    for (let flow = 1; flow <= 3; flow++) sender.native(0).send(flow, frameOf(1, 2, flow, 0));
    sender.ring();
    world.pass(100_000);
    expect([1, 2, 3].map((flow) => queueOf(vnic, flow))).toEqual([0, 1, -1]);
    expect(receiver.vswitch.framesWaiting).toBe(1);
    vnic.read(0);
    vnic.finish(0);
    receiver.ring();
    world.pass(1000);
    expect(queueOf(vnic, 3)).toBe(0);
    expect(receiver.vswitch.framesWaiting).toBe(0);
    // Nothing is kept of flows that are over.
    for (const queue of [0, 1]) {
      vnic.read(queue);
      vnic.finish(queue);
    }
    receiver.ring();
    world.pass(1000);
    expect(receiver.vswitch.waiting.receive.backlog.flowsOf(0)).toBe(0);
  });
});

describe('a sender whose connection takes nothing', () => {
  it('is told to hold the flows that have enough in the switch, and to go on when they have less', () => {
    const { world, hosts } = nativeWorld({ queues: 10, room: 10_000 }, 64);
    const [sender, receiver] = hosts as [WorldHost, WorldHost];
    const vnic = sender.native(0);
    vnic.send(9, frameOf(1, 2, 9, 0));
    sender.ring();
    world.pass(300_000);
    world.loses = ({ to }) => to === vtepOf(0);
    const frames = Array.from({ length: 600 }, (_, i) => frameOf(1, 2, 1, i, 1200));
    for (const frame of frames) vnic.send(1, frame);
    vnic.send(2, frameOf(1, 2, 2, 0));
    sender.ring();
    world.pass(1000);
    expect([1, 2].map((flow) => vnic.isHeld(flow))).toEqual([true, false]);
    expect(vnic.waiting(1)).toBeGreaterThan(250);
    expect(vnic.waiting(2)).toBe(0);
    // The next switch holds it as well.
    vnic.resume(1);
    sender.replaceSwitch();
    expect(vnic.isHeld(1)).toBe(true);
    world.loses = () => false;
    world.pass(3_000_000);
    expect(vnic.isHeld(1)).toBe(false);
    expect(digests(receiver.native(0).read(queueOf(receiver.native(0), 1)))).toEqual(digests(frames));
    expect(sender.vswitch.counters.dropped.queueFull).toBe(0);
  });

  it.each([16, 256, 512])('has no more than a BDP in the switch, with a window of %i packets', (packets) => {
    const { world, hosts } = nativeWorld({ queues: 10, room: 10_000 }, packets);
    const [sender, receiver] = hosts as [WorldHost, WorldHost];
    const vnic = sender.native(0);
    vnic.send(1, frameOf(1, 2, 1, 0, 1200));
    sender.ring();
    world.pass(300_000);
    const { backlog } = sender.vswitch.waiting.send;
    const frames = 4000;
    for (let i = 1; i < frames; i++) vnic.send(1, frameOf(1, 2, 1, i, 1200));
    let most = 0;
    for (let i = 0; i < 200; i++) {
      sender.ring();
      world.pass(10);
      most = Math.max(most, backlog.bytesOf(0));
    }
    // What is read in one turn comes on top, and a super-frame is always taken.
    const bdpBytes = packets * 1256;
    const turnBytes = 64 * 1256;
    expect(most).toBeLessThanOrEqual(Math.max(bdpBytes, MAX_FRAME_BYTES) + turnBytes);
    expect(most).toBeGreaterThan(0.8 * bdpBytes);
    world.pass(3_000_000);
    const numbers = receiver
      .native(0)
      .read(queueOf(receiver.native(0), 1))
      .map(numberOf);
    expect(numbers).toEqual(Array.from({ length: frames }, (_, i) => i));
  });

  it('loses nothing of many flows that together want more than there is', () => {
    const { world, hosts } = nativeWorld({ queues: 200, room: 10_000 }, 64);
    const [sender, receiver] = hosts as [WorldHost, WorldHost];
    const vnic = sender.native(0);
    vnic.send(999, frameOf(1, 2, 999, 0));
    sender.ring();
    world.pass(300_000);
    world.loses = ({ to }) => to === vtepOf(0);
    for (let i = 0; i < 60; i++)
      for (let flow = 1; flow <= 120; flow++) vnic.send(flow, frameOf(1, 2, flow, i, 1200));
    for (let i = 0; i < 200; i++) {
      sender.ring();
      world.pass(100);
    }
    expect([...Array(120).keys()].some((flow) => vnic.isHeld(flow + 1))).toBe(true);
    expect(sender.region.free).toBeGreaterThan(0);
    world.loses = () => false;
    world.pass(20_000_000);
    expect(sender.vswitch.counters.dropped).toMatchObject({ queueFull: 0, noRing: 0 });
    for (let flow = 1; flow <= 120; flow++) {
      const frames = receiver.native(0).read(queueOf(receiver.native(0), flow));
      expect(frames.map(numberOf)).toEqual(Array.from({ length: 60 }, (_, i) => i));
    }
  });

  it('has its urgent flow go first, and others by weight', () => {
    const { world, hosts } = nativeWorld({ queues: 10, room: 10_000 }, 64);
    const [sender] = hosts as [WorldHost, WorldHost];
    const vnic = sender.native(0);
    vnic.send(9, frameOf(1, 2, 9, 0));
    sender.ring();
    world.pass(300_000);
    world.loses = ({ to }) => to === vtepOf(0);
    vnic.rank(1, 1, 1);
    vnic.rank(2, 1, 3);
    vnic.rank(3, 0, 1);
    // The first ones fill the window.
    for (let i = 0; i < 64; i++) vnic.send(9, frameOf(1, 2, 9, i, 1200));
    sender.ring();
    world.pass(1000);
    for (let i = 0; i < 60; i++) for (const flow of [1, 2, 3]) vnic.send(flow, frameOf(1, 2, flow, i, 1200));
    sender.ring();
    world.pass(1000);
    const order: number[] = [];
    const { backlog } = sender.vswitch.waiting.send;
    const { u8 } = sender.region.bytes;
    for (let flow = backlog.next(0); order.length < 150; flow = backlog.next(0)) {
      const at = backlog.frontOffset(flow);
      order.push(flowOf(u8.slice(at, at + 100)));
      backlog.shift(flow);
      backlog.served(0, flow, 1256);
    }
    const others = order.filter((flow) => flow !== 9);
    expect(others.slice(0, 60)).toEqual(new Array(60).fill(3));
    const next = others.slice(60, 140);
    const twos = next.filter((flow) => flow === 2).length;
    expect(twos / (next.length - twos)).toBeGreaterThan(2);
  });
});

/** Owners send and read as they like, and are done with queues in between. */
function runRandomOwners(seed: number, replaces: boolean): void {
  const rng = new SeededRng(seed);
  const { world, hosts } = nativeWorld({ queues: 1 + below(rng, 8), room: 1 + below(rng, 20) }, 128);
  if (replaces) world.beforeTurn = (host) => chance(rng, 0.3) && host.replaceSwitch();
  const ends = [
    { host: hosts[0]!, port: 0, tenant: 1 },
    { host: hosts[0]!, port: 1, tenant: 3 },
    { host: hosts[1]!, port: 0, tenant: 2 },
  ];
  const sent = new Map<string, number>();
  const received = new Map<string, number[]>();
  const read = ({ host, port, tenant }: (typeof ends)[number], most: number) => {
    const vnic = host.native(port);
    for (const flow of vnic.receive) {
      if (flow === undefined) continue;
      const frames = vnic.read(flow.queue, most);
      for (const frame of frames) {
        const name = `${frame[10 + 11]} ${tenant} ${flowOf(frame)}`;
        expect(flowOf(frame)).toBe(flow.key[NATIVE_FLOW]);
        received.set(name, [...(received.get(name) ?? []), numberOf(frame)]);
      }
      if (flow.frames.length === 0 && chance(rng, 0.3)) vnic.finish(flow.queue);
    }
    host.ring();
  };
  for (let step = 0; step < 150; step++) {
    const { host, port, tenant } = ends[below(rng, 3)]!;
    if (chance(rng, 0.1))
      host.vswitch.waiting.schedule(world.clock.nowMicros, chance(rng, 0.5) ? 'edf' : 'drr');
    if (chance(rng, 0.5)) {
      const to = ends[below(rng, 3)]!.tenant;
      const flow = 1 + below(rng, 12);
      for (let i = below(rng, 40); i > 0 && to !== tenant; i--) {
        const name = `${tenant} ${to} ${flow}`;
        const number = sent.get(name) ?? 0;
        sent.set(name, number + 1);
        host.native(port).send(flow, frameOf(tenant, to, flow, number, below(rng, 1300)));
      }
      host.native(port).rank(flow, below(rng, 8), 1 + below(rng, 5));
      host.ring();
    } else {
      read(ends[below(rng, 3)]!, below(rng, 10));
    }
    world.pass(below(rng, 3000));
    for (const { vswitch } of hosts) checkConservation(vswitch);
  }
  for (let i = 0; i < 600; i++) {
    for (const end of ends) read(end, 100);
    world.pass(5000);
  }
  for (const [name, count] of sent)
    expect(received.get(name) ?? [], name).toEqual(Array.from({ length: count }, (_, i) => i));
  for (const { vswitch, region } of hosts) checkIdle(vswitch, region, WRITERS);
}

itForSeeds('whatever owners send and read, each flow comes whole and in order', 5, (seed) =>
  runRandomOwners(seed, false),
);

itForSeeds('and the same when the switch is replaced before any turn', 3, (seed) =>
  runRandomOwners(seed, true),
);
