// ARP for Ethernet and IPv4 (RFC 826, RFC 5227), the only hardware and protocol types that tenants have here.

import type { Bytes } from '../base/bytes.ts';
import type { Ipv4Address, Mac } from './address.ts';
import { readMac, writeMac } from './address.ts';
import { ETHERTYPE_IPV4 } from './ethernet.ts';
import type { WireReject } from './reject.ts';

export const ARP_BYTES = 28;
export const ARP_REQUEST = 1;
export const ARP_REPLY = 2;

const HARDWARE_TYPE = 0;
const PROTOCOL_TYPE = 2;
const ADDRESS_LENGTHS = 4;
const OPERATION = 6;
const SENDER_MAC = 8;
const SENDER_IP = 14;
const TARGET_MAC = 18;
const TARGET_IP = 24;

const HARDWARE_ETHERNET = 1;
/** Six octets of MAC and four of IPv4, the two length fields read as one. */
const LENGTHS_ETHERNET_IPV4 = 0x0604;

function checkArp(view: DataView, at: number, length: number): WireReject | undefined {
  if (length < ARP_BYTES) return 'too-short';
  if (view.getUint16(at + HARDWARE_TYPE) !== HARDWARE_ETHERNET) return 'bad-type';
  if (view.getUint16(at + PROTOCOL_TYPE) !== ETHERTYPE_IPV4) return 'bad-type';
  if (view.getUint16(at + ADDRESS_LENGTHS) !== LENGTHS_ETHERNET_IPV4) return 'bad-length';
  const operation = view.getUint16(at + OPERATION);
  return operation === ARP_REQUEST || operation === ARP_REPLY ? undefined : 'bad-type';
}

export class ArpView {
  private view!: DataView;
  private at = 0;

  aim(bytes: Bytes, at: number, length: number): boolean {
    if (checkArp(bytes.view, at, length) !== undefined) return false;
    this.view = bytes.view;
    this.at = at;
    return true;
  }

  get operation(): typeof ARP_REQUEST | typeof ARP_REPLY {
    return this.view.getUint16(this.at + OPERATION) as typeof ARP_REQUEST | typeof ARP_REPLY;
  }
  get senderMac(): Mac {
    return readMac(this.view, this.at + SENDER_MAC);
  }
  /** 0 in a probe for an address that its sender wants to take (RFC 5227). */
  get senderIp(): Ipv4Address {
    return this.view.getUint32(this.at + SENDER_IP);
  }
  get targetMac(): Mac {
    return readMac(this.view, this.at + TARGET_MAC);
  }
  get targetIp(): Ipv4Address {
    return this.view.getUint32(this.at + TARGET_IP);
  }
}

export interface ArpRepr {
  readonly operation: typeof ARP_REQUEST | typeof ARP_REPLY;
  readonly senderMac: Mac;
  readonly senderIp: Ipv4Address;
  readonly targetMac: Mac;
  readonly targetIp: Ipv4Address;
}

export function parseArp(bytes: Bytes, at: number, length: number): ArpRepr | WireReject {
  const reject = checkArp(bytes.view, at, length);
  if (reject !== undefined) return reject;
  const arp = new ArpView();
  arp.aim(bytes, at, length);
  const { operation, senderMac, senderIp, targetMac, targetIp } = arp;
  return { operation, senderMac, senderIp, targetMac, targetIp };
}

export function emitArp(repr: ArpRepr, bytes: Bytes, at: number): number {
  const view = bytes.view;
  view.setUint16(at + HARDWARE_TYPE, HARDWARE_ETHERNET);
  view.setUint16(at + PROTOCOL_TYPE, ETHERTYPE_IPV4);
  view.setUint16(at + ADDRESS_LENGTHS, LENGTHS_ETHERNET_IPV4);
  view.setUint16(at + OPERATION, repr.operation);
  writeMac(view, at + SENDER_MAC, repr.senderMac);
  view.setUint32(at + SENDER_IP, repr.senderIp);
  writeMac(view, at + TARGET_MAC, repr.targetMac);
  view.setUint32(at + TARGET_IP, repr.targetIp);
  return ARP_BYTES;
}
