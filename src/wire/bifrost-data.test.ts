// BIFROST §C.1, figure C2, bit by bit.

import { describe, expect, it } from 'vitest';
import { fromHex, toHex } from '../../test/wire/hex.ts';
import { allocateBytes, bytesOf } from '../base/bytes.ts';
import {
  checkDataHeader,
  DATA_ACK_REQUIRED,
  DATA_ECN,
  DATA_FIRST,
  DATA_HEADER_BYTES,
  DATA_LAST,
  DATA_RETRANSMITTED,
  DATA_SPECIAL,
  DATA_TO_REQUESTER,
  DataHeaderView,
  writeDataHeader,
} from './bifrost-data.ts';
import { bifrostPacketType, PACKET_DATA } from './bifrost-types.ts';

function written(pathId: number, flags: number, ccType = 0): string {
  const bytes = allocateBytes(DATA_HEADER_BYTES);
  writeDataHeader(bytes.view, 0, pathId, flags, 0x01020304, 0xa1b2c3d4, 0xfffefdfc, ccType);
  return toHex(bytes.u8);
}

describe('the data packet header', () => {
  it('has PSN, CID and timestamp in words of their own', () => {
    expect(written(0, 0)).toBe('0110000001020304a1b2c3d4fffefdfc');
  });

  it.each([
    ['se', DATA_SPECIAL, 0, 0, '01108000'],
    ['ack', DATA_ACK_REQUIRED, 0, 0, '01104000'],
    ['dir', DATA_TO_REQUESTER, 0, 0, '01102000'],
    ['ece', DATA_ECN, 0, 0, '01101000'],
    ['ret', DATA_RETRANSMITTED, 0, 0, '01100800'],
    ['first', DATA_FIRST, 0, 0, '01100080'],
    ['last', DATA_LAST, 0, 0, '01100040'],
    ['Path ID', 0, 7, 0, '01100700'],
    ['CC Type', 0, 0, 15, '011f0000'],
    ['several', DATA_ACK_REQUIRED | DATA_RETRANSMITTED | DATA_FIRST | DATA_LAST, 5, 2, '01124dc0'],
  ])('places %s', (_, flags, pathId, ccType, firstWord) => {
    expect(written(pathId, flags, ccType).slice(0, 8)).toBe(firstWord);
  });

  it('is read where it lies, its payload behind it', () => {
    const bytes = bytesOf(fromHex('ffff 01124dff 01020304 a1b2c3d4 fffefdfc 6869'));
    const header = new DataHeaderView();
    expect(header.aim(bytes, 2, 18)).toBe(true);
    expect(header).toMatchObject({ ccType: 2, pathId: 5, flags: 0x48c0, psn: 0x01020304 });
    expect(header).toMatchObject({ destinationCid: 0xa1b2c3d4, timestampMicros: 0xfffefdfc });
    expect([header.payloadAt, header.payloadLength]).toEqual([18, 2]);
  });

  it.each([
    ['a short header', '011000000102030405060708090a0b', 'too-short'],
    ['no version', '01000000010203040506070809101112', 'bad-version'],
    ['another packet type', '02100000010203040506070809101112', 'bad-type'],
  ])('is not %s', (_, hex, reject) => {
    const bytes = bytesOf(fromHex(hex));
    expect(checkDataHeader(bytes.view, 0, bytes.u8.length)).toBe(reject);
    expect(new DataHeaderView().aim(bytes, 0, bytes.u8.length)).toBe(false);
  });
});

describe('the packet type', () => {
  it.each([
    ['01100000', PACKET_DATA],
    ['05100000', 5],
    ['06100000', 6],
    ['01f00000', PACKET_DATA],
    ['07100000', 7],
    ['08100000', 0],
    ['00100000', 0],
    ['01000000', 0],
    ['0110', 0],
  ])('of %s is %i', (hex, type) => {
    const bytes = bytesOf(fromHex(hex));
    expect(bifrostPacketType(bytes.view, 0, bytes.u8.length)).toBe(type);
  });
});
