// RFC 7348 §5, VXLAN-GPE, and how BIFROST packets are told from plain ones.

import { expect, it } from 'vitest';
import { fromHex, toHex } from '../../test/wire/hex.ts';
import { allocateBytes, bytesOf } from '../base/bytes.ts';
import { emitVxlan, parseVxlan, VXLAN_HEADER_BYTES } from './vxlan.ts';

it.each([
  ['plain', { carries: 'ethernet', vni: 0x123456 }, '0800000012345600'],
  ['BIFROST', { carries: 'bifrost', vni: 0xffffff }, '0c0000feffffff00'],
] as const)('writes the %s header', (_, repr, hex) => {
  const bytes = allocateBytes(VXLAN_HEADER_BYTES);
  emitVxlan(repr, bytes, 0);
  expect(toHex(bytes.u8)).toBe(hex);
});

it.each([
  ['plain VXLAN', '0800000012345600', { carries: 'ethernet', vni: 0x123456 }],
  ['plain VXLAN with reserved bits set', '88ffffff123456ff', { carries: 'ethernet', vni: 0x123456 }],
  ['BIFROST', '0c0000fe12345600', { carries: 'bifrost', vni: 0x123456 }],
  ['BIFROST with reserved bits set', '0cfffffe123456ff', { carries: 'bifrost', vni: 0x123456 }],
  ['no VNI', '0000000012345600', 'bad-field'],
  ['GPE without a VNI', '040000fe12345600', 'bad-field'],
  ['GPE with an Ethernet payload', '0c00000312345600', 'bad-type'],
  ['a GPE operations packet', '0d0000fe12345600', 'bad-type'],
  ['GPE of another version', '1c0000fe12345600', 'bad-type'],
  ['a ZooRoute probe', 'ffeedd7e00000000', 'bad-type'],
  ['seven bytes', '08000000123456', 'too-short'],
])('reads %s', (_, hex, expected) => {
  const bytes = bytesOf(fromHex(hex));
  expect(parseVxlan(bytes, 0, bytes.u8.length)).toEqual(expected);
});
