import { describe, expect, it } from 'vitest';
import { CHUNK_BYTES, localMemory, Region } from './region.ts';
import { ChunkWriter } from './writer.ts';

const LARGEST = 65_536;
const memory = localMemory(5);

/** Reserves room, keeps `bytes` of it and holds them. */
function write(region: Region, writer: ChunkWriter, bytes: number): number {
  const at = writer.room(LARGEST);
  if (at === 0) return 0;
  writer.commit(bytes);
  region.retain(at, 1);
  return at;
}

describe('ChunkWriter', () => {
  it('packs small packets behind each other, aligned', () => {
    const region = new Region(memory);
    const writer = new ChunkWriter(region, 0);
    const first = write(region, writer, 100);
    expect([write(region, writer, 64), write(region, writer, 1), write(region, writer, 65)]).toEqual([
      first + 128,
      first + 192,
      first + 256,
    ]);
    expect(region.free).toBe(3);
  });

  it('never gives room beyond its chunk, and takes another when the largest packet may not fit', () => {
    const region = new Region(memory);
    const writer = new ChunkWriter(region, 0);
    const chunks = new Set<number>();
    for (let i = 0; i < 1000; i++) {
      const at = write(region, writer, 1500);
      if (at === 0) break;
      expect(at % CHUNK_BYTES).toBeLessThanOrEqual(CHUNK_BYTES - LARGEST);
      chunks.add(at - (at % CHUNK_BYTES));
    }
    expect(chunks.size).toBe(4);
    expect(writer.room(LARGEST)).toBe(0);
    expect(region.free).toBe(0);
  });

  it('starts its chunk over when all that lay there is gone', () => {
    const region = new Region(memory);
    const writer = new ChunkWriter(region, 0);
    const first = write(region, writer, 100);
    for (let i = 0; i < 1000; i++) {
      const at = write(region, writer, 60_000);
      expect(at).not.toBe(0);
      region.release(at);
    }
    expect(region.free).toBe(2);
    region.release(first);
    for (let i = 0; i < 1000; i++) region.release(write(region, writer, 60_000));
    expect(region.free).toBe(3);
  });

  it('starts over at once when it is told to, if nothing is held', () => {
    const region = new Region(memory);
    const writer = new ChunkWriter(region, 0);
    const first = write(region, writer, 100);
    writer.rewind();
    const second = write(region, writer, 100);
    expect(second).not.toBe(first);
    region.release(first);
    region.release(second);
    writer.rewind();
    expect(write(region, writer, 100)).toBe(first);
  });

  it('gives its full chunk up, so that it is free once its packets are', () => {
    const region = new Region(memory);
    const writer = new ChunkWriter(region, 0);
    const held = Array.from({ length: 5 }, () => write(region, writer, LARGEST));
    expect(new Set(held.map((at) => at - (at % CHUNK_BYTES))).size).toBe(2);
    expect(region.free).toBe(2);
    for (const at of held.slice(0, 4)) region.release(at);
    expect(region.free).toBe(3);
  });

  it('leaves its reserve to others', () => {
    const region = new Region(memory);
    const writer = new ChunkWriter(region, 2);
    while (write(region, writer, LARGEST) !== 0);
    expect(region.free).toBe(2);
  });
});
