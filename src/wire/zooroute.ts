// ZooRoute's packets (ZooRoute §A): negotiation, telemetry, and updates of the fast table. They are the UDP payload, where
// a VXLAN header would be, so that the fabric sends them the way of tenants' packets. 40 bytes, then what each type adds:
//
//   Magic 24 | Pkt Type 8 | Version 8 | Mode 8 | CTL 8 | EndFlag 8 | Data Length 16 | zero 16 | Sequence ID 32
//   Src IP 128 (IPv4 mapped) | Backend ID 48 | zero 16 | Reflect Data …
//
// The paper's figure is lost; of its layout only the places of magic and type are certain. Decided here:
// - Data Length counts the whole packet; what lies behind it, such as Ethernet's padding, is ignored.
// - Mode of a negotiation says what its sender can do (MODE_… bits) and in the upper four bits what it is (a role, from
//   which both ends know the scenario, ZooRoute §3.2); of telemetry it says the mode in use.
// - A response repeats sequence and Reflect Data of its request. Behind them it appends a receipt, 12 bytes: the newest
//   sequence that its sender received from that source, and a bitmap of the 64 before it. So a source can tell a request
//   that was lost from one whose answer was, and blames its own path for its own losses only.
// - An update has records of 12 bytes in place of Reflect Data: element of the states array, and its 8 bytes as they lie in
//   memory. EndFlag 1: the last packet of a batch (ZooRoute §5.2).
// - The kernel's VXLAN drops all of these: its reserved flags must be zero (RFC 7348 has them ignored; Linux does not).

import type { Bytes } from '../base/bytes.ts';
import {
  type HostAddress,
  type Ipv6Address,
  isIpv6At,
  type Mac,
  readIpv6,
  readMac,
  writeIpv6,
  writeMac,
} from './address.ts';
import type { WireReject } from './reject.ts';

export const ZOOROUTE_MAGIC = 0xffeedd;
export const ZOOROUTE_VERSION = 1;

export const ZOOROUTE_UPDATE = 0x05;
export const ZOOROUTE_NEGOTIATION_REQUEST = 0x11;
export const ZOOROUTE_NEGOTIATION_RESPONSE = 0x18;
export const ZOOROUTE_TELEMETRY_REQUEST = 0x7e;
export const ZOOROUTE_TELEMETRY_RESPONSE = 0x7f;

/** Go on as you do; negotiate again; probe less; stop probing. */
export const CTL_DEFAULT = 0x0;
export const CTL_RESET = 0x1;
export const CTL_BACKPRESSURE = 0x2;
export const CTL_FINISH = 0x4;

export const MODE_FULL = 0x1;
export const MODE_PARTIAL = 0x2;
/** The sender says by Backend ID which of several machines behind one address it is (ZooRoute §6). */
export const MODE_BACKENDS = 0x4;
const MODE_ROLE_SHIFT = 4;

export const ZOOROUTE_HEADER_BYTES = 40;
export const RECEIPT_BYTES = 12;
export const UPDATE_RECORD_BYTES = 12;

const VERSION = 4;
const MODE = 5;
const CTL = 6;
const END_FLAG = 7;
const LENGTH = 8;
const SEQUENCE = 12;
const SOURCE = 16;
const BACKEND = 32;

/** True of any packet with the magic number, whole or not: it is nobody else's. */
export function isZooRoute(view: DataView, at: number, length: number): boolean {
  return length >= 4 && view.getUint32(at) >>> 8 === ZOOROUTE_MAGIC;
}

/** A packet of another version passes when its type can be asked about versions: negotiation. */
export function checkZooRoute(view: DataView, at: number, length: number): WireReject | undefined {
  if (length < ZOOROUTE_HEADER_BYTES) return 'too-short';
  if (!isZooRoute(view, at, length)) return 'bad-field';
  const type = view.getUint8(at + 3);
  const stated = view.getUint16(at + LENGTH);
  if (stated < ZOOROUTE_HEADER_BYTES) return 'bad-length';
  if (stated > length) return 'too-short';
  const version = view.getUint8(at + VERSION);
  switch (type) {
    case ZOOROUTE_NEGOTIATION_REQUEST:
    case ZOOROUTE_NEGOTIATION_RESPONSE:
      return version === 0 ? 'bad-version' : undefined;
    case ZOOROUTE_UPDATE:
      if ((stated - ZOOROUTE_HEADER_BYTES) % UPDATE_RECORD_BYTES !== 0) return 'bad-length';
      return version === ZOOROUTE_VERSION ? undefined : 'bad-version';
    case ZOOROUTE_TELEMETRY_REQUEST:
    case ZOOROUTE_TELEMETRY_RESPONSE:
      return version === ZOOROUTE_VERSION ? undefined : 'bad-version';
    default:
      return 'bad-type';
  }
}

export class ZooRouteView {
  private view!: DataView;
  private at = 0;

  aim(bytes: Bytes, at: number, length: number): boolean {
    if (checkZooRoute(bytes.view, at, length) !== undefined) return false;
    this.view = bytes.view;
    this.at = at;
    return true;
  }

