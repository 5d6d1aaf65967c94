// A vNIC that is a TAP interface. Always drained: what finds no memory is read and dropped here, counted, so
// that the kernel never drops silently in front of a full queue.

import { close, EAGAIN, errno, read, writev } from '../linux/libc.ts';
import { highWord, lowWord, mapMemory } from '../linux/memory.ts';
import { type FrameDevice, MAX_FRAME_BYTES } from '../packet/device.ts';
import { PIECE_LAST, PIECE_LENGTH_MASK, type PieceList } from '../packet/pieces.ts';
import type { Region } from '../packet/region.ts';
import type { ChunkWriter } from '../packet/writer.ts';

const MAX_PIECES = 1024;
/** Frames dropped at once for want of memory: a tenant that goes on sending must not keep the thread here. */
const MAX_DRAINED = 1024;

export class TapDevice implements FrameDevice {
  readonly fd: number;
  dropped = 0;
  /** Frames the kernel refused to take, as malformed or for want of memory. */
  refused = 0;
  private readonly region: Region;
  private readonly writer: ChunkWriter;
  private readonly iov = mapMemory(MAX_PIECES * 16);
  private readonly spill = mapMemory(MAX_FRAME_BYTES);
  private readonly high: number;

  constructor(fd: number, region: Region, writer: ChunkWriter) {
    this.fd = fd;
    this.region = region;
    this.writer = writer;
    this.high = highWord(region.address);
  }

  rx(out: PieceList): number {
    const { region, writer, fd } = this;
    let frames = 0;
    while (out.count < out.capacity) {
      const offset = writer.room(MAX_FRAME_BYTES);
      if (offset === 0) {
        this.drain();
        break;
      }
      const length = read(fd, region.address + offset, MAX_FRAME_BYTES);
      if (length <= 0) break;
      writer.commit(length);
      region.retain(offset, 1);
      out.push(offset, length | PIECE_LAST);
      frames++;
    }
    return frames;
  }

  tx(frames: PieceList, from: number): number {
    const { words } = frames;
    const { u32 } = this.iov;
    const base = lowWord(this.region.address);
    let start = from;
    while (start < frames.count) {
      let i = start;
      let count = 0;
      let word = 1;
      do {
        word = words[i * 2 + 1]!;
        u32[count * 4] = base + words[i * 2]!;
        u32[count * 4 + 1] = this.high;
        u32[count * 4 + 2] = word & PIECE_LENGTH_MASK;
        i++;
        count++;
      } while (word < PIECE_LAST);
      if (writev(this.fd, this.iov.address, count) < 0) {
        if (errno() === EAGAIN) break;
        this.refused++;
      }
      start = i;
    }
    return start - from;
  }

  close(): void {
    close(this.fd);
  }

  private drain(): void {
    for (let i = 0; i < MAX_DRAINED && read(this.fd, this.spill.address, MAX_FRAME_BYTES) > 0; i++) {
      this.dropped++;
    }
  }
}
