// Answers of routers as they are, cut as short as they may be, and damaged.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { allocateBytes, type Bytes, bytesOf } from '../base/bytes.ts';
import { type Ipv6Address, parseIpv4, parseIpv6, writeIpv6 } from './address.ts';
import { checksum } from './checksum.ts';
import { emitIpv4Header } from './ipv4.ts';
import { PROTOCOL_ICMP, PROTOCOL_UDP } from './protocols.ts';
import { readTimeExceeded, readTimeExceeded6, writeRouteProbe } from './route-probe.ts';
import { emitUdp } from './udp.ts';
import { VXLAN_PORT } from './vxlan.ts';

const [router, host, peer] = ['10.1.0.3', '10.0.1.1', '10.0.2.1'].map((text) => parseIpv4(text)!) as [
  number,
  number,
  number,
];
const [HOST6, PEER6] = ['fd00:1::1', 'fd00:2::1'].map((text) => parseIpv6(text)!) as [
  Ipv6Address,
  Ipv6Address,
];
const IP = {
  tos: 0,
  identification: 1,
  dontFragment: true,
  moreFragments: false,
  fragmentOffset: 0,
  options: new Uint8Array(0),
};
const expected = {
  source: host,
  destination: peer,
  sourcePort: 49_160,
  destinationPort: VXLAN_PORT,
  ttl: 3,
};

interface Shape {
  /** Bytes of the probe that the router sends back. */
  readonly quoted?: number;
  readonly type?: number;
  readonly protocol?: number;
  readonly options?: Uint8Array;
}

/** The answer to a probe of TTL 3. */
function answer({
  quoted = 28,
  type = 11,
  protocol = PROTOCOL_UDP,
  options = IP.options,
}: Shape = {}): Bytes {
  const probe = allocateBytes(100);
  const payloadLength = writeRouteProbe(probe.view, 28 + options.length, 3);
  const udp = { sourcePort: 49_160, destinationPort: VXLAN_PORT, payloadLength, checksum: 0 };
  const inner = {
    ...IP,
    options,
    ttl: 1,
    protocol,
    source: host,
    destination: peer,
    payloadLength: 8 + payloadLength,
  };
  emitUdp(udp, probe, emitIpv4Header(inner, probe, 0));
  const bytes = allocateBytes(28 + quoted);
  const outer = { ...IP, ttl: 63, protocol: PROTOCOL_ICMP, source: router, destination: host };
  const at = emitIpv4Header({ ...outer, payloadLength: 8 + quoted }, bytes, 0);
  bytes.view.setUint8(at, type);
  bytes.u8.set(probe.u8.subarray(0, quoted), at + 8);
  bytes.view.setUint16(at + 2, checksum(bytes, at, 8 + quoted));
  return bytes;
}

const read = (bytes: Bytes) => readTimeExceeded(bytes, 0, bytes.u8.length);

/** The same over IPv6: an ICMPv6 message. */
function answer6(type = 3, quoted = 48): Bytes {
  const bytes = allocateBytes(8 + quoted);
  const probe = allocateBytes(100);
  const payloadLength = writeRouteProbe(probe.view, 48, 3);
  probe.u8.set([0x60, 0, 0, 0, 0, 8 + payloadLength, PROTOCOL_UDP, 1]);
  writeIpv6(probe.view, 8, HOST6);
  writeIpv6(probe.view, 24, PEER6);
  emitUdp({ sourcePort: 49_160, destinationPort: VXLAN_PORT, payloadLength, checksum: 0 }, probe, 40);
  bytes.view.setUint8(0, type);
  bytes.u8.set(probe.u8.subarray(0, quoted), 8);
  return bytes;
}

describe('an answer over IPv6', () => {
  const read6 = (bytes: Bytes) => readTimeExceeded6(bytes, 0, bytes.u8.length);

  it('says to which probe', () => {
    expect(read6(answer6())).toEqual({ ...expected, source: HOST6, destination: PEER6 });
  });

  it('of another type, or without the whole UDP header, is none', () => {
    expect(read6(answer6(1))).toBeUndefined();
    expect(read6(answer6(3, 47))).toBeUndefined();
  });

  it('that is anything at all is read without fault', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
        bytes[0] = 3;
        const found = read6(bytesOf(bytes));
        if (found !== undefined) expect(found.ttl).toBeGreaterThan(0);
      }),
    );
  });
});

describe('an answer', () => {
  it('says to which probe', () => {
    expect(read(answer())).toEqual(expected);
    expect(read(answer({ quoted: 39 }))).toEqual(expected);
  });

  it('to a probe with IP options is read behind them', () => {
    expect(read(answer({ quoted: 32, options: new Uint8Array([1, 1, 1, 0]) }))).toEqual(expected);
  });

  it.each<[string, Shape]>([
    ['without the whole UDP header', { quoted: 27 }],
    ['of another type', { type: 3 }],
    ['about a TCP segment', { protocol: 6 }],
  ])('%s is none', (_, shape) => expect(read(answer(shape))).toBeUndefined());

  it('whose checksum is wrong is none', () => {
    const bytes = answer();
    bytes.u8[50]! ^= 1;
    expect(read(bytes)).toBeUndefined();
  });

  it('that is anything at all is read without fault', () => {
    const whole = answer({ quoted: 39 }).u8;
    const damage = fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { maxLength: 6 });
    fc.assert(
      fc.property(damage, fc.nat(whole.length), (changes, length) => {
        const bytes = whole.slice(0, length);
        for (const [at, value] of changes) if (at < length) bytes[at] = value;
        const found = readTimeExceeded(bytesOf(bytes), 0, length);
        if (found !== undefined) expect(found.ttl).toBeGreaterThan(0);
      }),
    );
  });
});
