import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ipv6Address, mac } from '../../test/wire/codecs.ts';
import { allocateBytes } from '../base/bytes.ts';
import {
  BROADCAST_MAC,
  cidrContainsIpv4,
  cidrContainsIpv6,
  formatCidr,
  formatIpv4,
  formatIpv6,
  formatMac,
  IPV6_UNSPECIFIED,
  isIpv6At,
  isMulticastMac,
  parseCidr,
  parseIpv4,
  parseIpv6,
  parseMac,
  readIpv6,
  readMac,
  sameIpv6,
  writeIpv6,
  writeMac,
} from './address.ts';

const u32 = fc.integer({ min: 0, max: 2 ** 32 - 1 });

describe('MAC addresses', () => {
  it('survive text and bytes', () => {
    fc.assert(
      fc.property(mac, (address) => {
        const bytes = allocateBytes(6);
        writeMac(bytes.view, 0, address);
        expect(readMac(bytes.view, 0)).toBe(address);
        expect(parseMac(formatMac(address))).toBe(address);
      }),
    );
  });

  it.each([
    ['02:00:00:00:00:01', 0x020000000001],
    ['FF-ff-FF-ff-FF-ff', BROADCAST_MAC],
    ['02:00:00:00:00', undefined],
    ['02:00:00-00-00-01', undefined],
    ['020000000001', undefined],
    ['2:0:0:0:0:1', undefined],
    ['02:00:00:00:00:01:', undefined],
  ])('parse from %s', (text, expected) => {
    expect(parseMac(text)).toBe(expected);
  });

  it('know groups', () => {
    const groups = ['01:00:5e:00:00:01', '33:33:00:00:00:01', 'ff:ff:ff:ff:ff:ff', '02:ff:ff:ff:ff:ff'];
    expect(groups.map((text) => isMulticastMac(parseMac(text)!))).toEqual([true, true, true, false]);
  });
});

describe('IPv4 addresses', () => {
  it('survive text', () => {
    fc.assert(
      fc.property(u32, (address) => {
        expect(parseIpv4(formatIpv4(address))).toBe(address);
      }),
    );
  });

  it.each([
    ['255.255.255.255', 0xffffffff],
    ['10.0.0.1', 0x0a000001],
    ['010.0.0.1', undefined],
    ['256.0.0.1', undefined],
    ['10.0.1', undefined],
    ['10.0.0.1 ', undefined],
    ['', undefined],
  ])('parse from "%s"', (text, expected) => {
    expect(parseIpv4(text)).toBe(expected);
  });
});

describe('IPv6 addresses', () => {
  it('survive text and bytes', () => {
    fc.assert(
      fc.property(ipv6Address, fc.nat(15), (words, zeros) => {
        const address = words.map((word, i) => ((zeros >> i) & 1 ? 0 : word)) as [
          number,
          number,
          number,
          number,
        ];
        const bytes = allocateBytes(16);
        writeIpv6(bytes.view, 0, address);
        expect(readIpv6(bytes.view, 0)).toEqual(address);
        expect(isIpv6At(bytes.view, 0, address)).toBe(true);
        expect(parseIpv6(formatIpv6(address))).toEqual(address);
      }),
    );
  });

  // The cases of RFC 5952 §4 and RFC 4291 §2.2.
  it.each([
    ['2001:0db8::0001', '2001:db8::1'],
    ['2001:db8:0:0:0:0:2:1', '2001:db8::2:1'],
    ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
    ['2001:0:0:1:0:0:0:1', '2001:0:0:1::1'],
    ['2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    ['2001:DB8::A', '2001:db8::a'],
    ['::', '::'],
    ['1::', '1::'],
    ['::ffff:192.0.2.1', '::ffff:c000:201'],
    ['1:2:3:4:5:6:7::', '1:2:3:4:5:6:7:0'],
  ])('writes %s as %s', (text, canonical) => {
    expect(formatIpv6(parseIpv6(text)!)).toBe(canonical);
  });

  it.each([
    [''],
    [':'],
    [':::'],
    ['1::2::3'],
    ['1:2:3:4:5:6:7'],
    ['1:2:3:4:5:6:7:8:9'],
    ['1:2:3:4:5:6:7:8::'],
    ['12345::'],
    ['1.2.3.4::'],
    ['fe80::1%eth0'],
    ['::1.2.3'],
    ['1:2:3:4:5:6:7:'],
    [':1:2:3:4:5:6:7'],
  ])('does not take "%s"', (text) => {
    expect(parseIpv6(text)).toBeUndefined();
  });

  it('compare', () => {
    expect(sameIpv6(parseIpv6('::')!, IPV6_UNSPECIFIED)).toBe(true);
    expect(sameIpv6(parseIpv6('::1')!, IPV6_UNSPECIFIED)).toBe(false);
  });
});

describe('CIDR', () => {
  it.each([['10.0.0.1/24'], ['0.0.0.0/0'], ['192.0.2.7/32'], ['fd00::1/64'], ['::/0'], ['::1/128']])(
    'keeps %s',
    (text) => {
      expect(formatCidr(parseCidr(text)!)).toBe(text);
    },
  );

  it.each([['10.0.0.1'], ['10.0.0.1/33'], ['10.0.0.1/'], ['10.0.0.1/08'], ['fd00::/129'], ['/8'], ['a/b/8']])(
    'does not take %s',
    (text) => {
      expect(parseCidr(text)).toBeUndefined();
    },
  );

  it.each([
    ['10.1.2.3/8', '10.255.0.0', true],
    ['10.1.2.3/8', '11.1.2.3', false],
    ['10.1.2.3/32', '10.1.2.3', true],
    ['10.1.2.3/32', '10.1.2.2', false],
    ['0.0.0.0/0', '255.255.255.255', true],
    ['128.0.0.0/1', '255.0.0.1', true],
    ['fd00::/8', '10.0.0.1', false],
  ])('%s has %s: %s', (cidr, address, expected) => {
    expect(cidrContainsIpv4(parseCidr(cidr)!, parseIpv4(address)!)).toBe(expected);
  });

  it.each([
    ['fd00:0:0:1::/64', 'fd00:0:0:1:ffff::', true],
    ['fd00:0:0:1::/64', 'fd00:0:0:2::', false],
    ['fd00::/7', 'fc00::1', true],
    ['fd00::1/128', 'fd00::1', true],
    ['fd00::1/128', 'fd00::2', false],
    ['2001:db8:ffff::/33', '2001:db8:8000::', true],
    ['2001:db8:ffff::/33', '2001:db8:7000::', false],
    ['10.0.0.0/8', 'fd00::1', false],
  ])('%s has %s: %s', (cidr, address, expected) => {
    expect(cidrContainsIpv6(parseCidr(cidr)!, parseIpv6(address)!)).toBe(expected);
  });
});
