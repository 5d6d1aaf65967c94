// What every UnderlayDevice promises (src/packet/device.ts), run on two memory devices joined, on middleware around
// them, and on UDP sockets.

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { below, SeededRng } from '../../src/base/rng.ts';
import type { UnderlayDevice } from '../../src/packet/device.ts';
import { Inbox, RUN_WORDS } from '../../src/packet/inbox.ts';
import { BY_PORT, HEADER_STRIDE, Outbox } from '../../src/packet/outbox.ts';
import type { Region } from '../../src/packet/region.ts';
import { ChunkWriter } from '../../src/packet/writer.ts';
import { SLOTS } from '../../src/paths/path-table.ts';
import type { HostAddress } from '../../src/wire/address.ts';
import { digests } from '../support/digest.ts';
import { numbered } from '../wire/frames.ts';

export interface UnderlayEnd {
  readonly device: UnderlayDevice;
  readonly region: Region;
  /** VTEP of this end. */
  readonly address: HostAddress;
}

/** Two ends; each is the other's peer 0. */
export interface UnderlayHarness {
  readonly ends: readonly [UnderlayEnd, UnderlayEnd];
  /** Resolves when the end has something to read. */
  readable(end: UnderlayEnd): Promise<void>;
  close(): Promise<void>;
}

interface Packet {
  readonly slot: number;
  readonly bytes: Uint8Array;
}

interface Arrival {
  readonly source: HostAddress;
  readonly bytes: Uint8Array;
}

const HEADER_BYTES = 24;

function packet(number: number, slot: number, length: number): Packet {
  const bytes = numbered(length);
  bytes.set([number >> 8, number & 255]);
  return { slot, bytes };
}

