// Faults happen as often as they are asked to, to whole packets, repeatably, and cost no references.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SeededRng } from '../base/rng.ts';
import { Inbox, RUN_WORDS } from '../packet/inbox.ts';
import { PIECE_LAST, PIECE_LENGTH_MASK, PieceList } from '../packet/pieces.ts';
import { CHUNK_BYTES, localMemory, Region } from '../packet/region.ts';
import { ChunkWriter } from '../packet/writer.ts';
import { type FaultRates, FaultyUnderlay, FaultyVnic } from './faults.ts';
import { MemoryUnderlay, MemoryVnic } from './memory.ts';

const NONE: FaultRates = { lossRate: 0, duplicationRate: 0, corruptionRate: 0, reorderRate: 0 };
const CHUNKS = 6;

/** Its number, and a length of its own kind. */
function numberedPacket(number: number): Uint8Array {
  const packet = new Uint8Array(24 + (number % 3) * 20).fill(number & 255);
  new DataView(packet.buffer).setUint32(0, number);
  return packet;
}

interface Outcome {
  readonly packets: Uint8Array[];
  readonly counters: { lost: number; duplicated: number; corrupted: number; reordered: number };
  /** Chunks that are held when everything was released: at most the writer's own. */
  readonly chunksHeld: number;
}

function throughVnic(seed: number, rates: FaultRates, count: number, capacity = 64): Outcome {
  const region = new Region(localMemory(CHUNKS));
  const inner = new MemoryVnic(region, new ChunkWriter(region, 0), () => {});
  const vnic = new FaultyVnic(inner, region, new SeededRng(seed), rates);
  for (let number = 0; number < count; number++) inner.send(numberedPacket(number));
  const packets: Uint8Array[] = [];
  const out = new PieceList(capacity);
  while (vnic.rx(out) > 0) {
    for (let i = 0; i < out.count; i++) {
      const at = out.words[i * 2]!;
      packets.push(region.bytes.u8.slice(at, at + (out.words[i * 2 + 1]! & PIECE_LENGTH_MASK)));
      region.release(at);
    }
    out.clear();
  }
  return { packets, counters: { ...vnic.counters }, chunksHeld: CHUNKS - 1 - region.free };
}

function throughUnderlay(seed: number, rates: FaultRates, count: number, capacity = 64): Outcome {
  const region = new Region(localMemory(CHUNKS));
  const inner = new MemoryUnderlay(region, new ChunkWriter(region, 0), () => {}, CHUNK_BYTES);
  const underlay = new FaultyUnderlay(inner, region, new SeededRng(seed), rates);
  for (let number = 0; number < count; number++) {
    inner.arrive({ source: 1, slot: number % 2, bytes: numberedPacket(number), arrivedMicros: number });
  }
  const packets: Uint8Array[] = [];
  const inbox = new Inbox(capacity);
  for (let drained = false; !drained; ) {
    drained = underlay.rx(inbox);
    for (let run = 0; run < inbox.count; run++) {
      const [offset, length, size] = inbox.runs.slice(run * RUN_WORDS) as unknown as number[];
      for (let at = offset!; at < offset! + length!; at += size!) {
        packets.push(region.bytes.u8.slice(at, Math.min(at + size!, offset! + length!)));
      }
      region.release(offset!);
    }
    inbox.clear();
  }
  return { packets, counters: { ...underlay.counters }, chunksHeld: CHUNKS - 1 - region.free };
}

for (const [name, through] of [
  ['a vNIC', throughVnic],
  ['an underlay', throughUnderlay],
] as const) {
  describe(`faults of ${name}`, () => {
    const rate = fc.constantFrom(0, 0.05, 0.5, 1);
    const rates = fc.record({
      lossRate: rate,
      duplicationRate: rate,
      corruptionRate: rate,
      reorderRate: rate,
    });

    it('lose and add as many as they count, and no references', () => {
      fc.assert(
        fc.property(fc.nat(), rates, fc.integer({ min: 1, max: 300 }), (seed, chosen, count) => {
          const { packets, counters, chunksHeld } = through(seed, chosen, count);
          expect(packets.length).toBe(count - counters.lost + counters.duplicated);
          expect(chunksHeld).toBeLessThanOrEqual(1);
        }),
        { numRuns: 100 },
      );
    });

    it('change nothing but the order and the number, unless they corrupt', () => {
      fc.assert(
        fc.property(fc.nat(), rates, (seed, chosen) => {
          const { packets } = through(seed, { ...chosen, corruptionRate: 0 }, 200);
          for (const packet of packets) {
            const number = new DataView(packet.buffer).getUint32(0);
            expect(packet).toEqual(numberedPacket(number));
          }
        }),
        { numRuns: 50 },
      );
    });

    it('are the same again with the same seed', () => {
      const all = { lossRate: 0.1, duplicationRate: 0.1, corruptionRate: 0.1, reorderRate: 0.1 };
      expect(through(7, all, 200)).toEqual(through(7, all, 200));
      expect(through(7, all, 200).packets).not.toEqual(through(8, all, 200).packets);
    });

    it('happen about as often as asked', () => {
      const { counters } = through(3, { ...NONE, lossRate: 0.1 }, 2000);
      expect(counters.lost).toBeGreaterThan(150);
      expect(counters.lost).toBeLessThan(250);
    });

    it('corrupt some bits of some packets', () => {
      const { packets, counters } = through(3, { ...NONE, corruptionRate: 0.2 }, 500);
      const changed = packets.filter((packet, number) => `${packet}` !== `${numberedPacket(number)}`);
      expect(counters.corrupted).toBeGreaterThan(50);
      // Two flips may hit the same bit.
      expect(changed.length).toBeGreaterThan(0.9 * counters.corrupted);
      expect(changed.length).toBeLessThanOrEqual(counters.corrupted);
    });

    it('reorder within a call', () => {
      const { packets, counters } = through(3, { ...NONE, reorderRate: 0.2 }, 200);
      const numbers = packets.map((packet) => new DataView(packet.buffer).getUint32(0));
      expect(counters.reordered).toBeGreaterThan(10);
      expect(numbers).not.toEqual(numbers.toSorted((a, b) => a - b));
    });

    it('go on when everything of a call is lost', () => {
      const { packets, counters } = through(3, { ...NONE, lossRate: 1 }, 200, 4);
      expect(packets).toEqual([]);
      expect(counters.lost).toBe(200);
    });
  });
}

it('a vNIC that refuses a frame takes those before it, and the rest when it is asked again', () => {
  const region = new Region(localMemory(CHUNKS));
  const written: number[] = [];
  const inner = new MemoryVnic(region, new ChunkWriter(region, 0), (frame) => written.push(frame[0]!));
  const vnic = new FaultyVnic(inner, region, new SeededRng(5), { ...NONE, refusalRate: 0.3 });
  const writer = new ChunkWriter(region, 0);
  const frames = new PieceList(64);
  for (let number = 0; number < 20; number++) {
    // Two pieces a frame: a frame is refused as a whole.
    for (const last of [0, PIECE_LAST]) {
      const at = writer.room(64);
      region.bytes.u8.fill(number, at, at + 64);
      writer.commit(64);
      frames.push(at, 64 | last);
    }
  }
  let calls = 0;
  for (let next = 0; next < frames.count; calls++) {
    next += vnic.tx(frames, next);
    expect(next % 2).toBe(0);
  }
  expect(written).toEqual(Array.from({ length: 20 }, (_, number) => number));
  expect(calls).toBe(vnic.counters.refused + 1);
  expect(calls).toBeGreaterThan(3);
});
