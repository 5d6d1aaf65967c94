// Ethernet II with at most one 802.1Q tag (IEEE 802.3, 802.1Q). A second tag is left as payload with its own
// EtherType. 802.3 length fields (values below 0x600) are not told apart: such frames are bridged, never parsed.

import type { Bytes } from '../base/bytes.ts';
import type { Mac } from './address.ts';
import { readMac, writeMac } from './address.ts';
import type { WireReject } from './reject.ts';

export const ETHERNET_HEADER_BYTES = 14;
export const VLAN_TAG_BYTES = 4;

export const ETHERTYPE_IPV4 = 0x0800;
export const ETHERTYPE_ARP = 0x0806;
export const ETHERTYPE_VLAN = 0x8100;
export const ETHERTYPE_IPV6 = 0x86dd;

export const ETHERNET_DESTINATION = 0;
export const ETHERNET_SOURCE = 6;
const ETHERTYPE = 12;
const TCI = 14;
const TAGGED_ETHERTYPE = 16;

/** Length of the header with its tag. */
function ethernetHeaderBytes(view: DataView, at: number, length: number): number | WireReject {
  if (length < ETHERNET_HEADER_BYTES) return 'too-short';
  if (view.getUint16(at + ETHERTYPE) !== ETHERTYPE_VLAN) return ETHERNET_HEADER_BYTES;
  return length < ETHERNET_HEADER_BYTES + VLAN_TAG_BYTES
    ? 'too-short'
    : ETHERNET_HEADER_BYTES + VLAN_TAG_BYTES;
}

export class EthernetView {
  private bytes!: Bytes;
  private length = 0;
  /** Of the header's first byte. */
  at = 0;
  /** 14, or 18 with a tag. */
  headerLength = 0;

  aim(bytes: Bytes, at: number, length: number): boolean {
    const headerLength = ethernetHeaderBytes(bytes.view, at, length);
    if (typeof headerLength === 'string') return false;
    this.bytes = bytes;
    this.at = at;
    this.length = length;
    this.headerLength = headerLength;
    return true;
  }

  get destination(): Mac {
    return readMac(this.bytes.view, this.at + ETHERNET_DESTINATION);
  }
  get source(): Mac {
    return readMac(this.bytes.view, this.at + ETHERNET_SOURCE);
  }
  /** True for multicast and broadcast destinations. */
  get isGroupAddressed(): boolean {
    return (this.bytes.view.getUint8(this.at + ETHERNET_DESTINATION) & 1) === 1;
  }
  get isTagged(): boolean {
    return this.headerLength > ETHERNET_HEADER_BYTES;
  }
  /** Tag control information: priority, drop eligibility and VLAN id; only where `isTagged`. */
  get vlanTci(): number {
    return this.bytes.view.getUint16(this.at + TCI);
  }
  /** What the payload is: the EtherType behind the tag, if there is one. */
  get etherType(): number {
    return this.bytes.view.getUint16(this.at + this.headerLength - 2);
  }
  get payloadAt(): number {
    return this.at + this.headerLength;
  }
  get payloadLength(): number {
    return this.length - this.headerLength;
  }
}

export interface EthernetRepr {
  readonly destination: Mac;
  readonly source: Mac;
  /** Tag control information, absent on an untagged frame. */
  readonly vlanTci?: number;
  readonly etherType: number;
}

export function parseEthernet(bytes: Bytes, at: number, length: number): EthernetRepr | WireReject {
  const view = new EthernetView();
  if (!view.aim(bytes, at, length)) return 'too-short';
  const { destination, source, etherType } = view;
  return view.isTagged
    ? { destination, source, vlanTci: view.vlanTci, etherType }
    : { destination, source, etherType };
}

/** Returns the number of bytes written, 14 or 18. */
export function emitEthernet(repr: EthernetRepr, bytes: Bytes, at: number): number {
  const view = bytes.view;
  writeMac(view, at + ETHERNET_DESTINATION, repr.destination);
  writeMac(view, at + ETHERNET_SOURCE, repr.source);
  if (repr.vlanTci === undefined) {
    view.setUint16(at + ETHERTYPE, repr.etherType);
    return ETHERNET_HEADER_BYTES;
  }
  view.setUint16(at + ETHERTYPE, ETHERTYPE_VLAN);
  view.setUint16(at + TCI, repr.vlanTci);
  view.setUint16(at + TAGGED_ETHERTYPE, repr.etherType);
  return ETHERNET_HEADER_BYTES + VLAN_TAG_BYTES;
}
