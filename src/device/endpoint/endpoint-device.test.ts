// An endpoint's device and its owner against a plain list of what each flow was given, under random operations: whatever
// happens, every flow's frames arrive once, whole and in order, and rings and slots all come back.
import { describe, expect, it } from 'vitest';
import { MemoryEndpoint } from '../../../test/support/memory-endpoint.ts';
import { itForSeeds } from '../../../test/support/seeds.ts';
import { below, chance, type Rng, SeededRng } from '../../base/rng.ts';
import type { ClientSendingFlow } from '../../client/endpoint/sending-flow.ts';
import { FLOW_WORDS } from '../../packet/device.ts';
import { PIECE_LENGTH_MASK, PieceList } from '../../packet/pieces.ts';
import { RING_RECORDS } from '../../runtime/vnic/layout.ts';

const SHAPE = { rings: 16, slots: 256, slotBytes: 320 };
const FRAME_AT = 10;

/** Sequence numbers of one flow, and what stands in a frame of it. */
interface Sent {
  readonly flow: ClientSendingFlow;
  sent: number;
  read: number;
}

function fill(frame: Uint8Array, flow: number, sequence: number): void {
  frame.fill((flow * 31 + sequence) & 0xff);
  new DataView(frame.buffer, frame.byteOffset).setUint32(0, sequence);
}

/** Reads what the device gives into `sent`, which expects it in order. */
function readAll(endpoint: MemoryEndpoint, sent: ReadonlyMap<number, Sent>, capacity: number): number {
  const { device, region } = endpoint;
  const list = new PieceList(capacity);
  const count = device.rx(list);
  for (let i = 0; i < count; i++) {
    const offset = list.words[i * 2]!;
    const length = list.words[i * 2 + 1]! & PIECE_LENGTH_MASK;
    const flow = device.rxFlows[i]!;
    const record = sent.get(flow)!;
    const { u8, view } = region.bytes;
    const sequence = view.getUint32(offset + FRAME_AT);
    if (sequence !== record.read) throw new Error(`flow ${flow} gave ${sequence} and not ${record.read}`);
    if (u8[offset + length - 1] !== ((flow * 31 + sequence) & 0xff))
      throw new Error('its last byte is another');
    record.read++;
    region.release(offset);
  }
  return count;
}

function sendSome(endpoint: MemoryEndpoint, record: Sent, rng: Rng): void {
  const batch = endpoint.batch(40);
  const count = 1 + below(rng, 40);
  for (let i = 0; i < count; i++) {
    const frame = new Uint8Array(14 + below(rng, 250));
    fill(frame, record.flow.index, record.sent + i);
    batch.setFrame(i, frame);
  }
  record.sent += record.flow.send(batch);
}

itForSeeds('what an owner sends comes out once, in order, flow by flow', 20, (seed) =>
  sendAndRead(seed, true),
);

itForSeeds('the same where all queues are looked at', 10, (seed) => sendAndRead(seed, false));

it('where all queues are looked at, the device never sleeps', () => {
  const endpoint = new MemoryEndpoint(SHAPE, 1, undefined, false);
  const { owner, device } = endpoint;
  const flow = endpoint.open();
  const record = { flow, sent: 0, read: 0 };
  const records = new Map([[flow.index, record]]);
  readAll(endpoint, records, 1);
  owner.listen();
  device.settle(0);
  device.settle(1e9);
  expect(device.isAwake).toBe(true);
  sendSome(endpoint, record, new SeededRng(1));
  expect(readAll(endpoint, records, 64)).toBe(record.sent);
  expect(endpoint.wakes.agent).toBe(0);
});

function sendAndRead(seed: number, doorbells: boolean): void {
  const rng = new SeededRng(seed);
  const endpoint = new MemoryEndpoint(SHAPE, 1 + below(rng, 4), undefined, doorbells);
  const { owner, device } = endpoint;
  const records = new Map<number, Sent>();
  for (let i = 0; i < 1 + below(rng, 12); i++) {
    const flow = endpoint.open({ weight: 1 + below(rng, 9), priority: below(rng, 3) });
    records.set(flow.index, { flow, sent: 0, read: 0 });
  }
  const all = [...records.values()];
  for (let step = 0; step < 600; step++) {
    const record = all[below(rng, all.length)]!;
    const kind = below(rng, 10);
    if (kind < 5) sendSome(endpoint, record, rng);
    else if (kind < 8) readAll(endpoint, records, 1 + below(rng, 64));
    else if (kind === 8) owner.listen();
    else if (chance(rng, 0.5)) device.hold(record.flow.index);
    else device.resume(record.flow.index);
    expect(device.fault).toBe('none');
  }
  for (const { flow } of all) device.resume(flow.index);
  for (let turn = 0; turn < 200; turn++) {
    readAll(endpoint, records, 64);
    owner.listen();
  }
  for (const { flow, sent, read } of all)
    expect({ flow: flow.index, read }).toEqual({ flow: flow.index, read: sent });
  for (const { flow } of all) flow.close();
  readAll(endpoint, records, 64);
  owner.listen();
  expect(owner.shared.slots.free).toBe(SHAPE.slots);
  expect(device.ringsInUse).toBe(0);
}

