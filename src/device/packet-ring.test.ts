// The ring against a plain queue: random packets in and out, over its end and over the end of its positions.

import { expect, it } from 'vitest';
import { itForSeeds } from '../../test/support/seeds.ts';
import { below, chance, type Rng, SeededRng } from '../base/rng.ts';
import { PieceList } from '../packet/pieces.ts';
import { localMemory, Region } from '../packet/region.ts';
import { IS_FRAME, newPacketRing, PacketRing } from './packet-ring.ts';

const BYTES = 4096;
const HEADER_BYTES = 32;
const LARGEST_BYTES = 1500 + HEADER_BYTES;

interface Sent {
  readonly bytes: Uint8Array;
  readonly hops: number;
  readonly arrivedMicros: number;
  readonly source: readonly number[];
}

class Ends {
  readonly memory = newPacketRing(BYTES);
  private readonly region = new Region(localMemory(2));
  private readonly at = this.region.take();
  /** As two threads have it: each an object of its own. */
  private readonly writer = new PacketRing(this.memory);
  private readonly reader = new PacketRing(this.memory);

  push({ bytes, hops, arrivedMicros, source }: Sent): boolean {
    this.region.bytes.u8.set(bytes, this.at);
    const words = Uint32Array.from([0, ...source]);
    return this.writer.push(this.region, this.at, bytes.length, hops, arrivedMicros, words, 1);
  }

  take(): Sent | undefined {
    const { reader, region, at } = this;
    if (!reader.front()) return undefined;
    const { length, hops, arrivedMicros, words, sourceAt } = reader;
    const source = [...words.subarray(sourceAt, sourceAt + 4)];
    reader.take(region, at);
    return { bytes: region.bytes.u8.slice(at, at + length), hops, arrivedMicros, source };
  }
}

function random(rng: Rng): Sent {
  const bytes = Uint8Array.from({ length: below(rng, chance(rng, 0.2) ? 1500 : 80) }, () => below(rng, 256));
  const source = [rng.u32(), rng.u32(), rng.u32(), rng.u32()];
  return { bytes, hops: below(rng, 16), arrivedMicros: below(rng, 1 << 30) + 0.5, source };
}

itForSeeds('a ring gives what was put in, in order, and refuses only what has no room', 4, (seed) => {
  const rng = new SeededRng(seed);
  const ends = new Ends();
  // Positions are about to go through 2^31 or 2^32.
  const start = chance(rng, 0.5) ? -BYTES * 2 : 0x7fff_ffff - BYTES * 2 + 1;
  const positions = new Int32Array(ends.memory);
  positions[0] = start;
  positions[16] = start;
  const queue: Sent[] = [];
  let refused = 0;
  for (let i = 0; i < 1000; i++) {
    if (chance(rng, 0.55)) {
      const packet = random(rng);
      if (ends.push(packet)) queue.push(packet);
      else {
        refused++;
        const held = queue.reduce((sum, { bytes }) => sum + HEADER_BYTES + bytes.length + 8, 0);
        // There is at most one filler, shorter than the packet behind it.
        expect(held + HEADER_BYTES + packet.bytes.length + 8 + LARGEST_BYTES).toBeGreaterThan(BYTES);
      }
    } else expect(ends.take()).toEqual(queue.shift());
  }
  while (queue.length > 0) expect(ends.take()).toEqual(queue.shift());
  expect(ends.take()).toBeUndefined();
  expect(refused).toBeGreaterThan(0);
});

it('frames leave half of it to packets', () => {
  const region = new Region(localMemory(2));
  const at = region.take();
  for (let i = 0; i < 300; i++) region.bytes.u8[at + i] = i;
  const memory = newPacketRing(BYTES);
  const [writer, reader] = [new PacketRing(memory), new PacketRing(memory)];
  const frame = new PieceList(2);
  frame.push(at + 10, 100);
  frame.push(at + 200, 50);
  frame.endFrame();
  let frames = 0;
  while (writer.pushFrame(region, frame, 0, 2, 7)) frames++;
  expect(frames).toBe(Math.floor(BYTES / 2 / (HEADER_BYTES + 152)));
  expect(writer.push(region, at, 1500, 1, 2, new Uint32Array(4), 0)).toBe(true);
  const bytes = Uint8Array.from({ length: 150 }, (_, i) => (i < 100 ? 10 + i : 100 + i));
  for (let i = 0; i < frames; i++) {
    expect(reader.front()).toBe(true);
    expect(reader).toMatchObject({ length: 150, hops: IS_FRAME });
    expect(reader.words[reader.sourceAt]).toBe(7);
    reader.take(region, at + 1024);
    expect(region.bytes.u8.slice(at + 1024, at + 1174)).toEqual(bytes);
  }
  expect(reader.front()).toBe(true);
  expect(reader).toMatchObject({ length: 1500, hops: 1 });
});

it('an empty packet is one, too', () => {
  const ends = new Ends();
  const empty = { bytes: new Uint8Array(0), hops: 1, arrivedMicros: 2, source: [0, 0, 0xffff, 7] };
  expect(ends.push(empty)).toBe(true);
  expect(ends.take()).toEqual(empty);
});
