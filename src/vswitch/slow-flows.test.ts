// Many flows whose owners are slow, in little memory: those that obey pauses lose nothing, whatever the size of their frames,
// and who obeys none gets a share and loses the rest (Backdraft §4.2, §4.3).

import { expect, it } from 'vitest';
import { checkConservation } from '../../test/vswitch/conservation.ts';
import { NativeVnic } from '../../test/vswitch/native-vnic.ts';
import { configOf, frameBetween, type Layout, vtepOf } from '../../test/vswitch/tenants.ts';
import { CHUNKS, type Middleware, World, type WorldHost } from '../../test/vswitch/world.ts';
import { numbered } from '../../test/wire/frames.ts';
import { NATIVE_FLOW } from '../packet/device.ts';
import { ChunkWriter } from '../packet/writer.ts';
import { writeNativeFlow } from '../wire/virtio-net-header.ts';

/** The second is the receiver. */
const layout: Layout = { vni: 77, reliable: true, hosts: [[1], [2], [3]] };
const RECEIVER = 2;
const FLOWS = 200;
/** Of a flow with a queue, an owner reads one frame so often. */
const READS_MICROS = 2000;
const FLOOD = 1000;

const middleware: Middleware = {
  vnic: (_, region) =>
    new NativeVnic(region, new ChunkWriter(region, CHUNKS / 4), { queues: FLOWS + 1, room: 4 }),
};

function frameOf(from: number, flow: number, number: number, bytes: number): Uint8Array {
  const payload = numbered(bytes);
  new DataView(payload.buffer, payload.byteOffset).setUint32(0, number);
  const frame = frameBetween(from, RECEIVER, { udp: { sourcePort: 7, destinationPort: 7 }, payload });
  writeNativeFlow(new DataView(frame.buffer, frame.byteOffset), 0, flow);
  return frame;
}

const numberOf = (frame: Uint8Array) => new DataView(frame.buffer, frame.byteOffset).getUint32(10 + 42);

/** The third host is one that knows no pauses. */
function slowWorld() {
  const world = new World();
  const [sender, receiver, flooder] = layout.hosts.map((_, host) =>
    world.add(vtepOf(host), configOf(host, [layout], { pauses: host < 2 }), middleware),
  ) as [WorldHost, WorldHost, WorldHost];
  const received = new Map<number, number[]>();
  const pass = () => {
    for (const host of [sender, receiver, flooder]) host.ring();
    world.pass(READS_MICROS);
    for (const flow of receiver.native(0).receive) {
      if (flow === undefined) continue;
      const numbers = receiver.native(0).read(flow.queue, 1).map(numberOf);
      const id = flow.key[NATIVE_FLOW]!;
      received.set(id, [...(received.get(id) ?? []), ...numbers]);
    }
    checkConservation(receiver.vswitch);
  };
  return { sender, receiver, flooder, received, pass };
}

const inOrder = (count: number) => Array.from({ length: count }, (_, i) => i);

it.each([
  [60, 150],
  [400, 200],
  [1300, 80],
])('200 slow flows of frames of %i bytes lose nothing in 8 MB', (bytes, frames) => {
  const { sender, receiver, received, pass } = slowWorld();
  for (let flow = 1; flow <= FLOWS; flow++)
    for (const i of inOrder(frames)) sender.native(0).send(flow, frameOf(1, flow, i, bytes));
  for (let turn = 0; turn < 1500 && (turn < 100 || receiver.vswitch.framesWaiting > 0); turn++) pass();
  for (let turn = 0; turn < 4 * frames; turn++) pass();
  expect(receiver.vswitch.counters.dropped).toMatchObject({ vnicFull: 0, noReceiveRing: 0 });
  for (let flow = 1; flow <= FLOWS; flow++) expect(received.get(flow)).toEqual(inOrder(frames));
});

it('a flood that obeys no pause gets its share, and those that do lose nothing beside it', () => {
  const { sender, receiver, flooder, received, pass } = slowWorld();
  const { forwarding, pairDrops, counters } = receiver.vswitch;
  const frames = 30;
  const flood = 8000;
  for (const i of inOrder(flood)) flooder.native(0).send(FLOOD, frameOf(3, FLOOD, i, 1300));
  for (let turn = 0; turn < 10; turn++) pass();
  for (let flow = 1; flow <= FLOWS; flow++)
    for (const i of inOrder(frames)) sender.native(0).send(flow, frameOf(1, flow, i, 1300));
  let leastFree = receiver.region.free;
  for (let turn = 0; turn < 600; turn++) {
    pass();
    leastFree = Math.min(leastFree, receiver.region.free);
  }
  const dropsOf = (host: number) => {
    const pair = [...inOrder(forwarding.pairCount)].find(
      (each) => forwarding.peers[forwarding.peerOf(each)] === vtepOf(host),
    );
    return pairDrops.of(pair!, 'vnicFull');
  };
  expect(dropsOf(0)).toBe(0);
  for (let flow = 1; flow <= FLOWS; flow++) expect(received.get(flow)).toEqual(inOrder(frames));
  expect(dropsOf(2)).toBeGreaterThan(0);
  expect(counters.dropped.vnicFull).toBe(dropsOf(2));
  // It waits for its owner in its share, and memory is left for all others.
  expect(received.get(FLOOD)!.length).toBeGreaterThan(500);
  expect(leastFree).toBeGreaterThan(0);
});
