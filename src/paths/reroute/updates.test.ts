// ZooRoute §5.2: whatever changed arrives, in order, in as few packets as it takes, and the last says so.
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { bytesOf } from '../../base/bytes.ts';
import { UPDATE_RECORD_BYTES, ZOOROUTE_UPDATE, ZooRouteView } from '../../wire/zooroute.ts';
import { UpdateBatch } from './updates.ts';

it('packs changes into packets that say when a batch ends', () => {
  const word = fc.integer({ min: 0, max: 2 ** 32 - 1 });
  fc.assert(
    fc.property(
      fc.array(fc.tuple(word, word, word), { maxLength: 300 }),
      fc.integer({ min: 52, max: 1400 }),
      (changes, packetBytes) => {
        const packets: Uint8Array[] = [];
        const batch = new UpdateBatch(packetBytes, (bytes, length) =>
          packets.push(bytes.u8.slice(0, length)),
        );
        for (const [element, low, high] of changes) batch.store(element, low, high);
        batch.end();
        expect(packets.length).toBe(Math.ceil(changes.length / batch.recordsPerPacket));
        expect(packets.flatMap(recordsOf)).toEqual(changes);
        for (const [i, packet] of packets.entries()) {
          expect(packet.length).toBeLessThanOrEqual(packetBytes);
          expect(headerOf(packet).isLast).toBe(i === packets.length - 1);
          expect(headerOf(packet).sequence).toBe(i);
        }
      },
    ),
  );
});

function headerOf(packet: Uint8Array): ZooRouteView {
  const header = new ZooRouteView();
  expect(header.aim(bytesOf(packet), 0, packet.length)).toBe(true);
  expect(header.type).toBe(ZOOROUTE_UPDATE);
  return header;
}

function recordsOf(packet: Uint8Array): number[][] {
  const { bodyAt, bodyLength } = headerOf(packet);
  const { view } = bytesOf(packet);
  return Array.from({ length: bodyLength / UPDATE_RECORD_BYTES }, (_, i) => {
    const at = bodyAt + i * UPDATE_RECORD_BYTES;
    return [view.getUint32(at), view.getUint32(at + 4, true), view.getUint32(at + 8, true)];
  });
}
