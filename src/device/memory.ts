// Devices that are memory: for the simulator and for tests. Their other side is a function that is called with
// everything sent and a method that hands in what arrives. They keep the contracts of packet/device.ts as the TAP and
// the UDP sockets do: always drained, bounded, runs as the kernel would coalesce them.

import type { FrameDevice, UnderlayDevice } from '../packet/device.ts';
import type { Inbox } from '../packet/inbox.ts';
import { BUNDLE_BYTES, BUNDLE_PACKETS, BUNDLE_WORDS, BY_PORT, type Outbox } from '../packet/outbox.ts';
import { PIECE_LAST, type PieceList } from '../packet/pieces.ts';
import type { Region } from '../packet/region.ts';
import type { ChunkWriter } from '../packet/writer.ts';
import { CANDIDATES, SLOTS } from '../paths/path-table.ts';
import { type Frame, gatherFrame, gatherPacket } from './gather.ts';

/** A vNIC whose tenant is the caller. */
export class MemoryVnic implements FrameDevice {
  dropped = 0;
  /** Frames that the tenant still takes before the device refuses more. */
  room = Number.POSITIVE_INFINITY;
  private readonly region: Region;
  private readonly writer: ChunkWriter;
  private readonly tenant: (frame: Frame) => void;
  private waiting: Frame[] = [];

  /** `tenant` is called with every frame that comes out of the vNIC. */
  constructor(region: Region, writer: ChunkWriter, tenant: (frame: Frame) => void) {
    this.region = region;
    this.writer = writer;
    this.tenant = tenant;
  }

  /** The tenant sends a frame. */
  send(frame: Frame): void {
    this.waiting.push(frame);
  }

  /** True when there is something to read. */
  get isReady(): boolean {
    return this.waiting.length > 0;
  }

  rx(out: PieceList): number {
    const { region, writer, waiting } = this;
    let read = 0;
    while (read < waiting.length && out.count < out.capacity) {
      const frame = waiting[read]!;
      const at = writer.room(frame.length);
      if (at === 0) {
        this.dropped += waiting.length - read;
        this.waiting = [];
        return read;
      }
      region.bytes.u8.set(frame, at);
      writer.commit(frame.length);
      region.retain(at, 1);
      out.push(at, frame.length | PIECE_LAST);
      read++;
    }
    this.waiting = waiting.slice(read);
    return read;
  }

  tx(frames: PieceList, from: number): number {
    let start = from;
    while (start < frames.count && this.room > 0) {
      const end = frames.frameEnd(start);
      this.room--;
      this.tenant(gatherFrame(this.region, frames, start, end));
      start = end;
    }
    return start - from;
  }
}

/** A UDP payload on its way into a host; nobody changes its bytes any more. */
export interface Datagram {
  /** VTEP of the sender. */
  readonly source: number;
  /** The sender's source port, by its number: that of its slot. */
  readonly slot: number;
  readonly bytes: Uint8Array;
  readonly arrivedMicros: number;
  /** Hops it came by. */
  readonly hops?: number;
}

/** Hands a packet to the network; `peer` is the sender's number of the host it goes to, `slot` that of its source port. */
export type Wire = (peer: number, slot: number, packet: Uint8Array) => void;

/** The fabric's edge: a socket buffer of bounded size for what arrives, and a function for what is sent. */
export class MemoryUnderlay implements UnderlayDevice {
  /** Datagrams that found the socket buffer full. */
  dropped = 0;
  private readonly region: Region;
  private readonly writer: ChunkWriter;
  private readonly wire: Wire;
  private readonly bufferBytes: number;
  private waiting: Datagram[] = [];
  private waitingBytes = 0;
  /** Source ports of the slots that use another than their own. */
  private readonly bound = new Map<number, number>();

  constructor(region: Region, writer: ChunkWriter, wire: Wire, bufferBytes: number) {
    this.region = region;
    this.writer = writer;
    this.wire = wire;
    this.bufferBytes = bufferBytes;
  }

  /** A datagram comes from the network. */
  arrive(datagram: Datagram): void {
    if (this.waitingBytes + datagram.bytes.length > this.bufferBytes) {
      this.dropped++;
      return;
    }
    this.waiting.push(datagram);
    this.waitingBytes += datagram.bytes.length;
  }

  /** True when there is something to read. */
  get isReady(): boolean {
    return this.waiting.length > 0;
  }

  rx(inbox: Inbox): boolean {
    const { region, writer, waiting } = this;
    let next = 0;
    while (next < waiting.length && inbox.count < inbox.capacity) {
      const first = waiting[next]!;
      const end = this.runEnd(next);
      const at = writer.room(BUNDLE_BYTES);
      if (at === 0) break;
      let length = 0;
      for (; next < end; next++) {
        const { bytes } = waiting[next]!;
        region.bytes.u8.set(bytes, at + length);
        length += bytes.length;
      }
      this.waitingBytes -= length;
      // An empty datagram is read and forgotten, as the socket does.
      if (length === 0) continue;
      writer.commit(length);
      region.retain(at, 1);
      inbox.push(at, length, first.bytes.length, first.hops ?? 0, first.arrivedMicros);
      inbox.fromIpv4(first.source);
    }
    this.waiting = waiting.slice(next);
    return this.waiting.length === 0;
  }

  tx(outbox: Outbox): void {
    const { bundles, packets } = outbox;
    for (let bundle = 0; bundle < outbox.bundleCount; bundle++) {
      const at = bundle * BUNDLE_WORDS;
      const first = bundles[at + 2]!;
      const peer = bundles[at]!;
      const slot = bundles[at + 1]!;
      const port = slot < BY_PORT ? (this.bound.get(peer * SLOTS + slot) ?? slot) : slot - BY_PORT;
      for (let packet = first; packet < first + bundles[at + 3]!; packet++) {
        this.wire(peer, port, gatherPacket(this.region, packets, packet));
      }
    }
  }

  bindSlot(peer: number, slot: number, candidate: number): void {
    this.bound.set(peer * SLOTS + slot, candidate);
  }

  hasPort(candidate: number): boolean {
    return candidate < CANDIDATES;
  }

  /** One behind the last datagram that is read together with that at `from`: one flow, one size, the last may be short. */
  private runEnd(from: number): number {
    const { waiting } = this;
    const first = waiting[from]!;
    let bytes = first.bytes.length;
    let end = from + 1;
    while (end < waiting.length && end - from < BUNDLE_PACKETS) {
      const { source, slot, bytes: next } = waiting[end]!;
      if (source !== first.source || slot !== first.slot || next.length === 0) break;
      if (next.length > first.bytes.length || bytes + next.length > BUNDLE_BYTES) break;
      bytes += next.length;
      end++;
      if (next.length < first.bytes.length) break;
    }
    return end;
  }
}
