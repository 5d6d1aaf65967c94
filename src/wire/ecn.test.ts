// RFC 3168: marks of real headers; the checksum as if it had been computed anew.
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { bytesOf } from '../base/bytes.ts';
import { checksum } from './checksum.ts';
import { ECN_CE, ECN_NOT_ECT, ecnOf, setCongestionExperienced } from './ecn.ts';
import { ETHERNET_HEADER_BYTES, ETHERTYPE_ARP, ETHERTYPE_IPV4, ETHERTYPE_IPV6 } from './ethernet.ts';
import { FrameView } from './frame.ts';
import { emitIpv4Header } from './ipv4.ts';
import { emitIpv6Header } from './ipv6.ts';

const IP_AT = ETHERNET_HEADER_BYTES;

function frameOf(etherType: number, packetBytes: number) {
  const bytes = bytesOf(new Uint8Array(IP_AT + packetBytes));
  bytes.view.setUint16(12, etherType);
  return bytes;
}

function aimed(bytes: ReturnType<typeof bytesOf>): FrameView {
  const frame = new FrameView();
  expect(frame.aim(bytes, 0, bytes.u8.length)).toBe(true);
  return frame;
}

const octet = fc.nat(255);
const addresses = { source: fc.nat(0xffff_ffff), destination: fc.nat(0xffff_ffff) };

describe('a mark', () => {
  test('of IPv4 changes two bits and the checksum as computed anew', () => {
    const repr = fc.record({
      tos: octet,
      identification: fc.nat(0xffff),
      dontFragment: fc.boolean(),
      moreFragments: fc.constant(false),
      fragmentOffset: fc.constant(0),
      ttl: octet,
      protocol: octet,
      ...addresses,
      options: fc.constantFrom(new Uint8Array(0), new Uint8Array([7, 3, 4, 1])),
      payloadLength: fc.constant(30),
    });
    fc.assert(
      fc.property(repr, (header) => {
        const length = 20 + header.options.length;
        const bytes = frameOf(ETHERTYPE_IPV4, length + 30);
        const marked = frameOf(ETHERTYPE_IPV4, length + 30);
        emitIpv4Header(header, bytes, IP_AT);
        emitIpv4Header({ ...header, tos: header.tos | ECN_CE }, marked, IP_AT);
        const frame = aimed(bytes);
        expect(ecnOf(frame)).toBe(header.tos & 3);
        setCongestionExperienced(frame, bytes);
        expect(checksum(bytes, IP_AT, length)).toBe(0);
        expect(bytes.u8).toEqual(marked.u8);
        expect(ecnOf(frame)).toBe(ECN_CE);
      }),
    );
  });

  test('of IPv6 changes two bits of the traffic class', () => {
    const header = {
      flowLabel: 0x12345,
      nextHeader: 59,
      hopLimit: 64,
      source: [0xfd000000, 0, 0, 1] as const,
      destination: [0xfd000000, 0, 0, 2] as const,
      payloadLength: 0,
    };
    for (let trafficClass = 0; trafficClass < 256; trafficClass++) {
      const bytes = frameOf(ETHERTYPE_IPV6, 40);
      const marked = frameOf(ETHERTYPE_IPV6, 40);
      emitIpv6Header({ ...header, trafficClass }, bytes, IP_AT);
      emitIpv6Header({ ...header, trafficClass: trafficClass | ECN_CE }, marked, IP_AT);
      const frame = aimed(bytes);
      expect(ecnOf(frame)).toBe(trafficClass & 3);
      setCongestionExperienced(frame, bytes);
      expect(bytes.u8).toEqual(marked.u8);
    }
  });

  test('of anything else does nothing', () => {
    const bytes = frameOf(ETHERTYPE_ARP, 28);
    const before = bytes.u8.slice();
    const frame = aimed(bytes);
    expect(ecnOf(frame)).toBe(ECN_NOT_ECT);
    setCongestionExperienced(frame, bytes);
    expect(bytes.u8).toEqual(before);
  });
});
