// What a tenant may not say about its frame.

import { expect, it } from 'vitest';
import { fromHex } from '../../test/wire/hex.ts';
import { bytesOf } from '../base/bytes.ts';
import { parseVirtioNetHeader } from './virtio-net-header.ts';

// flags, gso_type, then hdr_len, gso_size, csum_start, csum_offset, little endian; in front of a frame of 100 bytes.
it.each([
  ['nothing to do', '00 00 0000 0000 0000 0000', undefined],
  ['a checksum at the very end', '01 00 0000 0000 2200 4000', undefined],
  ['TSO with ECN', '01 81 4200 7805 2200 1000', undefined],
  ['headers as long as the frame', '00 00 6400 0000 0000 0000', undefined],
  ['headers longer than the frame', '00 00 6500 0000 0000 0000', 'bad-length'],
  ['a checksum behind the frame', '01 00 0000 0000 2200 4100', 'bad-length'],
  ['a checksum start behind the frame', '01 00 0000 0000 ffff ffff', 'bad-length'],
  ['segments of nothing', '01 01 4200 0000 2200 1000', 'bad-length'],
  ['segmentation without a checksum', '00 01 4200 7805 0000 0000', 'bad-field'],
  ['UDP fragmentation, never negotiated', '01 03 2a00 7805 2200 0600', 'bad-type'],
  ['ECN without TCP', '01 80 4200 7805 2200 1000', 'bad-type'],
  ['ECN on UDP', '01 85 2a00 7805 2200 0600', 'bad-type'],
])('judges %s', (_, hex, reject) => {
  const memory = new Uint8Array(110);
  memory.set(fromHex(hex));
  const result = parseVirtioNetHeader(bytesOf(memory), 0, memory.length);
  if (reject === undefined) expect(result).toBeTypeOf('object');
  else expect(result).toBe(reject);
});
