// Pauses between switches (Backdraft §4.3): native endpoints that send more than their receivers read, over connections that
// lose packets, and what others may say of their flows.

import { describe, expect, it } from 'vitest';
import { itForSeeds } from '../../../test/support/seeds.ts';
import { checkConservation, checkIdle } from '../../../test/vswitch/conservation.ts';
import { NativeVnic } from '../../../test/vswitch/native-vnic.ts';
import { frameBetween, type Layout } from '../../../test/vswitch/tenants.ts';
import { CHUNKS, type SentPacket, type WorldHost, worldOf } from '../../../test/vswitch/world.ts';
import { numbered } from '../../../test/wire/frames.ts';
import { bytesOf } from '../../base/bytes.ts';
import { chance, SeededRng } from '../../base/rng.ts';
import { NATIVE_FLOW } from '../../packet/device.ts';
import { ChunkWriter } from '../../packet/writer.ts';
import { PACKET_PAUSE } from '../../wire/bifrost-types.ts';
import { emitPause, PAUSE_MAX_BYTES, type PauseRepr, parsePause } from '../../wire/overlay-pause.ts';
import { VIRTIO_NET_HDR_F_FLOW } from '../../wire/virtio-net-header.ts';
import { VXLAN_HEADER_BYTES, writeVxlanBifrostHeader } from '../../wire/vxlan.ts';
import type { SwitchConfig } from '../config.ts';

const REMOTE: Layout = { vni: 77, reliable: true, hosts: [[1], [2]] };
const LOCAL: Layout = { vni: 77, reliable: true, hosts: [[1, 2]] };
const SLOW = 5;
const FAST = 6;
const FRAME_BYTES = 1200;
const STEP_MICROS = 500;
/** Endpoints read into a chunk of their own. */
const WRITERS = 7;

function frameOf(flow: number, number: number): Uint8Array {
  const payload = numbered(FRAME_BYTES);
  new DataView(payload.buffer, payload.byteOffset).setUint32(0, number);
  const frame = frameBetween(1, 2, { udp: { sourcePort: 7, destinationPort: 7 }, payload });
  frame[0] = VIRTIO_NET_HDR_F_FLOW;
  new DataView(frame.buffer, frame.byteOffset).setUint32(6, flow, true);
  return frame;
}

const numberOf = (frame: Uint8Array) => new DataView(frame.buffer, frame.byteOffset).getUint32(10 + 42);

/** Tenant 1 sends flows to tenant 2, who reads some of them slowly. */
class Exchange {
  readonly world;
  readonly sender: WorldHost;
  readonly receiver: WorldHost;
  readonly received: number[][] = [];
  /** Frames of each flow that the sender wants to send in each step, and that the receiver reads. */
  offers: Record<number, number> = {};
  reads: Record<number, number> = {};
  private readonly receiverPort: number;
  private readonly sent: number[] = [];

  constructor(layout: Layout, config: Partial<SwitchConfig> = {}) {
    const sizes = { queues: 16, room: 64 };
    const { world, hosts } = worldOf([layout], config, {
      vnic: (_, region) => new NativeVnic(region, new ChunkWriter(region, CHUNKS / 4), sizes),
    });
    this.world = world;
    this.sender = hosts[0]!;
    this.receiver = hosts.at(-1)!;
    this.receiverPort = this.sender === this.receiver ? 1 : 0;
  }

  run(millis: number): void {
    for (let step = 0; step < (millis * 1000) / STEP_MICROS; step++) {
      const from = this.sender.native(0);
      for (const [flow, frames] of Object.entries(this.offers)) {
        // An application does not write into a full queue.
        for (let i = from.waiting(Number(flow)); i < frames; i++) this.send(Number(flow));
      }
      this.sender.ring();
      const to = this.receiver.native(this.receiverPort);
      for (const each of to.receive) {
        if (each === undefined) continue;
        const flow = each.key[NATIVE_FLOW]!;
        this.received[flow] ??= [];
        this.received[flow].push(...to.read(each.queue, this.reads[flow] ?? 1e9).map(numberOf));
      }
      this.receiver.ring();
      this.world.pass(STEP_MICROS);
      for (const { vswitch } of [this.sender, this.receiver]) checkConservation(vswitch);
    }
  }

  send(flow: number): void {
    this.sent[flow] ??= 0;
    this.sender.native(0).send(flow, frameOf(flow, this.sent[flow]!++));
  }

