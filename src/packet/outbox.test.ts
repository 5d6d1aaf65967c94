import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  BUNDLE_BYTES,
  BUNDLE_PACKETS,
  BUNDLE_WORDS,
  HEADER_STRIDE,
  LANE_ALONE,
  OUTBOX_PACKETS,
  Outbox,
  PACKET_WORDS,
} from './outbox.ts';
import { CHUNK_BYTES } from './region.ts';

const HEADER = 24;

interface Bundle {
  readonly peer: number;
  readonly slot: number;
  readonly first: number;
  readonly packets: number;
  readonly size: number;
}

function bundlesOf(outbox: Outbox): Bundle[] {
  return Array.from({ length: outbox.bundleCount }, (_, i) => {
    const [peer, slot, first, packets, size] = outbox.bundles.subarray(i * BUNDLE_WORDS);
    return { peer: peer!, slot: slot!, first: first!, packets: packets!, size: size! };
  });
}

function sizeOf(outbox: Outbox, packet: number): number {
  return outbox.packets[packet * PACKET_WORDS + 1]! + outbox.packets[packet * PACKET_WORDS + 3]!;
}

/** Payload lengths, one peer and slot, as bundles of sizes. */
function bundled(...lengths: number[]): number[][] {
  const outbox = new Outbox();
  for (const length of lengths) outbox.add(0, 0, HEADER, 1000, length);
  return bundlesOf(outbox).map(({ first, packets }) =>
    Array.from({ length: packets }, (_, i) => sizeOf(outbox, first + i) - HEADER),
  );
}

describe('Outbox', () => {
  it('bundles packets of one size, the last of which may be shorter', () => {
    expect(bundled(100, 100, 100)).toEqual([[100, 100, 100]]);
    expect(bundled(100, 100, 40, 40)).toEqual([[100, 100, 40], [40]]);
    expect(bundled(100, 200, 200)).toEqual([[100], [200, 200]]);
  });

  it('starts another bundle for another peer or slot, also for the way back', () => {
    const outbox = new Outbox();
    for (const [peer, slot] of [
      [0, 0],
      [0, 0],
      [0, 1],
      [1, 1],
      [0, 0],
    ] as const) {
      outbox.add(peer, slot, HEADER, 1000, 50);
    }
    expect(bundlesOf(outbox).map(({ peer, slot, packets }) => [peer, slot, packets])).toEqual([
      [0, 0, 2],
      [0, 1, 1],
      [1, 1, 1],
      [0, 0, 1],
    ]);
  });

  it('starts another bundle for another thread of the peer, and for what goes alone', () => {
    const outbox = new Outbox();
    for (const lane of [0, 0, 1, 1, LANE_ALONE, LANE_ALONE, 1]) outbox.add(0, 0, HEADER, 1000, 50, lane);
    outbox.addAt(0, 0, outbox.headerEnd() - 80, 40, 1);
    outbox.addAt(0, 0, outbox.headerEnd() - 80, 40, 0);
    expect(bundlesOf(outbox).map(({ packets }) => packets)).toEqual([2, 2, 1, 1, 2, 1]);
  });

  it('says what UDP_SEGMENT can take, whatever is added', () => {
    const packet = fc.record({
      peer: fc.nat(1),
      slot: fc.nat(1),
      length: fc.oneof(fc.constantFrom(0, 50, 1400, 8900), fc.nat(9000)),
      allHeader: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(packet, { maxLength: 300 }), (packets) => {
        const outbox = new Outbox();
        for (const { peer, slot, length, allHeader } of packets) {
          if (allHeader) outbox.addAt(peer, slot, outbox.headerEnd() - 80, 40 + (length % 40));
          else outbox.add(peer, slot, HEADER, 1000, length);
        }
        expect(outbox.packetCount).toBe(packets.length);
        let next = 0;
        for (const { peer, slot, first, packets: count, size } of bundlesOf(outbox)) {
          expect(first).toBe(next);
          expect(count).toBeLessThanOrEqual(BUNDLE_PACKETS);
          const sizes = Array.from({ length: count }, (_, i) => sizeOf(outbox, first + i));
          expect(sizes.slice(0, -1).every((one) => one === size)).toBe(true);
          expect(sizes.at(-1)).toBeLessThanOrEqual(size);
          expect(sizes.reduce((sum, one) => sum + one, 0)).toBeLessThanOrEqual(BUNDLE_BYTES);
          for (const one of packets.slice(first, first + count)) {
            expect([one.peer, one.slot]).toEqual([peer, slot]);
          }
          next += count;
        }
        expect(next).toBe(packets.length);
      }),
    );
  });

  it('keeps headers apart and within the first chunk, as many as it has room for', () => {
    const outbox = new Outbox();
    let end = 0;
    while (outbox.room > 0) {
      expect(outbox.headerEnd() - HEADER_STRIDE).toBe(end);
      end = outbox.headerEnd();
      outbox.add(0, 0, HEADER, 1000, 10);
    }
    expect(outbox.packetCount).toBe(OUTBOX_PACKETS);
    expect(end).toBeLessThanOrEqual(CHUNK_BYTES);
  });

  it('is empty when it is cleared, and joins nothing to what it held', () => {
    const outbox = new Outbox();
    outbox.add(0, 0, HEADER, 1000, 100);
    outbox.clear();
    expect([outbox.packetCount, outbox.bundleCount, outbox.room]).toEqual([0, 0, OUTBOX_PACKETS]);
    outbox.add(0, 0, HEADER, 1000, 100);
    expect(bundlesOf(outbox)).toEqual([{ peer: 0, slot: 0, first: 0, packets: 1, size: HEADER + 100 }]);
  });
});
