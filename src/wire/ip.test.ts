// IPv4, IPv6 and UDP where lengths lie, and the walk over IPv6 extension headers (RFC 8200 §4).

import { describe, expect, it } from 'vitest';
import { guardedBytes } from '../../test/wire/guarded-bytes.ts';
import { fromHex } from '../../test/wire/hex.ts';
import { Ipv4View, parseIpv4Header } from './ipv4.ts';
import { Ipv6View } from './ipv6.ts';
import { parseUdp } from './udp.ts';

describe('IPv4', () => {
  const header = '45000073000040004011b861c0a80001c0a800c7';
  const packet = `${header}${'00'.repeat(0x73 - 20)}`;

  function parse(hex: string) {
    const octets = fromHex(hex);
    return parseIpv4Header(guardedBytes(octets, 0, octets.length), 0, octets.length);
  }

  it('is parsed', () => {
    expect(parse(packet)).toMatchObject({ source: 0xc0a80001, destination: 0xc0a800c7, payloadLength: 95 });
  });

  it.each([
    ['a total length beyond the bytes', packet.slice(0, -2), 'too-short'],
    ['a header length below five words', packet.replace('45', '44'), 'bad-length'],
    ['a total length below the header', packet.replace('0073', '0013'), 'bad-length'],
    ['version 6', packet.replace('45', '65'), 'bad-version'],
    ['a wrong checksum', packet.replace('b861', 'b862'), 'bad-checksum'],
  ])('is not %s', (_, hex, reject) => {
    expect(parse(hex)).toBe(reject);
  });

  it('leaves padding out', () => {
    const octets = fromHex(`${packet}ffff`);
    const ip = new Ipv4View();
    expect(ip.aim(guardedBytes(octets, 0, octets.length), 0, octets.length)).toBe(true);
    expect([ip.payloadAt, ip.payloadLength]).toEqual([20, 95]);
  });
});

describe('UDP', () => {
  it.each([
    ['a length below its header', '00010002 00070000', 'bad-length'],
    ['a length beyond the bytes', '00010002 00090000', 'too-short'],
  ])('is not %s', (_, hex, reject) => {
    const octets = fromHex(hex);
    expect(parseUdp(guardedBytes(octets, 0, 8), 0, 8)).toBe(reject);
  });
});

describe('IPv6 extension headers', () => {
  const addresses = '00'.repeat(32);
  const options = (next: string, words = 0) => `${next}0${words.toString(16)}${'01'.repeat(6 + 8 * words)}`;

  function aim(nextHeader: string, rest: string) {
    const length = (rest.length / 2).toString(16).padStart(4, '0');
    const octets = fromHex(`60000000${length}${nextHeader}40${addresses}${rest}`);
    const ip = new Ipv6View();
    if (!ip.aim(guardedBytes(octets, 0, octets.length), 0, octets.length)) return 'rejected';
    const { protocol, payloadAt, payloadLength, isFragment } = ip;
    return [protocol, payloadAt - 40, payloadLength, isFragment];
  }

  const udp = '0001000200080000';
  const chain = (count: number) => `${options('3c').repeat(count - 1)}${options('11')}${udp}`;
  it.each([
    ['none', '11', udp, [17, 0, 8, false]],
    ['hop-by-hop', '00', options('11') + udp, [17, 8, 8, false]],
    ['destination options of three units', '3c', options('11', 2) + udp, [17, 24, 8, false]],
    ['routing, then options', '2b', options('3c', 1) + options('11') + udp, [17, 24, 8, false]],
    ['authentication, counted in words', '33', `1102${'00'.repeat(14)}${udp}`, [17, 16, 8, false]],
    ['a first fragment', '2c', `1100000100000001${udp}`, [17, 8, 8, true]],
    ['a later fragment, its bytes not taken for a header', '2c', `0000000900000001${udp}`, [0, 8, 8, true]],
    ['an atomic fragment', '2c', `11ff000000000001${udp}`, [17, 8, 8, false]],
    ['ESP, which ends the walk', '32', udp, [50, 0, 8, false]],
    ['no next header', '3b', '', [59, 0, 0, false]],
    ['as many as are followed', '3c', chain(8), [17, 64, 8, false]],
    ['one more', '3c', chain(9), 'rejected'],
    ['a header cut short', '00', '1100010101', 'rejected'],
    ['a header longer than the packet', '00', options('11', 2).slice(0, 32), 'rejected'],
    ['a promised header that is not there', '00', '', 'rejected'],
  ])('%s', (_, nextHeader, rest, expected) => {
    expect(aim(nextHeader, rest)).toEqual(expected);
  });
});