  /** Everything comes, in order, and nothing is left anywhere. */
  finish(): void {
    this.offers = {};
    this.reads = {};
    this.run(600);
    for (const flow of [SLOW, FAST]) {
      const expected = Array.from({ length: this.sent[flow] ?? 0 }, (_, i) => i);
      expect(this.received[flow] ?? []).toEqual(expected);
    }
    const to = this.receiver.native(this.receiverPort);
    for (const each of to.receive) if (each !== undefined) to.finish(each.queue);
    this.receiver.ring();
    this.world.pass(1_000_000);
    for (const host of new Set([this.sender, this.receiver])) {
      checkIdle(host.vswitch, host.region, WRITERS);
      expect(host.vswitch.pauses?.throttle.limited ?? 0).toBe(0);
      expect(host.vswitch.waiting.receive.backlog.table.count).toBe(0);
      expect(host.vswitch.waiting.send.backlog.table.count).toBe(0);
    }
  }

  get drops(): number {
    const { vnicFull, noReceiveRing, queueFull, noRing } = this.receiver.vswitch.counters.dropped;
    const { queueFull: fullThere, noRing: noneThere } = this.sender.vswitch.counters.dropped;
    return vnicFull + noReceiveRing + queueFull + noRing + fullThere + noneThere;
  }
}

const isPause = ({ bytes }: SentPacket) => bytes[VXLAN_HEADER_BYTES] === PACKET_PAUSE;

describe('a receiver that is slow for one flow', () => {
  it('has that flow paused, gets all of it at its own speed, and drops nothing', () => {
    const exchange = new Exchange(REMOTE);
    exchange.offers = { [SLOW]: 200, [FAST]: 20 };
    exchange.reads = { [SLOW]: 5 };
    exchange.run(300);
    const { sender, receiver, received } = exchange;
    expect(exchange.drops).toBe(0);
    expect(received[SLOW]!.length).toBe((5 * 300_000) / STEP_MICROS - 5);
    expect(received[FAST]!.length).toBeGreaterThan((19 * 300_000) / STEP_MICROS);
    const asked = receiver.vswitch.pauses!.issuer.counters;
    expect(asked.pauses).toBeGreaterThan(3);
    expect(asked.pauses).toBeLessThan(100);
    expect(sender.vswitch.pauses!.throttle.counters.obeyed).toBe(asked.pauses);
    // The application sees it: its device holds the slow flow, and no other.
    expect([SLOW, FAST].map((flow) => sender.native(0).isHeld(flow))).toEqual([true, false]);
    // What waits is about two batches, not what the memory has room for.
    expect(receiver.vswitch.waiting.receive.backlog.bytesOf(0)).toBeLessThan(600_000);
    exchange.finish();
  });

  it('is fed at its speed as soon as it is faster, by doubled rates, though its own ring takes what comes', () => {
    const exchange = new Exchange(REMOTE);
    exchange.offers = { [SLOW]: 200 };
    exchange.reads = { [SLOW]: 2 };
    exchange.run(200);
    const { issuer } = exchange.receiver.vswitch.pauses!;
    const { doubled } = issuer.counters;
    exchange.reads = { [SLOW]: 16 };
    const before = exchange.received[SLOW]!.length;
    exchange.run(20);
    expect(issuer.counters.doubled).toBeGreaterThan(doubled);
    expect((exchange.received[SLOW]!.length - before) / ((16 * 20_000) / STEP_MICROS)).toBeGreaterThan(0.8);
    expect(exchange.drops).toBe(0);
    exchange.finish();
  });

  it.each([1, 3, 8])('reads at a rate that is known within 5 %, in batches every %i steps', (every) => {
    const exchange = new Exchange(REMOTE);
    exchange.offers = { [SLOW]: 200 };
    const frames = 4 * every;
    const rate = (frames * frameOf(SLOW, 0).length * 1e6) / (every * STEP_MICROS);
    const { pauses, waiting } = exchange.receiver.vswitch;
    for (let step = 0; step < 480; step++) {
      exchange.reads = { [SLOW]: step % every === 0 ? frames : 0 };
      exchange.run(STEP_MICROS / 1000);
      if (step < 240) continue;
      const { table } = waiting.receive.backlog;
      expect(table.count).toBe(1);
      let flow = 0;
      while (!table.isUsed(flow)) flow++;
      const read = pauses!.issuer.rateBytesPerSecond(exchange.world.clock.nowMicros, flow);
      expect(Math.abs(read / rate - 1)).toBeLessThan(0.05);
    }
  });

  it('fills its share of memory without pauses', () => {
    const exchange = new Exchange(REMOTE, { pauses: false });
    exchange.offers = { [SLOW]: 200, [FAST]: 20 };
    exchange.reads = { [SLOW]: 5 };
    exchange.run(40);
    expect(exchange.receiver.vswitch.waiting.receive.backlog.bytesOf(0)).toBeGreaterThan(1_500_000);
    expect(exchange.drops).toBeGreaterThan(0);
    expect(exchange.world.packets.filter(isPause)).toEqual([]);
  });

  it('says which flows are held, since when and why', () => {
    const exchange = new Exchange(REMOTE);
    exchange.offers = { [SLOW]: 200 };
    exchange.reads = { [SLOW]: 5 };
    exchange.run(50);
    const { sender, receiver } = exchange;
    const [obeys] = sender.vswitch.pauses!.log.all();
    expect(obeys).toMatchObject({ role: 'obeys', link: 0, untilMicros: undefined });
    expect(obeys!.key[NATIVE_FLOW]).toBe(SLOW);
    expect(obeys!.rateBytesPerSecond).toBeGreaterThan(1e6);
    const [asks] = receiver.vswitch.pauses!.log.all();
    expect(asks).toMatchObject({ role: 'asks', frames: obeys!.frames, pauseMicros: obeys!.pauseMicros });
    exchange.finish();
    expect(sender.vswitch.pauses!.log.all().every(({ untilMicros }) => untilMicros !== undefined)).toBe(true);
    expect(receiver.vswitch.pauses!.log.all().every(({ untilMicros }) => untilMicros !== undefined)).toBe(
      true,
    );
  });

  it('that reads nothing at all takes no more than its share, and costs its sender nothing else', () => {
    const exchange = new Exchange(REMOTE);
    exchange.offers = { [SLOW]: 200, [FAST]: 20 };
    exchange.reads = { [SLOW]: 0 };
    exchange.run(300);
    expect(exchange.drops).toBe(0);
    expect(exchange.receiver.vswitch.waiting.receive.backlog.bytesOf(0)).toBeLessThan(1_000_000);
    expect(exchange.received[FAST]!.length).toBeGreaterThan((19 * 300_000) / STEP_MICROS);
    exchange.finish();
  });
});

