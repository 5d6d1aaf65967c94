// The fabric's edge in the simulator: a socket buffer of bounded size in front of a host, which it reads in runs as
// the kernel would coalesce them, and a copy of every packet it sends onto the wire.

import type { UnderlayDevice } from '../src/packet/device.ts';
import type { Inbox } from '../src/packet/inbox.ts';
import {
  BUNDLE_BYTES,
  BUNDLE_PACKETS,
  BUNDLE_WORDS,
  type Outbox,
  PACKET_WORDS,
} from '../src/packet/outbox.ts';
import type { Region } from '../src/packet/region.ts';
import type { ChunkWriter } from '../src/packet/writer.ts';

export interface Datagram {
  readonly source: number;
  /** The sender's slot, which is its UDP source port. */
  readonly slot: number;
  readonly bytes: Uint8Array;
  readonly arrivedMicros: number;
}

/** Hands a packet to the network; `peer` is the sender's number of the host it goes to. */
export type Wire = (peer: number, slot: number, packet: Uint8Array) => void;

export class SimulatedUnderlay implements UnderlayDevice {
  /** Datagrams that found the socket buffer full. */
  dropped = 0;
  private readonly region: Region;
  private readonly writer: ChunkWriter;
  private readonly wire: Wire;
  private readonly bufferBytes: number;
  private waiting: Datagram[] = [];
  private waitingBytes = 0;

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
      writer.commit(length);
      region.retain(at, 1);
      this.waitingBytes -= length;
      inbox.push(at, length, first.bytes.length, first.source, first.arrivedMicros);
    }
    this.waiting = waiting.slice(next);
    return this.waiting.length === 0;
  }

  tx(outbox: Outbox): void {
    const { bundles, packets } = outbox;
    const { u8 } = this.region.bytes;
    for (let bundle = 0; bundle < outbox.bundleCount; bundle++) {
      const [peer, slot, first, count] = bundles.subarray(bundle * BUNDLE_WORDS) as unknown as number[];
      for (let packet = first!; packet < first! + count!; packet++) {
        const [header, headerLength, payload, length] = packets.subarray(
          packet * PACKET_WORDS,
        ) as unknown as number[];
        const bytes = new Uint8Array(headerLength! + length!);
        bytes.set(u8.subarray(header!, header! + headerLength!));
        bytes.set(u8.subarray(payload!, payload! + length!), headerLength!);
        this.wire(peer!, slot!, bytes);
      }
    }
  }

  /** One behind the last datagram that is read together with that at `from`: one flow, one size, the last may be short. */
  private runEnd(from: number): number {
    const { waiting } = this;
    const first = waiting[from]!;
    let bytes = first.bytes.length;
    let end = from + 1;
    while (end < waiting.length && end - from < BUNDLE_PACKETS) {
      const { source, slot, bytes: next } = waiting[end]!;
      if (source !== first.source || slot !== first.slot) break;
      if (next.length > first.bytes.length || bytes + next.length > BUNDLE_BYTES) break;
      bytes += next.length;
      end++;
      if (next.length < first.bytes.length) break;
    }
    return end;
  }
}
