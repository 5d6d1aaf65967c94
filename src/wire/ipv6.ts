// IPv6 (RFC 8200). The view skips extension headers (§4) once, to the header that says what the packet is; it stops
// at the first fragment header's successor, since only a first fragment has more to show, and gives up on chains
// longer than any sender makes. ESP and "no next header" end the walk by themselves. A payload length of zero
// (jumbograms) is taken literally.

import type { Bytes } from '../base/bytes.ts';
import type { Ipv6Address } from './address.ts';
import { readIpv6, writeIpv6 } from './address.ts';
import type { WireReject } from './reject.ts';

export const IPV6_HEADER_BYTES = 40;

export const IPV6_PAYLOAD_LENGTH = 4;
/** Source and destination lie one behind the other. */
export const IPV6_ADDRESSES = 8;

const NEXT_HEADER = 6;
const HOP_LIMIT = 7;
const DESTINATION = 24;

const HOP_BY_HOP = 0;
const ROUTING = 43;
const FRAGMENT = 44;
const AUTHENTICATION = 51;
const DESTINATION_OPTIONS = 60;
const MOBILITY = 135;
const HIP = 139;
const SHIM6 = 140;

const MAX_EXTENSION_HEADERS = 8;
const FRAGMENT_HEADER_BYTES = 8;

/** Checks the fixed header; extension headers are checked as they are skipped. */
function checkIpv6(view: DataView, at: number, length: number): WireReject | undefined {
  if (length < IPV6_HEADER_BYTES) return 'too-short';
  if (view.getUint8(at) >> 4 !== 6) return 'bad-version';
  return IPV6_HEADER_BYTES + view.getUint16(at + IPV6_PAYLOAD_LENGTH) > length ? 'too-short' : undefined;
}

function isExtension(type: number): boolean {
  switch (type) {
    case HOP_BY_HOP:
    case ROUTING:
    case FRAGMENT:
    case AUTHENTICATION:
    case DESTINATION_OPTIONS:
    case MOBILITY:
    case HIP:
    case SHIM6:
      return true;
    default:
      return false;
  }
}

function extensionLength(view: DataView, at: number, type: number): number {
  if (type === FRAGMENT) return FRAGMENT_HEADER_BYTES;
  const units = view.getUint8(at + 1);
  return type === AUTHENTICATION ? 4 * (units + 2) : 8 * (units + 1);
}

export class Ipv6View {
  private view!: DataView;
  private at = 0;
  /** What lies behind the extension headers. */
  protocol = 0;
  /** Where it lies. */
  payloadAt = 0;
  /** True when a fragment header says that this is not the whole packet. */
  isFragment = false;

  aim(bytes: Bytes, at: number, length: number): boolean {
    if (checkIpv6(bytes.view, at, length) !== undefined) return false;
    this.view = bytes.view;
    this.at = at;
    return this.skipExtensions();
  }

  private skipExtensions(): boolean {
    const view = this.view;
    const end = this.at + IPV6_HEADER_BYTES + view.getUint16(this.at + IPV6_PAYLOAD_LENGTH);
    let type = view.getUint8(this.at + NEXT_HEADER);
    let at = this.at + IPV6_HEADER_BYTES;
    this.isFragment = false;
    for (let skipped = 0; isExtension(type) && !this.isFragment; skipped++) {
      if (skipped === MAX_EXTENSION_HEADERS || at + 8 > end) return false;
      const length = extensionLength(view, at, type);
      if (at + length > end) return false;
      // Offset and "more" both zero: an atomic fragment, which is a whole packet (RFC 6946).
      this.isFragment = type === FRAGMENT && (view.getUint16(at + 2) & 0xfff9) !== 0;
      type = view.getUint8(at);
      at += length;
    }
    this.protocol = type;
    this.payloadAt = at;
    return true;
  }

  get trafficClass(): number {
    return (this.view.getUint16(this.at) >> 4) & 255;
  }
  get flowLabel(): number {
    return this.view.getUint32(this.at) & 0xfffff;
  }
  /** Of the first header behind the fixed one, extension or not. */
  get nextHeader(): number {
    return this.view.getUint8(this.at + NEXT_HEADER);
  }
  get hopLimit(): number {
    return this.view.getUint8(this.at + HOP_LIMIT);
  }
  get addressesAt(): number {
    return this.at + IPV6_ADDRESSES;
  }
  get sourceAt(): number {
    return this.at + IPV6_ADDRESSES;
  }
  get destinationAt(): number {
    return this.at + DESTINATION;
  }
  /** Of what lies behind the extension headers. */
  get payloadLength(): number {
    return this.at + IPV6_HEADER_BYTES + this.view.getUint16(this.at + IPV6_PAYLOAD_LENGTH) - this.payloadAt;
  }
}

/** The fixed header. */
export interface Ipv6Repr {
  readonly trafficClass: number;
  readonly flowLabel: number;
  readonly nextHeader: number;
  readonly hopLimit: number;
  readonly source: Ipv6Address;
  readonly destination: Ipv6Address;
  /** Of everything behind the fixed header. */
  readonly payloadLength: number;
}

export function parseIpv6Header(bytes: Bytes, at: number, length: number): Ipv6Repr | WireReject {
  const reject = checkIpv6(bytes.view, at, length);
  if (reject !== undefined) return reject;
  const ip = new Ipv6View();
  if (!ip.aim(bytes, at, length)) return 'bad-length';
  return {
    trafficClass: ip.trafficClass,
    flowLabel: ip.flowLabel,
    nextHeader: ip.nextHeader,
    hopLimit: ip.hopLimit,
    source: readIpv6(bytes.view, ip.sourceAt),
    destination: readIpv6(bytes.view, ip.destinationAt),
    payloadLength: bytes.view.getUint16(at + IPV6_PAYLOAD_LENGTH),
  };
}

export function emitIpv6Header(repr: Ipv6Repr, bytes: Bytes, at: number): number {
  const view = bytes.view;
  view.setUint32(at, (6 << 28) | (repr.trafficClass << 20) | repr.flowLabel);
  view.setUint16(at + IPV6_PAYLOAD_LENGTH, repr.payloadLength);
  view.setUint8(at + NEXT_HEADER, repr.nextHeader);
  view.setUint8(at + HOP_LIMIT, repr.hopLimit);
  writeIpv6(view, at + IPV6_ADDRESSES, repr.source);
  writeIpv6(view, at + DESTINATION, repr.destination);
  return IPV6_HEADER_BYTES;
}
