// The way from one switch to another that is memory: what the kernel's offloads do of a bundle, one copy into the other's
// region, where it is one run. Nothing is lost, and nothing takes time.
import type { UnderlayDevice } from '../../../src/packet/device.ts';
import type { Inbox } from '../../../src/packet/inbox.ts';
import { BUNDLE_BYTES, BUNDLE_WORDS, type Outbox, PACKET_WORDS } from '../../../src/packet/outbox.ts';
import type { Region } from '../../../src/packet/region.ts';
import type { ChunkWriter } from '../../../src/packet/writer.ts';

const RUNS = 4096;
const RUN = 3;

export class MemoryWire implements UnderlayDevice {
  /** Bundles for which the other end had no memory. */
  dropped = 0;
  private other!: MemoryWire;
  private readonly address: number;
  private readonly region: Region;
  private readonly writer: ChunkWriter;
  /** Of each run that has come: offset, length, size of a datagram. */
  private readonly runs = new Uint32Array(RUNS * RUN);
  private first = 0;
  private end = 0;

  constructor(address: number, region: Region, writer: ChunkWriter) {
    this.address = address;
    this.region = region;
    this.writer = writer;
  }

  static join(a: MemoryWire, b: MemoryWire): void {
    a.other = b;
    b.other = a;
  }

  get isReady(): boolean {
    return this.first < this.end;
  }

  rx(inbox: Inbox): boolean {
    for (; this.first < this.end && inbox.count < inbox.capacity; this.first++) {
      const at = (this.first % RUNS) * RUN;
      inbox.push(this.runs[at]!, this.runs[at + 1]!, this.runs[at + 2]!, 0, 0);
      inbox.fromIpv4(this.other.address);
    }
    return this.first === this.end;
  }

  tx({ bundles, packets, bundleCount }: Outbox): void {
    const { other, region } = this;
    for (let bundle = 0; bundle < bundleCount; bundle++) {
      const at = bundle * BUNDLE_WORDS;
      const to = other.writer.room(BUNDLE_BYTES);
      if (to === 0 || other.end - other.first === RUNS) {
        this.dropped++;
        continue;
      }
      const { u8 } = other.region.bytes;
      let next = to;
      for (let i = 0; i < bundles[at + 3]!; i++) {
        const packet = (bundles[at + 2]! + i) * PACKET_WORDS;
        for (const part of [packet, packet + 2]) {
          const from = packets[part]!;
          u8.set(region.bytes.u8.subarray(from, from + packets[part + 1]!), next);
          next += packets[part + 1]!;
        }
      }
      other.arrive(to, next - to, bundles[at + 4]!);
    }
  }

  bindSlot(): void {}

  hasPort(): boolean {
    return true;
  }

  private arrive(offset: number, length: number, size: number): void {
    this.writer.commit(length);
    this.region.retain(offset, 1);
    this.runs.set([offset, length, size], (this.end++ % RUNS) * RUN);
  }
}
