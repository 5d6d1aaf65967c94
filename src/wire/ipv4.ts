// IPv4 (RFC 791). The view checks version, header length and total length; bytes behind the total length are
// padding and not part of the packet. The header checksum is judged only by parseIpv4Header and `isChecksumRight`: a
// switch that forwards the packet leaves that to the host it is for.

import type { Bytes } from '../base/bytes.ts';
import type { Ipv4Address } from './address.ts';
import { checksum } from './checksum.ts';
import type { WireReject } from './reject.ts';

export const IPV4_MIN_HEADER_BYTES = 20;

export const IPV4_TOTAL_LENGTH = 2;
export const IPV4_IDENTIFICATION = 4;
export const IPV4_CHECKSUM = 10;

const TOS = 1;
const FRAGMENT = 6;
const TTL = 8;
const PROTOCOL = 9;
const SOURCE = 12;
const DESTINATION = 16;
const OPTIONS = 20;

const DONT_FRAGMENT = 0x4000;
const MORE_FRAGMENTS = 0x2000;
const OFFSET_MASK = 0x1fff;

function checkIpv4(view: DataView, at: number, length: number): WireReject | undefined {
  if (length < IPV4_MIN_HEADER_BYTES) return 'too-short';
  const first = view.getUint8(at);
  if (first >> 4 !== 4) return 'bad-version';
  const headerLength = (first & 15) * 4;
  const totalLength = view.getUint16(at + IPV4_TOTAL_LENGTH);
  if (headerLength < IPV4_MIN_HEADER_BYTES || totalLength < headerLength) return 'bad-length';
  return totalLength > length ? 'too-short' : undefined;
}

export class Ipv4View {
  private bytes!: Bytes;
  private at = 0;

  aim(bytes: Bytes, at: number, length: number): boolean {
    if (checkIpv4(bytes.view, at, length) !== undefined) return false;
    this.bytes = bytes;
    this.at = at;
    return true;
  }

  get headerLength(): number {
    return (this.bytes.view.getUint8(this.at) & 15) * 4;
  }
  get tos(): number {
    return this.bytes.view.getUint8(this.at + TOS);
  }
  get totalLength(): number {
    return this.bytes.view.getUint16(this.at + IPV4_TOTAL_LENGTH);
  }
  get identification(): number {
    return this.bytes.view.getUint16(this.at + IPV4_IDENTIFICATION);
  }
  get dontFragment(): boolean {
    return (this.bytes.view.getUint16(this.at + FRAGMENT) & DONT_FRAGMENT) !== 0;
  }
  get moreFragments(): boolean {
    return (this.bytes.view.getUint16(this.at + FRAGMENT) & MORE_FRAGMENTS) !== 0;
  }
  /** In units of eight octets. */
  get fragmentOffset(): number {
    return this.bytes.view.getUint16(this.at + FRAGMENT) & OFFSET_MASK;
  }
  get isFragment(): boolean {
    return (this.bytes.view.getUint16(this.at + FRAGMENT) & (MORE_FRAGMENTS | OFFSET_MASK)) !== 0;
  }
  get ttl(): number {
    return this.bytes.view.getUint8(this.at + TTL);
  }
  get protocol(): number {
    return this.bytes.view.getUint8(this.at + PROTOCOL);
  }
  get isChecksumRight(): boolean {
    return checksum(this.bytes, this.at, this.headerLength) === 0;
  }
  get source(): Ipv4Address {
    return this.bytes.view.getUint32(this.at + SOURCE);
  }
  get destination(): Ipv4Address {
    return this.bytes.view.getUint32(this.at + DESTINATION);
  }
  get optionsAt(): number {
    return this.at + OPTIONS;
  }
  get payloadAt(): number {
    return this.at + this.headerLength;
  }
  get payloadLength(): number {
    return this.totalLength - this.headerLength;
  }
}

export interface Ipv4Repr {
  readonly tos: number;
  readonly identification: number;
  readonly dontFragment: boolean;
  readonly moreFragments: boolean;
  /** In units of eight octets. */
  readonly fragmentOffset: number;
  readonly ttl: number;
  readonly protocol: number;
  readonly source: Ipv4Address;
  readonly destination: Ipv4Address;
  /** Zero to forty octets, a multiple of four. */
  readonly options: Uint8Array;
  readonly payloadLength: number;
}

/** Rejects a wrong header checksum, too. */
export function parseIpv4Header(bytes: Bytes, at: number, length: number): Ipv4Repr | WireReject {
  const reject = checkIpv4(bytes.view, at, length);
  if (reject !== undefined) return reject;
  const ip = new Ipv4View();
  ip.aim(bytes, at, length);
  if (!ip.isChecksumRight) return 'bad-checksum';
  return {
    tos: ip.tos,
    identification: ip.identification,
    dontFragment: ip.dontFragment,
    moreFragments: ip.moreFragments,
    fragmentOffset: ip.fragmentOffset,
    ttl: ip.ttl,
    protocol: ip.protocol,
    source: ip.source,
    destination: ip.destination,
    options: bytes.u8.slice(ip.optionsAt, ip.payloadAt),
    payloadLength: ip.payloadLength,
  };
}

/** Writes the header with its checksum; returns its length. */
export function emitIpv4Header(repr: Ipv4Repr, bytes: Bytes, at: number): number {
  const view = bytes.view;
  const headerLength = OPTIONS + repr.options.length;
  const fragment =
    (repr.dontFragment ? DONT_FRAGMENT : 0) | (repr.moreFragments ? MORE_FRAGMENTS : 0) | repr.fragmentOffset;
  view.setUint8(at, (4 << 4) | (headerLength / 4));
  view.setUint8(at + TOS, repr.tos);
  view.setUint16(at + IPV4_TOTAL_LENGTH, headerLength + repr.payloadLength);
  view.setUint16(at + IPV4_IDENTIFICATION, repr.identification);
  view.setUint16(at + FRAGMENT, fragment);
  view.setUint8(at + TTL, repr.ttl);
  view.setUint8(at + PROTOCOL, repr.protocol);
  view.setUint32(at + SOURCE, repr.source);
  view.setUint32(at + DESTINATION, repr.destination);
  bytes.u8.set(repr.options, at + OPTIONS);
  refreshIpv4Checksum(bytes, at, headerLength);
  return headerLength;
}

/** Recomputes the header checksum after a field was changed. */
export function refreshIpv4Checksum(bytes: Bytes, at: number, headerLength: number): void {
  bytes.view.setUint16(at + IPV4_CHECKSUM, 0);
  bytes.view.setUint16(at + IPV4_CHECKSUM, checksum(bytes, at, headerLength));
}
