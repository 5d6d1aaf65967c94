// ICMPv6 (RFC 4443) and of neighbour discovery (RFC 4861) the solicitation and the advertisement with their
// link-layer address option. Router messages are recognised by number and left alone. The checksum covers a pseudo
// header, so the functions that judge or complete it are told where the IPv6 addresses lie.

import type { Bytes } from '../base/bytes.ts';
import type { Ipv6Address, Mac } from './address.ts';
import { readIpv6, readMac, writeIpv6, writeMac } from './address.ts';
import { finishSum, partialSum, pseudoHeaderSum6 } from './checksum.ts';
import { PROTOCOL_ICMPV6 } from './protocols.ts';
import type { WireReject } from './reject.ts';

export const ICMPV6_ROUTER_SOLICITATION = 133;
export const ICMPV6_ROUTER_ADVERTISEMENT = 134;
export const ICMPV6_NEIGHBOR_SOLICITATION = 135;
export const ICMPV6_NEIGHBOR_ADVERTISEMENT = 136;

export const ND_MESSAGE_BYTES = 24;
export const ND_LINK_LAYER_OPTION_BYTES = 8;

const TYPE = 0;
const CODE = 1;
const CHECKSUM = 2;
const FLAGS = 4;
const TARGET = 8;
const OPTIONS = 24;

const ROUTER = 0x80;
const SOLICITED = 0x40;
const OVERRIDE = 0x20;

const OPTION_SOURCE_LINK_LAYER = 1;
const OPTION_TARGET_LINK_LAYER = 2;

/** Type of an ICMPv6 message; 0, which is none, where there are not even its four bytes. */
export function icmpv6Type(view: DataView, at: number, length: number): number {
  return length < 4 ? 0 : view.getUint8(at + TYPE);
}

/** True when the checksum of the message fits it and the two addresses at `addressesAt`. */
export function isIcmpv6ChecksumRight(
  bytes: Bytes,
  addressesAt: number,
  at: number,
  length: number,
): boolean {
  const pseudo = pseudoHeaderSum6(bytes, addressesAt, PROTOCOL_ICMPV6, length);
  return finishSum(partialSum(bytes, at, length, pseudo)) === 0;
}

/** Writes the checksum of a message whose every other byte, and whose addresses, are in place. */
export function completeIcmpv6Checksum(bytes: Bytes, addressesAt: number, at: number, length: number): void {
  bytes.view.setUint16(at + CHECKSUM, 0);
  const pseudo = pseudoHeaderSum6(bytes, addressesAt, PROTOCOL_ICMPV6, length);
  bytes.view.setUint16(at + CHECKSUM, finishSum(partialSum(bytes, at, length, pseudo)));
}

/** A neighbour solicitation or advertisement. */
export class NeighborView {
  private view!: DataView;
  private at = 0;
  private linkLayerAt = 0;

  aim(bytes: Bytes, at: number, length: number): boolean {
    return this.reject(bytes, at, length) === undefined;
  }

  /** As `aim`, with the reason; undefined when the view is aimed. */
  reject(bytes: Bytes, at: number, length: number): WireReject | undefined {
    const view = bytes.view;
    if (length < ND_MESSAGE_BYTES) return 'too-short';
    const type = view.getUint8(at + TYPE);
    if (type !== ICMPV6_NEIGHBOR_SOLICITATION && type !== ICMPV6_NEIGHBOR_ADVERTISEMENT) return 'bad-type';
    if (view.getUint8(at + CODE) !== 0) return 'bad-type';
    if (view.getUint8(at + TARGET) === 0xff) return 'bad-field';
    this.view = view;
    this.at = at;
    const wanted =
      type === ICMPV6_NEIGHBOR_SOLICITATION ? OPTION_SOURCE_LINK_LAYER : OPTION_TARGET_LINK_LAYER;
    return this.findLinkLayer(at + length, wanted);
  }