export function itIsAnUnderlay(open: () => Promise<UnderlayHarness>): void {
  let harness: UnderlayHarness;
  let sender: UnderlayEnd;
  let receiver: UnderlayEnd;
  let writer: ChunkWriter;

  beforeEach(async () => {
    harness = await open();
    [sender, receiver] = harness.ends;
    writer = new ChunkWriter(sender.region, 0);
  });
  afterEach(() => harness.close());

  /** Puts packets into an outbox: the first bytes are header, the rest lies somewhere else. */
  function fill(outbox: Outbox, packets: readonly Packet[]): void {
    const { u8 } = sender.region.bytes;
    for (const { slot, bytes } of packets) {
      const end = outbox.headerEnd();
      u8.set(bytes.subarray(0, HEADER_BYTES), end - Math.min(HEADER_BYTES, bytes.length));
      const payload = bytes.subarray(HEADER_BYTES);
      const at = payload.length === 0 ? 0 : writer.room(payload.length);
      if (at !== 0) {
        u8.set(payload, at);
        writer.commit(payload.length);
        sender.region.retain(at, 1);
      }
      outbox.add(0, slot, Math.min(HEADER_BYTES, bytes.length), at, payload.length);
    }
  }

  function send(packets: readonly Packet[]): void {
    const outbox = new Outbox();
    fill(outbox, packets);
    sender.device.tx(outbox);
  }

  /** Takes what an inbox holds, checks that its runs are what Inbox says, and releases the references. */
  function take(inbox: Inbox): Arrival[] {
    const { u8 } = receiver.region.bytes;
    const arrivals: Arrival[] = [];
    for (let run = 0; run < inbox.count; run++) {
      const [offset, length, size] = inbox.runs.slice(run * RUN_WORDS) as unknown as number[];
      const source = inbox.sourceOf(run);
      expect(size).toBeGreaterThan(0);
      expect(length).toBeGreaterThanOrEqual(1);
      for (let at = offset!; at < offset! + length!; at += size!) {
        arrivals.push({ source, bytes: u8.slice(at, Math.min(at + size!, offset! + length!)) });
      }
      receiver.region.release(offset!);
    }
    inbox.clear();
    return arrivals;
  }

  async function receive(count: number, inbox = new Inbox()): Promise<Arrival[]> {
    const arrivals: Arrival[] = [];
    while (arrivals.length < count) {
      await harness.readable(receiver);
      receiver.device.rx(inbox);
      arrivals.push(...take(inbox));
    }
    return arrivals;
  }

  function expectEqual(arrivals: readonly Arrival[], sent: readonly Packet[]): void {
    expect(digests(arrivals.map(({ bytes }) => bytes))).toEqual(digests(sent.map(({ bytes }) => bytes)));
    for (const { source } of arrivals) expect(source).toEqual(sender.address);
  }

  it('finds nothing where nothing is', () => {
    const inbox = new Inbox();
    expect(receiver.device.rx(inbox)).toBe(true);
    expect(inbox.count).toBe(0);
  });

  it('sends nothing of an empty outbox', () => {
    sender.device.tx(new Outbox());
    expect(receiver.device.rx(new Inbox())).toBe(true);
  });

  describe('carries', () => {
    it('packets of many sizes, with the sender’s address', async () => {
      const packets = [100, 1400, 1400, 60, 1400, 25, 24].map((length, i) => packet(i, 3, length));
      send(packets);
      expectEqual(await receive(packets.length), packets);
    });

    it('the largest bundle, its last packet shorter', async () => {
      const packets = Array.from({ length: 64 }, (_, i) => packet(i, 0, i === 63 ? 500 : 1000));
      send(packets);
      expectEqual(await receive(packets.length), packets);
    });

    it('packets of every slot, each slot’s in order', async () => {
      const rng = new SeededRng(7);
      const packets = Array.from({ length: 100 }, (_, i) =>
        packet(i, below(rng, SLOTS), 40 + below(rng, 1300)),
      );
      send(packets);
      const arrivals = await receive(packets.length);
      const numberOf = ({ bytes }: { bytes: Uint8Array }) => bytes[0]! * 256 + bytes[1]!;
      const byNumber = (a: Arrival | Packet, b: Arrival | Packet) => numberOf(a) - numberOf(b);
      for (let slot = 0; slot < SLOTS; slot++) {
        const numbers = arrivals.map(numberOf).filter((number) => packets[number]!.slot === slot);
        expect(numbers).toEqual(numbers.toSorted((a, b) => a - b));
      }
      expectEqual(arrivals.toSorted(byNumber), packets);
    });

    it('packets that are all header, from wherever their room has them', async () => {
      const outbox = new Outbox();
      const { u8 } = sender.region.bytes;
      const bytes = numbered(70);
      const start = outbox.headerEnd() - HEADER_STRIDE + 10;
      u8.set(bytes, start);
      outbox.addAt(0, 5, start, bytes.length);
      sender.device.tx(outbox);
      expectEqual(await receive(1), [{ slot: 5, bytes }]);
    });

    it('packets of a slot that was given another source port, in order with those before', async () => {
      const before = packet(1, 3, 300);
      const after = packet(2, 3, 300);
      send([before]);
      expectEqual(await receive(1), [before]);
      sender.device.bindSlot(0, 3, 20);
      send([after, packet(3, 4, 200)]);
      expectEqual(await receive(2), [after, packet(3, 4, 200)]);
    });

    it('packets by a source port that no slot uses', async () => {
      expect(sender.device.hasPort(30)).toBe(true);
      send([packet(1, BY_PORT + 30, 300)]);
      const [arrival] = await receive(1);
      expect(arrival!.bytes).toEqual(packet(1, 0, 300).bytes);
    });

    it('both ways', async () => {
      const there = [packet(1, 0, 300), packet(2, 0, 300)];
      send(there);
      expectEqual(await receive(2), there);
      [sender, receiver] = [receiver, sender];
      writer = new ChunkWriter(sender.region, 0);
      const back = [packet(3, 7, 900)];
      send(back);
      expectEqual(await receive(1), back);
    });
  });

  it('stops at a full inbox and goes on with the next', async () => {
    const packets = Array.from({ length: 20 }, (_, i) => packet(i, i % 2, 100 + i));
    send(packets);
    await harness.readable(receiver);
    const inbox = new Inbox(3);
    expect(receiver.device.rx(inbox)).toBe(false);
    expect(inbox.count).toBe(3);
    const first = take(inbox);
    expectEqual([...first, ...(await receive(packets.length - first.length, inbox))], packets);
    expect(receiver.device.rx(inbox)).toBe(true);
  });

  it('gives one reference with each run', async () => {
    const { region, device } = receiver;
    send([packet(0, 0, 100), packet(1, 1, 200), packet(2, 2, 300)]);
    await harness.readable(receiver);
    const inbox = new Inbox();
    let runs = 0;
    while (runs < 3) {
      await harness.readable(receiver);
      device.rx(inbox);
      runs = inbox.count;
    }
    const at = inbox.runs[0]!;
    expect(region.references(at)).toBe(3 + 1);
    take(inbox);
    expect(region.references(at)).toBe(1);
  });

  it('leaves payloads and their references alone', () => {
    const outbox = new Outbox();
    fill(outbox, [packet(0, 0, 1000)]);
    const at = outbox.packets[2]!;
    const references = sender.region.references(at);
    const payload = sender.region.bytes.u8.slice(at, at + 1000 - HEADER_BYTES);
    sender.device.tx(outbox);
    expect(sender.region.references(at)).toBe(references);
    expect(sender.region.bytes.u8.slice(at, at + payload.length)).toEqual(payload);
  });

  it('keeps what finds no memory until there is some', async () => {
    const { region, device } = receiver;
    const taken: number[] = [];
    for (let chunk = region.take(); chunk !== 0; chunk = region.take()) taken.push(chunk);
    const packets = [packet(0, 0, 1000)];
    send(packets);
    await harness.readable(receiver);
    const inbox = new Inbox();
    expect(device.rx(inbox)).toBe(false);
    expect(inbox.count).toBe(0);
    for (const chunk of taken) region.release(chunk);
    expectEqual(await receive(1), packets);
  });
}
