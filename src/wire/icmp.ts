// ICMP for IPv4 (RFC 792): echo and its reply, with the checksum over header and data. Other types are recognised
// by number and left alone.

import type { Bytes } from '../base/bytes.ts';
import { checksum } from './checksum.ts';
import type { WireReject } from './reject.ts';

export const ICMP_HEADER_BYTES = 8;

export const ICMP_ECHO_REPLY = 0;
export const ICMP_ECHO_REQUEST = 8;

const TYPE = 0;
const CODE = 1;
const CHECKSUM = 2;
const IDENTIFIER = 4;
const SEQUENCE = 6;

export class IcmpView {
  private bytes!: Bytes;
  private at = 0;
  private length = 0;

  aim(bytes: Bytes, at: number, length: number): boolean {
    if (length < ICMP_HEADER_BYTES) return false;
    this.bytes = bytes;
    this.at = at;
    this.length = length;
    return true;
  }

  get type(): number {
    return this.bytes.view.getUint8(this.at + TYPE);
  }
  get code(): number {
    return this.bytes.view.getUint8(this.at + CODE);
  }
  get isChecksumRight(): boolean {
    return checksum(this.bytes, this.at, this.length) === 0;
  }
  /** Of an echo or its reply. */
  get identifier(): number {
    return this.bytes.view.getUint16(this.at + IDENTIFIER);
  }
  /** Of an echo or its reply. */
  get sequence(): number {
    return this.bytes.view.getUint16(this.at + SEQUENCE);
  }
}

export interface IcmpEchoRepr {
  readonly type: typeof ICMP_ECHO_REQUEST | typeof ICMP_ECHO_REPLY;
  readonly identifier: number;
  readonly sequence: number;
  readonly data: Uint8Array;
}

export function parseIcmpEcho(bytes: Bytes, at: number, length: number): IcmpEchoRepr | WireReject {
  const icmp = new IcmpView();
  if (!icmp.aim(bytes, at, length)) return 'too-short';
  const { type, code, identifier, sequence } = icmp;
  if ((type !== ICMP_ECHO_REQUEST && type !== ICMP_ECHO_REPLY) || code !== 0) return 'bad-type';
  if (!icmp.isChecksumRight) return 'bad-checksum';
  return { type, identifier, sequence, data: bytes.u8.slice(at + ICMP_HEADER_BYTES, at + length) };
}

/** Writes header, data and checksum. */
export function emitIcmpEcho(repr: IcmpEchoRepr, bytes: Bytes, at: number): number {
  const view = bytes.view;
  const length = ICMP_HEADER_BYTES + repr.data.length;
  view.setUint8(at + TYPE, repr.type);
  view.setUint8(at + CODE, 0);
  view.setUint16(at + CHECKSUM, 0);
  view.setUint16(at + IDENTIFIER, repr.identifier);
  view.setUint16(at + SEQUENCE, repr.sequence);
  bytes.u8.set(repr.data, at + ICMP_HEADER_BYTES);
  view.setUint16(at + CHECKSUM, checksum(bytes, at, length));
  return length;
}
