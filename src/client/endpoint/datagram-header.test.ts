// The datagrams that an endpoint makes, read by those who read others' packets, and its own reader's judgement of them.
import { describe, expect, it } from 'vitest';
import { itForSeeds } from '../../../test/support/seeds.ts';
import { bytesOf } from '../../base/bytes.ts';
import { below, SeededRng } from '../../base/rng.ts';
import { foldSum, partialSum, pseudoHeaderSum4, pseudoHeaderSum6 } from '../../wire/checksum.ts';
import { FrameView } from '../../wire/frame.ts';
import { UdpView } from '../../wire/udp.ts';
import { PacketBatch } from './batch.ts';
import { copyAndSum } from './copy-sum.ts';
import { checksumOf, DatagramHeader } from './datagram-header.ts';
import { BAD_CHECKSUM, DATAGRAM, DatagramReader, OTHER } from './datagram-reader.ts';

const MACS = { sourceMac: 0x02_0000_000001, destinationMac: 0x02_0000_000002 };
const PORTS = { sourcePort: 4000, destinationPort: 53 };
const ENDS = {
  IPv4: { ...MACS, ...PORTS, source: 0xc0a84d01, destination: 0xc0a84d02 },
  IPv6: { ...MACS, ...PORTS, source: [0xfd770000, 0, 0, 1], destination: [0xfd770000, 0, 0, 2] },
} as const;
const SLOT_BYTES = 1600;

/** Writes a datagram into place 0 of a batch, as it would lie in shared memory; its length. */
function write(header: DatagramHeader, batch: PacketBatch, payload: Uint8Array): number {
  const from = new PacketBatch(1, SLOT_BYTES);
  from.setPayload(0, payload);
  const { memory } = batch;
  header.setLength(payload.length);
  new Uint32Array(memory.u8.buffer).set(header.words);
  const sum = header.sum + copyAndSum(memory, header.bytes, from.memory, from.payloadAt[0]!, payload.length);
  new Uint16Array(memory.u8.buffer)[header.checksumAt / 2] = checksumOf(sum);
  return header.bytes + payload.length;
}

describe.each(['IPv4', 'IPv6'] as const)('over %s', (family) => {
  itForSeeds('headers, lengths and checksums are right', 10, (seed) => {
    const rng = new SeededRng(seed);
    const header = new DatagramHeader(ENDS[family]);
    const reader = new DatagramReader();
    for (let i = 0; i < 30; i++) {
      const batch = new PacketBatch(1, SLOT_BYTES);
      const payload = Uint8Array.from({ length: below(rng, 1400) }, () => below(rng, 256));
      const length = write(header, batch, payload);
      const bytes = bytesOf(batch.bytes);
      const frame = new FrameView();
      const udp = new UdpView();
      expect(frame.aim(bytes, 10, length - 10)).toBe(true);
      expect(udp.aim(bytes, frame.transportAt, frame.transportLength)).toBe(true);
      expect([udp.sourcePort, udp.destinationPort, udp.payloadLength]).toEqual([4000, 53, payload.length]);
      const pseudo =
        family === 'IPv4'
          ? pseudoHeaderSum4(frame.ipv4.source, frame.ipv4.destination, 17, frame.transportLength)
          : pseudoHeaderSum6(bytes, frame.ipv6.addressesAt, 17, frame.transportLength);
      if (family === 'IPv4') expect(frame.ipv4.isChecksumRight).toBe(true);
      expect(foldSum(partialSum(bytes, frame.transportAt, frame.transportLength, pseudo))).toBe(0xffff);
      expect(reader.read(batch, 0, 0, length)).toBe(DATAGRAM);
      expect(batch.payload(0)).toEqual(payload);
    }
  });

  it('a byte that was changed is noticed', () => {
    const batch = new PacketBatch(1, SLOT_BYTES);
    const reader = new DatagramReader();
    const header = new DatagramHeader(ENDS[family]);
    const length = write(header, batch, new Uint8Array(99).fill(7));
    batch.bytes[header.bytes + 50]! ^= 4;
    expect(reader.read(batch, 0, 0, length)).toBe(BAD_CHECKSUM);
    // Half a checksum, as a kernel on this host leaves it to whoever sends the frame on.
    batch.bytes[0] = 1;
    expect(reader.read(batch, 0, 0, length)).toBe(DATAGRAM);
  });
});

it('what is no datagram has no payload', () => {
  const batch = new PacketBatch(1, SLOT_BYTES);
  const reader = new DatagramReader();
  for (let length = 24; length < 80; length++) {
    expect(reader.read(batch, 0, 0, length)).toBe(OTHER);
    expect(batch.payloadLength[0]).toBe(0);
  }
});