itForSeeds('over a connection with loss a paused flow delays no other', 4, (seed) => {
  const rng = new SeededRng(seed);
  const exchange = new Exchange(REMOTE);
  exchange.world.loses = () => chance(rng, 0.03);
  exchange.offers = { [SLOW]: 100 };
  exchange.reads = { [SLOW]: 0 };
  exchange.run(100);
  expect(exchange.sender.vswitch.pauses!.throttle.limited).toBe(1);
  const waits: number[] = [];
  for (let i = 0; i < 100; i++) {
    exchange.send(FAST);
    const sentAt = exchange.world.clock.nowMicros;
    for (let left = 200; left > 0 && (exchange.received[FAST]?.length ?? 0) <= i; left--) exchange.run(0.5);
    waits.push(exchange.world.clock.nowMicros - sentAt);
  }
  expect(exchange.drops).toBe(0);
  waits.sort((a, b) => a - b);
  // What is lost comes again in a few milliseconds; a pause would be ten, one after the other.
  expect(waits[50]).toBeLessThanOrEqual(2 * STEP_MICROS);
  expect(waits.at(-1)!).toBeLessThan(60_000);
  exchange.finish();
});

itForSeeds('pause frames that get lost are said again before anything is dropped', 3, (seed) => {
  const rng = new SeededRng(seed);
  const exchange = new Exchange(REMOTE);
  let lost = 0;
  exchange.world.loses = (packet) => {
    if (!isPause(packet) || chance(rng, 0.5)) return false;
    lost++;
    return true;
  };
  exchange.offers = { [SLOW]: 200 };
  exchange.reads = { [SLOW]: 5 };
  exchange.run(200);
  expect(lost).toBeGreaterThan(0);
  expect(exchange.drops).toBe(0);
  expect(exchange.received[SLOW]!.length).toBeGreaterThan((4.5 * 200_000) / STEP_MICROS);
  exchange.finish();
});

itForSeeds('a switch replaced before any turn goes on with its pauses', 2, (seed) => {
  const rng = new SeededRng(seed);
  const exchange = new Exchange(REMOTE);
  exchange.world.beforeTurn = (host) => chance(rng, 0.3) && host.replaceSwitch();
  exchange.offers = { [SLOW]: 200, [FAST]: 20 };
  exchange.reads = { [SLOW]: 5 };
  exchange.run(100);
  expect(exchange.drops).toBe(0);
  expect(exchange.received[SLOW]!.length).toBe((5 * 100_000) / STEP_MICROS - 5);
  exchange.finish();
});

