// The ring against a plain queue: random packets in and out, over its end and over the end of its positions.

import { expect, it } from 'vitest';
import { itForSeeds } from '../../test/support/seeds.ts';
import { below, chance, type Rng, SeededRng } from '../base/rng.ts';
import { localMemory, Region } from '../packet/region.ts';
import { newPacketRing, PacketRing } from './packet-ring.ts';

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

it('an empty packet is one, too', () => {
  const ends = new Ends();
  const empty = { bytes: new Uint8Array(0), hops: 1, arrivedMicros: 2, source: [0, 0, 0xffff, 7] };
  expect(ends.push(empty)).toBe(true);
  expect(ends.take()).toEqual(empty);
});