  get type(): number {
    return this.view.getUint8(this.at + 3);
  }
  get version(): number {
    return this.view.getUint8(this.at + VERSION);
  }
  /** MODE_… bits, unknown ones among them. */
  get modes(): number {
    return this.view.getUint8(this.at + MODE) & ((1 << MODE_ROLE_SHIFT) - 1);
  }
  /** Of a negotiation. */
  get role(): number {
    return this.view.getUint8(this.at + MODE) >>> MODE_ROLE_SHIFT;
  }
  get ctl(): number {
    return this.view.getUint8(this.at + CTL);
  }
  get isLast(): boolean {
    return this.view.getUint8(this.at + END_FLAG) !== 0;
  }
  /** The whole packet. */
  get length(): number {
    return this.view.getUint16(this.at + LENGTH);
  }
  get sequence(): number {
    return this.view.getUint32(this.at + SEQUENCE);
  }
  get source(): Ipv6Address {
    return readIpv6(this.view, this.at + SOURCE);
  }
  /** Whether that is the address it says; allocates nothing. */
  isFrom(address: HostAddress): boolean {
    const { view } = this;
    const at = this.at + SOURCE;
    if (typeof address !== 'number') return isIpv6At(view, at, address);
    const isMapped =
      view.getUint32(at) === 0 && view.getUint32(at + 4) === 0 && view.getUint32(at + 8) === 0xffff;
    return isMapped && view.getUint32(at + 12) === address;
  }
  get backend(): Mac {
    return readMac(this.view, this.at + BACKEND);
  }
  /** Where Reflect Data or an update's records begin. */
  get bodyAt(): number {
    return this.at + ZOOROUTE_HEADER_BYTES;
  }
  get bodyLength(): number {
    return this.length - ZOOROUTE_HEADER_BYTES;
  }
}

/** What Mode of a negotiation says. */
export function offeredMode(modes: number, role: number): number {
  return (role << MODE_ROLE_SHIFT) | modes;
}

/** `length` is the whole packet's; `source` is written as it is, so IPv4 must be mapped. */
export function writeZooRouteHeader(
  view: DataView,
  at: number,
  type: number,
  mode: number,
  ctl: number,
  length: number,
  sequence: number,
  source: Ipv6Address,
  backend: Mac,
  version = ZOOROUTE_VERSION,
): void {
  view.setUint32(at, (ZOOROUTE_MAGIC << 8) | type);
  view.setUint8(at + VERSION, version);
  view.setUint8(at + MODE, mode);
  view.setUint8(at + CTL, ctl);
  view.setUint8(at + END_FLAG, 0);
  view.setUint32(at + LENGTH, length << 16);
  view.setUint32(at + SEQUENCE, sequence);
  writeIpv6(view, at + SOURCE, source);
  writeMac(view, at + BACKEND, backend);
  view.setUint16(at + BACKEND + 6, 0);
}

/** The last packet of a batch of updates. */
export function markLast(view: DataView, at: number): void {
  view.setUint8(at + END_FLAG, 1);
}

/** `before`: bit i of the first word is the sequence `newest - 1 - i`, of the second `newest - 33 - i`. */
export function writeReceipt(
  view: DataView,
  at: number,
  newest: number,
  before: number,
  longBefore: number,
): void {
  view.setUint32(at, newest);
  view.setUint32(at + 4, before);
  view.setUint32(at + 8, longBefore);
}

/** Whether the receipt at `at` says that `sequence` arrived. */
export function isReceived(view: DataView, at: number, sequence: number): boolean {
  const age = (view.getUint32(at) - sequence) >>> 0;
  if (age === 0) return true;
  if (age > 64) return false;
  const word = view.getUint32(at + (age <= 32 ? 4 : 8));
  return ((word >>> ((age - 1) & 31)) & 1) === 1;
}

/** `low` and `high` are the element's halves as a little-endian machine reads them. */
export function writeUpdateRecord(
  view: DataView,
  at: number,
  element: number,
  low: number,
  high: number,
): void {
  view.setUint32(at, element);
  view.setUint32(at + 4, low, true);
  view.setUint32(at + 8, high, true);
}

export interface ZooRouteRepr {
  readonly type: number;
  readonly version: number;
  readonly modes: number;
  readonly role: number;
  readonly ctl: number;
  readonly isLast: boolean;
  readonly sequence: number;
  readonly source: Ipv6Address;
  readonly backend: Mac;
  /** Reflect Data and receipt, or records. */
  readonly body: Uint8Array;
}

export function parseZooRoute(bytes: Bytes, at: number, length: number): ZooRouteRepr | WireReject {
  const reject = checkZooRoute(bytes.view, at, length);
  if (reject !== undefined) return reject;
  const header = new ZooRouteView();
  header.aim(bytes, at, length);
  const { type, version, modes, role, ctl, isLast, sequence, source, backend } = header;
  const body = bytes.u8.slice(header.bodyAt, header.bodyAt + header.bodyLength);
  return { type, version, modes, role, ctl, isLast, sequence, source, backend, body };
}

/** Returns the length of the packet. */
export function emitZooRoute(repr: ZooRouteRepr, bytes: Bytes, at: number): number {
  const { type, modes, role, ctl, sequence, source, backend, version, body } = repr;
  const length = ZOOROUTE_HEADER_BYTES + body.length;
  const mode = offeredMode(modes, role);
  writeZooRouteHeader(bytes.view, at, type, mode, ctl, length, sequence, source, backend, version);
  if (repr.isLast) markLast(bytes.view, at);
  bytes.u8.set(body, at + ZOOROUTE_HEADER_BYTES);
  return length;
}
