// What a Linux VXLAN device sent, read by us: outer headers, VXLAN, and every kind of inner frame, with all their
// checksums.

import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { guardedBytes } from '../../test/wire/guarded-bytes.ts';
import { fixtureLines, fromHex, toHex } from '../../test/wire/hex.ts';
import type { Bytes } from '../base/bytes.ts';
import { allocateBytes } from '../base/bytes.ts';
import { formatIpv4, formatIpv6, formatMac } from './address.ts';
import { parseArp } from './arp.ts';
import { finishSum, partialSum, pseudoHeaderSum4 } from './checksum.ts';
import { emitEthernet, parseEthernet } from './ethernet.ts';
import { FrameView, NETWORK_IPV4, NETWORK_IPV6 } from './frame.ts';
import { parseIcmpEcho } from './icmp.ts';
import { ICMPV6_ROUTER_SOLICITATION, icmpv6Type, isIcmpv6ChecksumRight, parseNeighbor } from './icmpv6.ts';
import { emitIpv4Header, parseIpv4Header } from './ipv4.ts';
import { PROTOCOL_ICMPV6, PROTOCOL_TCP } from './protocols.ts';
import { parseTcp } from './tcp.ts';
import { parseUdp } from './udp.ts';
import { parseVxlan, VXLAN_HEADER_BYTES, VXLAN_PORT } from './vxlan.ts';

const ETHERNET = 14;
const IPV4 = 20;
const UDP = 8;
const INNER = ETHERNET + IPV4 + UDP + VXLAN_HEADER_BYTES;

const packets = fixtureLines(
  readFileSync(new URL('./fixtures/kernel-vxlan.hex', import.meta.url), 'utf8'),
).map((line) => {
  const [name, hex] = line.split(' ') as [string, string];
  const octets = fromHex(hex);
  return { name, length: octets.length, bytes: guardedBytes(octets, 0, octets.length), octets };
});

function packetNamed(name: string) {
  return packets.find((packet) => packet.name === name)!;
}

function innerOf(name: string): { frame: FrameView; bytes: Bytes } {
  const { bytes, length } = packetNamed(name);
  const frame = new FrameView();
  expect(frame.aim(bytes, INNER, length - INNER)).toBe(true);
  return { frame, bytes };
}

describe.each(packets)('$name', ({ bytes, length, octets }) => {
  it('has outer headers that survive a round', () => {
    const outer = parseEthernet(bytes, 0, length);
    const ip = parseIpv4Header(bytes, ETHERNET, length - ETHERNET);
    if (typeof outer === 'string' || typeof ip === 'string') throw new Error(`${outer} ${ip}`);
    expect([formatIpv4(ip.source), formatIpv4(ip.destination)].sort()).toEqual(['192.0.2.1', '192.0.2.2']);
    expect(parseUdp(bytes, ETHERNET + IPV4, ip.payloadLength)).toMatchObject({
      destinationPort: VXLAN_PORT,
      payloadLength: length - INNER + VXLAN_HEADER_BYTES,
    });
    expect(parseVxlan(bytes, ETHERNET + IPV4 + UDP, length - INNER + VXLAN_HEADER_BYTES)).toEqual({
      carries: 'ethernet',
      vni: 4660,
    });
    const again = allocateBytes(ETHERNET + IPV4);
    emitIpv4Header(ip, again, emitEthernet(outer, again, 0));
    expect(toHex(again.u8)).toBe(toHex(octets.subarray(0, ETHERNET + IPV4)));
  });

  it('has an outer UDP checksum that is right', () => {
    const transport = ETHERNET + IPV4;
    const pseudo = pseudoHeaderSum4(
      bytes.view.getUint32(26),
      bytes.view.getUint32(30),
      17,
      length - transport,
    );
    expect(finishSum(partialSum(bytes, transport, length - transport, pseudo))).toBe(0);
  });

  it('has an inner frame with right checksums', () => {
    const frame = new FrameView();
    expect(frame.aim(bytes, INNER, length - INNER)).toBe(true);
    const { transportAt, transportLength, protocol } = frame;
    if (frame.network === NETWORK_IPV4) {
      expect(frame.ipv4.isChecksumRight).toBe(true);
      if (protocol === PROTOCOL_TCP) {
        const { source, destination } = frame.ipv4;
        const pseudo = pseudoHeaderSum4(source, destination, protocol, transportLength);
        expect(finishSum(partialSum(bytes, transportAt, transportLength, pseudo))).toBe(0);
      }
    }
    if (frame.network === NETWORK_IPV6) {
      expect(protocol).toBe(PROTOCOL_ICMPV6);
      expect(isIcmpv6ChecksumRight(bytes, frame.ipv6.addressesAt, transportAt, transportLength)).toBe(true);
    }
  });
});

describe('inner frames', () => {
  it('ARP', () => {
    const { frame, bytes } = innerOf('arp-request');
    const arp = parseArp(bytes, frame.networkAt, frame.ethernet.payloadLength);
    if (typeof arp === 'string') throw new Error(arp);
    expect(formatMac(frame.ethernet.destination)).toBe('ff:ff:ff:ff:ff:ff');
    expect([formatMac(arp.senderMac), formatIpv4(arp.senderIp), formatIpv4(arp.targetIp)]).toEqual([
      '02:00:00:00:00:01',
      '10.0.0.1',
      '10.0.0.2',
    ]);
  });

  it('neighbour discovery', () => {
    const { frame, bytes } = innerOf('icmpv6-neighbor-advertisement');
    const message = parseNeighbor(bytes, frame.transportAt, frame.transportLength);
    if (typeof message === 'string') throw new Error(message);
    expect(formatIpv6(message.target)).toBe('fd00::2');
    expect(message).toMatchObject({ isSolicited: true, isRouter: false, linkLayer: 0x020000000002 });
  });

  it('a router solicitation, known by its type', () => {
    const { frame, bytes } = innerOf('icmpv6-router-solicitation');
    const type = icmpv6Type(bytes.view, frame.transportAt, frame.transportLength);
    expect(type).toBe(ICMPV6_ROUTER_SOLICITATION);
  });

  it('a listener report behind a hop-by-hop header', () => {
    const { frame, bytes } = innerOf('icmpv6-mld-report');
    expect([frame.protocol, frame.transportAt - frame.networkAt]).toEqual([58, 48]);
    expect(icmpv6Type(bytes.view, frame.transportAt, frame.transportLength)).toBe(143);
  });

  it('ICMP echo', () => {
    const { frame, bytes } = innerOf('icmp-echo-reply');
    const echo = parseIcmpEcho(bytes, frame.transportAt, frame.transportLength);
    expect(echo).toMatchObject({ type: 0, sequence: 1 });
  });

  it('TCP with options', () => {
    const { frame, bytes } = innerOf('tcp-syn');
    const tcp = parseTcp(bytes, frame.transportAt, frame.transportLength);
    expect(tcp).toMatchObject({ destinationPort: 7000, flags: 2, acknowledgment: 0 });
    expect(typeof tcp === 'string' ? tcp : toHex(tcp.options).slice(0, 8)).toBe('02040582');
  });

  it('UDP', () => {
    const { frame, bytes } = innerOf('udp');
    const udp = parseUdp(bytes, frame.transportAt, frame.transportLength);
    expect(udp).toMatchObject({ destinationPort: 7001, payloadLength: 4 });
  });
});