itForSeeds(
  'what the switch gives a queue its owner receives, in order, and what is refused is asked for again',
  20,
  (seed) => {
    const rng = new SeededRng(seed);
    const endpoint = new MemoryEndpoint({ ...SHAPE, slots: 64 });
    const { device, region, owner } = endpoint;
    const batch = endpoint.batch(48);
    const queues = Array.from({ length: 1 + below(rng, 8) }, (_, i) => {
      return {
        queue: device.open(new Uint32Array(FLOW_WORDS).fill(i)),
        given: 0,
        received: 0,
        isRefused: false,
      };
    });
    const give = (queue: (typeof queues)[number], count: number) => {
      const list = new PieceList(64);
      for (let i = 0; i < count; i++) {
        const at = region.take();
        const length = FRAME_AT + 14 + below(rng, 250);
        region.bytes.u8.fill(0, at, at + FRAME_AT);
        fill(region.bytes.u8.subarray(at + FRAME_AT, at + length), queue.queue, queue.given + i);
        // In two pieces, as what came by the fabric may lie.
        const first = chance(rng, 0.5) ? FRAME_AT : length;
        if (first < length) {
          region.retain(at, 1);
          list.push(at, first);
        }
        list.push(first < length ? at + first : at, first < length ? length - first : length);
        list.endFrame();
      }
      const taken = device.txFlow(queue.queue, list, 0);
      let frames = 0;
      for (let i = 0; i < list.count; i++) {
        if (i < taken && list.words[i * 2 + 1]! > PIECE_LENGTH_MASK) frames++;
        region.release(list.words[i * 2]!);
      }
      queue.given += frames;
      queue.isRefused = taken < list.count;
    };
    const receive = () => {
      owner.receive(batch);
      for (let i = 0; i < batch.count; i++) {
        const queue = queues.find((each) => each.queue === batch.flows[i])!;
        const sequence = new DataView(batch.frame(i).buffer, batch.frame(i).byteOffset).getUint32(0);
        if (sequence !== queue.received++) throw new Error(`queue ${queue.queue} gave ${sequence}`);
      }
      return batch.count;
    };
    for (let step = 0; step < 500; step++) {
      const queue = queues[below(rng, queues.length)]!;
      if (!queue.isRefused && chance(rng, 0.7)) give(queue, 1 + below(rng, 20));
      if (chance(rng, 0.2)) receive();
      device.rx(new PieceList(1));
      for (let roomy = device.nextRoomy(); roomy >= 0; roomy = device.nextRoomy()) {
        const named = queues.find((each) => each.queue === roomy)!;
        expect(named.isRefused).toBe(true);
        give(named, 1 + below(rng, 20));
      }
      expect(device.fault).toBe('none');
    }
    while (receive() > 0);
    for (const { queue, given, received } of queues)
      expect({ queue, received }).toEqual({ queue, received: given });
    // Whoever was refused is asked for once its owner has read.
    device.rx(new PieceList(1));
    const named = new Set<number>();
    for (let roomy = device.nextRoomy(); roomy >= 0; roomy = device.nextRoomy()) named.add(roomy);
    for (const { queue, isRefused } of queues) if (isRefused) expect(named).toContain(queue);
  },
);

