// BIFROST §C.3, figure C4, bit by bit, and the example of §4.3.

import { describe, expect, it } from 'vitest';
import { fromHex, toHex } from '../../test/wire/hex.ts';
import { allocateBytes, bytesOf } from '../base/bytes.ts';
import type { AckRepr } from './bifrost-ack.ts';
import { ACK_CUMULATIVE, ACK_MAX_BYTES, ACK_WINDOW, AckView, checkAck, emitAck } from './bifrost-ack.ts';

const zero: AckRepr = {
  ccType: 0,
  isSpecial: false,
  pathId: 0,
  hopCount: 0,
  ackValue: 0,
  ackType: ACK_CUMULATIVE,
  psn: 0,
  destinationCid: 0,
  timestampMicros: 0,
  echoMicros: 0,
  nicRxMicros: 0,
  numAck: 0,
  numEce: 0,
  psnBase: 0,
  bitmap: new Uint32Array(0),
};

function words(repr: Partial<AckRepr>): string[] {
  const bytes = allocateBytes(ACK_MAX_BYTES);
  bytes.u8.fill(0xff);
  const length = emitAck({ ...zero, ...repr }, bytes, 0);
  return toHex(bytes.u8.subarray(0, length)).match(/.{8}/g)!;
}

describe('the acknowledgement header', () => {
  it.each([
    ['CC Type', { ccType: 15 }, 0, '021f0000'],
    ['se', { isSpecial: true }, 0, '02108000'],
    ['Path ID', { pathId: 7 }, 0, '02107000'],
    ['Hop Count', { hopCount: 15 }, 0, '02100f00'],
    ['ACK Value', { ackValue: 31 }, 0, '021000f8'],
    ['ACK Type', { ackType: ACK_WINDOW }, 0, '02100001'],
    ['PSN', { psn: 0x01020304 }, 1, '01020304'],
    ['Destination CID', { destinationCid: 0xfffffffe }, 2, 'fffffffe'],
    ['Timestamp Value', { timestampMicros: 0x11121314 }, 3, '11121314'],
    ['Timestamp Echo', { echoMicros: 0x21222324 }, 4, '21222324'],
    ['Timestamp NIC RX', { nicRxMicros: 0x31323334 }, 5, '31323334'],
    ['Num_ACK', { numAck: 2047 }, 6, 'ffe00000'],
    ['Num_ECE', { numEce: 2047 }, 6, '001ffc00'],
    ['PSN_bitmap_len', { bitmap: new Uint32Array(8) }, 6, '00000200'],
    ['PSN_base', { psnBase: 0x41424344 }, 7, '41424344'],
    ['PSN_bitmap[0]', { bitmap: Uint32Array.of(0xdeadbeef, 1) }, 8, 'deadbeef'],
    ['PSN_bitmap[1]', { bitmap: Uint32Array.of(0xdeadbeef, 1) }, 9, '00000001'],
  ])('places %s', (_, repr, index, word) => {
    expect(words(repr)[index]).toBe(word);
  });

  it('ends after its bitmap', () => {
    expect(words({}).length).toBe(8);
    expect(words({ bitmap: new Uint32Array(3) }).length).toBe(11);
  });

  it('shows ACK(3|0100) of figure 13 with PSN 4 received and 3 not', () => {
    const bytes = allocateBytes(ACK_MAX_BYTES);
    const length = emitAck({ ...zero, psnBase: 3, bitmap: Uint32Array.of(0x4000_0000) }, bytes, 0);
    const ack = new AckView();
    expect(ack.aim(bytes, 0, length)).toBe(true);
    expect([ack.psnBase, ack.bit(0), ack.bit(1), ack.bit(2), ack.bit(3)]).toEqual([
      3,
      false,
      true,
      false,
      false,
    ]);
  });

  it('has no bits outside of its bitmap', () => {
    const bytes = allocateBytes(ACK_MAX_BYTES);
    bytes.u8.fill(0xff);
    const ack = new AckView();
    ack.aim(bytes, 0, emitAck({ ...zero, bitmap: Uint32Array.of(0xffff_ffff, 0x0000_0001) }, bytes, 0));
    expect([-1, 0, 31, 32, 62, 63, 64].map((i) => ack.bit(i))).toEqual([
      false,
      true,
      true,
      false,
      false,
      true,
      false,
    ]);
  });

  const head = (first: string, counts: string) => `${first}${'00000000'.repeat(5)}${counts}00000000`;
  it.each([
    ['fewer than 32 bytes', head('02100000', '00000000').slice(0, 62), 'too-short'],
    ['no version', head('02000000', '00000000'), 'bad-version'],
    ['another packet', head('01100000', '00000000'), 'bad-type'],
    ['an unknown ACK Type', head('02100002', '00000000'), 'bad-type'],
    ['a bitmap longer than the packet', head('02100000', '00000040'), 'bad-length'],
    ['a bitmap of nine words', `${head('02100000', '00000240')}${'00000000'.repeat(9)}`, 'bad-length'],
  ])('refuses %s', (_, hex, reject) => {
    const bytes = bytesOf(fromHex(hex));
    expect(checkAck(bytes.view, 0, bytes.u8.length)).toBe(reject);
  });
});
