// The plain twin of Segmenter: takes an offload frame apart into representations and builds every segment from
// scratch. Slow, obvious, and with nothing in common with the fast path but the formats.

import { bytesOf } from '../../src/base/bytes.ts';
import type { EthernetRepr } from '../../src/wire/ethernet.ts';
import { parseEthernet } from '../../src/wire/ethernet.ts';
import type { Ipv4Repr } from '../../src/wire/ipv4.ts';
import { parseIpv4Header } from '../../src/wire/ipv4.ts';
import type { Ipv6Repr } from '../../src/wire/ipv6.ts';
import { parseIpv6Header } from '../../src/wire/ipv6.ts';
import type { WireReject } from '../../src/wire/reject.ts';
import type { TcpRepr } from '../../src/wire/tcp.ts';
import { parseTcp } from '../../src/wire/tcp.ts';
import type { UdpRepr } from '../../src/wire/udp.ts';
import { parseUdp } from '../../src/wire/udp.ts';
import { buildFrame } from './frames.ts';

function valid<Repr extends object>(result: Repr | WireReject): Repr {
  if (typeof result === 'string') throw new Error(result);
  return result;
}

function tcpOfSegment(tcp: TcpRepr, offset: number, isLast: boolean): TcpRepr {
  const finAndPush = 0x01 | 0x08;
  const congestionWindowReduced = 0x80;
  let flags = tcp.flags;
  if (!isLast) flags &= ~finAndPush;
  if (offset > 0) flags &= ~congestionWindowReduced;
  return { ...tcp, flags, sequence: (tcp.sequence + offset) % 2 ** 32 };
}

/** `extensions` is the length of IPv6 extension headers, which are copied as they are. */
export function segmentPlainly(frame: Uint8Array, gsoSize: number, extensions = 0): Uint8Array[] {
  const bytes = bytesOf(frame);
  const ethernet: EthernetRepr = valid(parseEthernet(bytes, 0, frame.length));
  const networkAt = ethernet.vlanTci === undefined ? 14 : 18;
  const networkLength = frame.length - networkAt;
  const isIpv6 = ethernet.etherType === 0x86dd;
  const ipv4: Ipv4Repr | undefined = isIpv6
    ? undefined
    : valid(parseIpv4Header(bytes, networkAt, networkLength));
  const ipv6: Ipv6Repr | undefined = isIpv6
    ? valid(parseIpv6Header(bytes, networkAt, networkLength))
    : undefined;
  const transportAt = networkAt + (ipv4 === undefined ? 40 + extensions : 20 + ipv4.options.length);
  const protocol = ipv4?.protocol ?? (extensions > 0 ? frame[transportAt - extensions]! : ipv6!.nextHeader);
  const tcp: TcpRepr | undefined =
    protocol === 6 ? valid(parseTcp(bytes, transportAt, frame.length - transportAt)) : undefined;
  const udp: UdpRepr | undefined =
    protocol === 17 ? valid(parseUdp(bytes, transportAt, frame.length - transportAt)) : undefined;
  const payload = frame.subarray(transportAt + (tcp === undefined ? 8 : 20 + tcp.options.length));

  const segments: Uint8Array[] = [];
  for (let offset = 0; offset < payload.length; offset += gsoSize) {
    const part = payload.subarray(offset, offset + gsoSize);
    const isLast = offset + gsoSize >= payload.length;
    const transport =
      tcp === undefined
        ? { udp: { ...udp!, payloadLength: part.length } }
        : { tcp: tcpOfSegment(tcp, offset, isLast) };
    const transportLength = part.length + (tcp === undefined ? 8 : 20 + tcp.options.length);
    const network =
      ipv4 === undefined
        ? { ipv6: { ...ipv6!, payloadLength: extensions + transportLength } }
        : {
            ipv4: {
              ...ipv4,
              payloadLength: transportLength,
              identification: (ipv4.identification + segments.length) % 2 ** 16,
            },
          };
    const extensionBytes = frame.subarray(transportAt - extensions, transportAt);
    segments.push(
      buildFrame({ ethernet, ...network, extensions: extensionBytes, ...transport, payload: part }),
    );
  }
  return segments;
}