describe('rings', () => {
  it('are granted on demand, linked while a flow is full, and bounded', () => {
    const endpoint = new MemoryEndpoint(SHAPE, 3);
    const flow = endpoint.open();
    const batch = endpoint.batch(64);
    for (let i = 0; i < 64; i++) batch.setFrame(i, new Uint8Array(60));
    endpoint.device.hold(flow.index);
    endpoint.device.rx(new PieceList(64));
    endpoint.owner.listen();
    let taken = 0;
    for (let turn = 0; turn < 10; turn++) {
      taken += flow.send(batch);
      endpoint.device.rx(new PieceList(64));
      endpoint.owner.listen();
    }
    // One record of each ring is for the link to another.
    expect(taken).toBe(3 * (RING_RECORDS - 1));
    expect(endpoint.device.ringsInUse).toBe(3);
    expect(flow.writable).toBe(0);
  });

  it('of flows that rest go to those that have none when the pool is empty', () => {
    const endpoint = new MemoryEndpoint({ ...SHAPE, rings: 4 }, 1);
    const { device, owner } = endpoint;
    const turn = () => {
      device.rx(new PieceList(64));
      owner.listen();
    };
    const flows = Array.from({ length: 4 }, () => endpoint.open());
    turn();
    const batch = endpoint.batch(1);
    batch.setFrame(0, new Uint8Array(60));
    for (const flow of flows) expect(flow.send(batch)).toBe(1);
    turn();
    expect(device.ringsInUse).toBe(4);
    flows[0]!.close();
    turn();
    turn();
    const another = endpoint.open();
    turn();
    turn();
    expect(another.send(batch)).toBe(1);
  });

  it('are fed in turn as slots come free, and no more of them are tried than can get one', () => {
    const endpoint = new MemoryEndpoint({ ...SHAPE, slots: 64 });
    const { device, region, owner } = endpoint;
    const queues = Array.from({ length: SHAPE.rings }, (_, i) =>
      device.open(new Uint32Array(FLOW_WORDS).fill(i)),
    );
    const list = new PieceList(40);
    const at = region.take();
    while (list.count < list.capacity) {
      list.push(at, 60);
      list.endFrame();
    }
    // As idle.
    while (device.nextRoomy() >= 0);
    const without = queues.filter((queue) => device.txFlow(queue, list, 0) === 0);
    expect(without.length).toBeGreaterThan(4);
    const batch = endpoint.batch(2);
    const named = new Set<number>();
    let free = 0;
    for (let turn = 0; turn < 40; turn++) {
      free += owner.receive(batch);
      device.rx(new PieceList(1));
      let tried = 0;
      let taken = 0;
      for (let queue = device.nextRoomy(); queue >= 0; queue = device.nextRoomy()) {
        named.add(queue);
        taken += device.txFlow(queue, list, list.count - 1);
        tried++;
      }
      expect(tried).toBeLessThanOrEqual(free);
      free -= taken;
    }
    for (const queue of without) expect(named).toContain(queue);
  });

  it('of receive queues that are idle are named to the switch when they run short', () => {
    const endpoint = new MemoryEndpoint(SHAPE);
    const { device, owner } = endpoint;
    for (let i = 0; i < SHAPE.rings; i++)
      expect(device.open(new Uint32Array(FLOW_WORDS).fill(i))).toBeGreaterThanOrEqual(0);
    const key = new Uint32Array(FLOW_WORDS).fill(99);
    let queue = device.open(key);
    for (let turn = 0; turn < 4 && queue < 0; turn++) {
      for (let idle = device.nextRoomy(); idle >= 0; idle = device.nextRoomy()) device.close(idle);
      owner.listen();
      device.rx(new PieceList(1));
      queue = device.open(key);
    }
    expect(queue).toBeGreaterThanOrEqual(0);
  });
});

describe('an owner that goes', () => {
  it('has all read that it sent, of flows that were held, too', () => {
    const endpoint = new MemoryEndpoint(SHAPE);
    const { device, owner } = endpoint;
    const flows = [endpoint.open(), endpoint.open()];
    const list = new PieceList(64);
    device.rx(list);
    owner.listen();
    const batch = endpoint.batch(40);
    for (let i = 0; i < 40; i++) batch.setFrame(i, new Uint8Array(60));
    for (const flow of flows) expect(flow.send(batch)).toBe(40);
    device.hold(flows[1]!.index);
    device.leave();
    expect(device).toMatchObject({ isDrained: false, isAwake: true });
    expect(device.rx(list)).toBe(40);
    list.clear();
    expect(device.rx(list)).toBe(0);
    expect(device.isDrained).toBe(false);
    device.resume(flows[1]!.index);
    expect(device.rx(list)).toBe(40);
    expect(device.isDrained).toBe(false);
    list.clear();
    device.rx(list);
    expect(device.isDrained).toBe(true);
  });

  it('receives nothing more', () => {
    const endpoint = new MemoryEndpoint(SHAPE);
    const { device, region } = endpoint;
    const list = new PieceList(4);
    list.push(region.take(), 60);
    list.endFrame();
    const queue = device.open(new Uint32Array(FLOW_WORDS));
    device.leave();
    expect(device.txFlow(queue, list, 0)).toBe(1);
    expect(device.received.unowned).toBe(1);
  });

  it('leaves rings and slots to the next, who hears of open queues when something comes', () => {
    const endpoint = new MemoryEndpoint(SHAPE);
    const { device, region } = endpoint;
    const queue = device.open(new Uint32Array(FLOW_WORDS).fill(7));
    const list = new PieceList(4);
    const at = region.take();
    list.push(at, 60);
    list.endFrame();
    expect(device.txFlow(queue, list, 0)).toBe(1);
    device.detach();
    expect(device.txFlow(queue, list, 0)).toBe(1);
    expect(device.received.unowned).toBe(1);
    endpoint.own();
    expect(device.txFlow(queue, list, 0)).toBe(1);
    const batch = endpoint.batch(4);
    expect(endpoint.owner.receive(batch)).toBe(1);
    expect(endpoint.owner.receiving.flowOf(queue)).toMatchObject({ nativeId: 7 });
  });

  it('is missed by the switch only for what it had refused', () => {
    const endpoint = new MemoryEndpoint(SHAPE);
    const { device, region } = endpoint;
    const queue = device.open(new Uint32Array(FLOW_WORDS));
    const list = new PieceList(RING_RECORDS + 1);
    const at = region.take();
    for (let i = 0; i <= RING_RECORDS; i++) {
      list.push(at, 60);
      list.endFrame();
    }
    expect(device.txFlow(queue, list, 0)).toBe(RING_RECORDS);
    expect(device.nextRoomy()).toBe(-1);
    device.detach();
    expect(device.nextRoomy()).toBe(queue);
    expect(device.nextRoomy()).toBe(-1);
  });
});
