// BIFROST §C.2, figure C3, with the vNIC pair behind it.

import { describe, expect, it } from 'vitest';
import { fromHex, toHex } from '../../test/wire/hex.ts';
import { allocateBytes, bytesOf } from '../base/bytes.ts';
import type { ConnectRepr } from './bifrost-connect.ts';
import {
  CLOSE_STOPPED,
  CONNECT_PACKET_BYTES,
  checkConnectHeader,
  emitConnect,
  FEATURE_SUPER_FRAMES,
  parseConnect,
} from './bifrost-connect.ts';
import {
  PACKET_CLOSE,
  PACKET_CONNECTION_REQUEST,
  PACKET_CONNECTION_RESPONSE,
  PACKET_RESET,
} from './bifrost-types.ts';

const macs = { sourceMac: 0x02_00_00_00_0a_01, destinationMac: 0x02_00_00_00_0b_02 };
const fields = { version: 1, ccType: 3, threadId: 0x21, features: FEATURE_SUPER_FRAMES };

const cases: [string, ConnectRepr, string][] = [
  [
    'request',
    { type: PACKET_CONNECTION_REQUEST, ...fields, localCid: 0x11223344, destinationCid: 0, ...macs },
    '03132101 11223344 00000000 020000000a01 020000000b02',
  ],
  [
    'response',
    {
      type: PACKET_CONNECTION_RESPONSE,
      ...fields,
      localCid: 0x55667788,
      destinationCid: 0x11223344,
      ...macs,
    },
    '04132101 55667788 11223344 020000000a01 020000000b02',
  ],
  [
    'reset',
    {
      type: PACKET_RESET,
      version: 1,
      ccType: 0,
      threadId: 0,
      features: 0,
      localCid: 0,
      destinationCid: 0x11223344,
    },
    '05100000 00000000 11223344',
  ],
  [
    'close',
    {
      type: PACKET_CLOSE,
      version: 1,
      ccType: 2,
      threadId: 0,
      features: CLOSE_STOPPED,
      localCid: 0x55667788,
      destinationCid: 0x11223344,
    },
    '06120002 55667788 11223344',
  ],
  [
    'request of a version to come',
    { type: PACKET_CONNECTION_REQUEST, ...fields, version: 9, localCid: 1, destinationCid: 0, ...macs },
    '03932101 00000001 00000000 020000000a01 020000000b02',
  ],
];

describe.each(cases)('a connection %s', (_, repr, hex) => {
  const octets = fromHex(hex);

  it('is written bit by bit', () => {
    const bytes = allocateBytes(CONNECT_PACKET_BYTES);
    const length = emitConnect(repr, bytes, 0);
    expect(toHex(bytes.u8.subarray(0, length))).toBe(toHex(octets));
  });

  it('is read back', () => {
    expect(parseConnect(bytesOf(octets), 0, octets.length)).toEqual(repr);
  });
});

it.each([
  ['a request without its MACs', '03100000 11223344 00000000', 'too-short'],
  ['a request without a CID', '03100000 00000000 00000000 020000000a01 020000000b02', 'bad-field'],
  ['a response to nobody', '04100000 11223344 00000000 020000000a01 020000000b02', 'bad-field'],
  ['a reset of nothing', '05100000 00000000 00000000', 'bad-field'],
  ['a data packet', '01100000 00000001 00000002 00000003', 'bad-type'],
  ['a close of nothing', '06100001 00000001 00000000', 'bad-field'],
  ['a reset without a version', '05000000 00000000 00000001', 'bad-version'],
])('refuses %s', (_, hex, reject) => {
  const bytes = bytesOf(fromHex(hex));
  expect(checkConnectHeader(bytes.view, 0, bytes.u8.length)).toBe(reject);
});
