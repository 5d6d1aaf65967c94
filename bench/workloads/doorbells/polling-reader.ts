// Reads queues by looking into every one that is open: what doorbells are compared with.
import type { PieceList } from '../../../src/packet/pieces.ts';
import { PIECE_LAST } from '../../../src/packet/pieces.ts';
import type { Region } from '../../../src/packet/region.ts';
import type { ChunkWriter } from '../../../src/packet/writer.ts';
import { type Half, Health } from '../../../src/runtime/shm/half.ts';
import { copyPacket, memoryOf, type PacketMemory } from '../../../src/runtime/vnic/copy-packet.ts';
import type { VnicLayout } from '../../../src/runtime/vnic/layout.ts';
import { ConsumerRings } from '../../../src/runtime/vnic/rings.ts';

export class PollingReader {
  private readonly rings: ConsumerRings;
  private readonly queues: number;
  private readonly words: Uint32Array;
  private readonly from: PacketMemory;
  private readonly into: PacketMemory;
  private readonly region: Region;
  private readonly writer: ChunkWriter;

  /** Rings 0 to `queues - 1` are open. */
  constructor(
    layout: VnicLayout,
    { agent, owner }: { readonly agent: Half; readonly owner: Half },
    queues: number,
    region: Region,
    writer: ChunkWriter,
  ) {
    this.rings = new ConsumerRings(layout, agent, owner, new Health());
    this.queues = queues;
    this.words = owner.u32;
    this.from = memoryOf(owner.u32.buffer);
    this.into = memoryOf(region.bytes.u8.buffer);
    this.region = region;
    this.writer = writer;
  }

  /** Once round, while there is room. */
  read(out: PieceList): number {
    const { rings } = this;
    for (let ring = 0; ring < this.queues && out.count < out.capacity; ring++) {
      const available = rings.available(ring);
      if (available === 0) continue;
      const count = Math.min(available, out.capacity - out.count);
      for (let i = 0; i < count; i++) this.copy(rings.recordAt(ring, i), out);
      rings.take(ring, count);
    }
    return out.count;
  }

  private copy(at: number, out: PieceList): void {
    const length = this.words[at + 1]!;
    const to = this.writer.room(length);
    copyPacket(this.into, to, this.from, this.words[at]!, length);
    this.writer.commit(length);
    this.region.retain(to, 1);
    out.push(to, length | PIECE_LAST);
  }
}