describe('between two endpoints of one host', () => {
  it('the sender of a slow flow is held by a call, and no frame is sent', () => {
    const exchange = new Exchange(LOCAL);
    exchange.offers = { [SLOW]: 200, [FAST]: 20 };
    exchange.reads = { [SLOW]: 5 };
    exchange.run(300);
    const { sender, world } = exchange;
    expect(exchange.drops).toBe(0);
    expect(world.packets).toEqual([]);
    expect(exchange.received[SLOW]!.length).toBe((5 * 300_000) / STEP_MICROS - 5);
    expect(exchange.received[FAST]!.length).toBeGreaterThan((19 * 300_000) / STEP_MICROS);
    expect(sender.vswitch.pauses!.counters.held).toBeGreaterThan(3);
    expect(sender.vswitch.waiting.receive.backlog.bytesOf(1)).toBeLessThan(400_000);
    expect(sender.vswitch.pauses!.log.all().at(-1)).toMatchObject({ role: 'local', link: 1 });
    exchange.finish();
    expect(sender.native(0).isHeld(SLOW)).toBe(false);
  });
});

describe('a pause frame that the receiver did not send', () => {
  /** An exchange that goes well, and how to bring its sender a frame about its flow that nobody sent. */
  function forging() {
    const exchange = new Exchange(REMOTE);
    exchange.offers = { [FAST]: 20, [SLOW]: 200 };
    exchange.reads = { [SLOW]: 5 };
    exchange.run(50);
    const { bytes, ...where } = exchange.world.packets.find(isPause)!;
    const genuine = parsePause(bytesOf(bytes), VXLAN_HEADER_BYTES, bytes.length - VXLAN_HEADER_BYTES);
    const repr = genuine as PauseRepr;
    const about = (flow: number) => {
      const key = repr.key.slice();
      key[NATIVE_FLOW] = flow;
      return key;
    };
    const forge = (changes: Partial<PauseRepr>) => {
      const forged = bytesOf(new Uint8Array(VXLAN_HEADER_BYTES + PAUSE_MAX_BYTES));
      writeVxlanBifrostHeader(forged.view, 0, REMOTE.vni);
      const length = emitPause({ ...repr, ...changes }, forged, VXLAN_HEADER_BYTES);
      exchange.sender.arrive({ ...where, bytes: forged.u8.slice(0, VXLAN_HEADER_BYTES + length) });
    };
    return {
      exchange,
      forge,
      about,
      genuine: repr,
      throttle: () => exchange.sender.vswitch.pauses!.throttle,
    };
  }

  it('and is a copy of an old one does nothing', () => {
    const { exchange, forge, genuine, throttle } = forging();
    const { old } = throttle().counters;
    for (let i = 0; i < 100; i++) forge({ sequence: genuine.sequence });
    exchange.run(1);
    expect(throttle().counters.old).toBe(old + 100);
  });

  it('and is about a fast flow delays it by 10 ms, and its rate is back in a quarter of a second', () => {
    const { exchange, forge, about, throttle } = forging();
    const before = exchange.received[FAST]!.length;
    const sequence = exchange.world.clock.nowMicros;
    forge({ key: about(FAST), pauseMicros: 0xffff, rateBytesPerSecond: 0, sequence });
    exchange.run(9);
    expect(exchange.received[FAST]!.length - before).toBeLessThanOrEqual(40);
    expect(throttle().counters.capped).toBe(1);
    exchange.run(250);
    const then = exchange.received[FAST]!.length;
    exchange.run(50);
    expect(exchange.received[FAST]!.length - then).toBeGreaterThan((19 * 50_000) / STEP_MICROS);
    expect(exchange.drops).toBe(0);
    exchange.finish();
  });

  it('and comes again and again leaves its flow a frame a second', () => {
    const { exchange, forge, about } = forging();
    const before = exchange.received[FAST]!.length;
    for (let i = 0; i < 500; i++) {
      const sequence = exchange.world.clock.nowMicros;
      forge({ key: about(FAST), pauseMicros: 10_000, rateBytesPerSecond: 0, sequence });
      exchange.run(5);
    }
    const through = exchange.received[FAST]!.length - before;
    expect(through).toBeGreaterThanOrEqual(2);
    expect(through).toBeLessThanOrEqual(44);
    exchange.finish();
  });

  it('and is about flows that there are not makes up no more of them than are kept, and they are forgotten', () => {
    const { exchange, forge, about } = forging();
    for (let i = 0; i < 20_000; i++)
      forge({ key: about(100 + i), pauseMicros: 10_000, rateBytesPerSecond: 0 });
    exchange.run(1);
    const { pauses, waiting } = exchange.sender.vswitch;
    expect(pauses!.counters.noQueue).toBeGreaterThan(3000);
    expect(waiting.send.backlog.table.count).toBeLessThan(17_000);
    exchange.finish();
    expect(exchange.drops).toBe(0);
  });
});