  private findLinkLayer(end: number, wanted: number): WireReject | undefined {
    this.linkLayerAt = 0;
    for (let option = this.at + OPTIONS; option < end; ) {
      if (option + 2 > end) return 'bad-length';
      const optionLength = 8 * this.view.getUint8(option + 1);
      if (optionLength === 0 || option + optionLength > end) return 'bad-length';
      if (this.view.getUint8(option) === wanted && optionLength === ND_LINK_LAYER_OPTION_BYTES) {
        this.linkLayerAt = option + 2;
      }
      option += optionLength;
    }
    return undefined;
  }

  get isSolicitation(): boolean {
    return this.view.getUint8(this.at + TYPE) === ICMPV6_NEIGHBOR_SOLICITATION;
  }
  /** Of an advertisement. */
  get isRouter(): boolean {
    return (this.view.getUint8(this.at + FLAGS) & ROUTER) !== 0;
  }
  /** Of an advertisement. */
  get isSolicited(): boolean {
    return (this.view.getUint8(this.at + FLAGS) & SOLICITED) !== 0;
  }
  /** Of an advertisement. */
  get isOverride(): boolean {
    return (this.view.getUint8(this.at + FLAGS) & OVERRIDE) !== 0;
  }
  get targetAt(): number {
    return this.at + TARGET;
  }
  get hasLinkLayer(): boolean {
    return this.linkLayerAt !== 0;
  }
  /** The sender's in a solicitation, the target's in an advertisement; only where `hasLinkLayer`. */
  get linkLayer(): Mac {
    return readMac(this.view, this.linkLayerAt);
  }
}

export type NeighborRepr =
  | {
      readonly kind: 'solicitation';
      readonly target: Ipv6Address;
      readonly linkLayer?: Mac;
    }
  | {
      readonly kind: 'advertisement';
      readonly isRouter: boolean;
      readonly isSolicited: boolean;
      readonly isOverride: boolean;
      readonly target: Ipv6Address;
      readonly linkLayer?: Mac;
    };

/** Leaves the checksum to isIcmpv6ChecksumRight. */
export function parseNeighbor(bytes: Bytes, at: number, length: number): NeighborRepr | WireReject {
  const message = new NeighborView();
  const reject = message.reject(bytes, at, length);
  if (reject !== undefined) return reject;
  const target = readIpv6(bytes.view, message.targetAt);
  const option = message.hasLinkLayer ? { linkLayer: message.linkLayer } : {};
  if (message.isSolicitation) return { kind: 'solicitation', target, ...option };
  const { isRouter, isSolicited, isOverride } = message;
  return { kind: 'advertisement', isRouter, isSolicited, isOverride, target, ...option };
}

/** Returns the number of bytes written, 24 or 32. The checksum is left to completeIcmpv6Checksum. */
export function emitNeighbor(repr: NeighborRepr, bytes: Bytes, at: number): number {
  const isSolicitation = repr.kind === 'solicitation';
  const flags = isSolicitation
    ? 0
    : (repr.isRouter ? ROUTER : 0) | (repr.isSolicited ? SOLICITED : 0) | (repr.isOverride ? OVERRIDE : 0);
  const view = bytes.view;
  view.setUint8(at + TYPE, isSolicitation ? ICMPV6_NEIGHBOR_SOLICITATION : ICMPV6_NEIGHBOR_ADVERTISEMENT);
  view.setUint8(at + CODE, 0);
  view.setUint16(at + CHECKSUM, 0);
  view.setUint32(at + FLAGS, flags << 24);
  writeIpv6(view, at + TARGET, repr.target);
  if (repr.linkLayer === undefined) return ND_MESSAGE_BYTES;
  view.setUint8(at + OPTIONS, isSolicitation ? OPTION_SOURCE_LINK_LAYER : OPTION_TARGET_LINK_LAYER);
  view.setUint8(at + OPTIONS + 1, ND_LINK_LAYER_OPTION_BYTES / 8);
  writeMac(view, at + OPTIONS + 2, repr.linkLayer);
  return ND_MESSAGE_BYTES + ND_LINK_LAYER_OPTION_BYTES;
}
