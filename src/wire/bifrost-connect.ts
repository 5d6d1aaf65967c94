// The connection establishment header, 12 bytes (BIFROST §C.2, figure C3), for request, response, reset and close:
//
//   Pkt Type 8 | Version 4 | CC Type 4 | Thread ID 8 | Reserved 8
//   Local CID 32 | Destination CID 32
//
// What the paper leaves open, decided here:
// - Reserved carries feature bits: what the end that sends the packet can receive. A feature is used when both
//   ends have it; unknown bits are ignored, so that a newer end can offer more.
// - Request and response append the vNIC pair's inner MACs, source then destination, each as the sender of the
//   packet sees it: a connection belongs to a pair of vNICs (BIFROST §4.4) and the header alone does not say which.
// - Thread ID asks the peer to send to that core (BIFROST §5.2). It is the top byte of Local CID, so that every packet that
//   the peer sends to this CID says it. The paper signals it by the UDP source port too; here the source port already
//   names the path.
// - CID 0 names no connection: it stands in a request for the peer's CID, not known yet. A reset carries the CID
//   that was found unknown as Destination CID, and whatever Local CID its sender likes; it has no MACs, since who
//   does not know a CID does not know its vNICs.
// - A close has a reason in Reserved. It names the CIDs of the connection that is over, its sender's as Local CID; as an
//   answer to a request that cannot be met it has Local CID 0, since its sender has no connection. No MACs.
// - The layout is that of all versions (bifrost-types.ts).

import type { Bytes } from '../base/bytes.ts';
import type { Mac } from './address.ts';
import { readMac, writeMac } from './address.ts';
import {
  BIFROST_VERSION,
  bifrostVersion,
  checkCommon,
  PACKET_CLOSE,
  PACKET_CONNECTION_REQUEST,
  PACKET_CONNECTION_RESPONSE,
  PACKET_RESET,
  readCcType,
  writeFirstWord,
} from './bifrost-types.ts';
import type { WireReject } from './reject.ts';

/** A reset or close; the MACs of request and response come on top. */
export const CONNECT_HEADER_BYTES = 12;
export const CONNECT_PACKET_BYTES = CONNECT_HEADER_BYTES + 12;

/** Takes frames of many packets with their virtio_net_hdr. */
export const FEATURE_SUPER_FRAMES = 0x01;
/** Obeys overlay pause frames (overlay-pause.ts). */
export const FEATURE_PAUSES = 0x02;

/** Reasons of a close. Not used for long: it is opened again when it is needed. */
export const CLOSE_IDLE = 1;
/** The host's agent stops; another may take its place. */
export const CLOSE_STOPPED = 2;
/** The vNICs that a request names are not configured here. */
export const CLOSE_UNKNOWN_PAIR = 3;
/** There is no version that both ends speak. */
export const CLOSE_NO_VERSION = 4;

export type ConnectPacketType =
  | typeof PACKET_CONNECTION_REQUEST
  | typeof PACKET_CONNECTION_RESPONSE
  | typeof PACKET_RESET
  | typeof PACKET_CLOSE;

const THREAD = 2;
const FEATURES = 3;
const LOCAL_CID = 4;
const DESTINATION_CID = 8;
const SOURCE_MAC = 12;
const DESTINATION_MAC = 18;

export function checkConnectHeader(view: DataView, at: number, length: number): WireReject | undefined {
  const reject = checkCommon(view, at, length, CONNECT_HEADER_BYTES);
  if (reject !== undefined) return reject;
  const type = view.getUint8(at);
  const localCid = view.getUint32(at + LOCAL_CID);
  const destinationCid = view.getUint32(at + DESTINATION_CID);
  switch (type) {
    case PACKET_RESET:
    case PACKET_CLOSE:
      return destinationCid === 0 ? 'bad-field' : undefined;
    case PACKET_CONNECTION_REQUEST:
    case PACKET_CONNECTION_RESPONSE:
      if (length < CONNECT_PACKET_BYTES) return 'too-short';
      if (localCid === 0) return 'bad-field';
      return type === PACKET_CONNECTION_RESPONSE && destinationCid === 0 ? 'bad-field' : undefined;
    default:
      return 'bad-type';
  }
}

export class ConnectHeaderView {
  private view!: DataView;
  private at = 0;

  aim(bytes: Bytes, at: number, length: number): boolean {
    if (checkConnectHeader(bytes.view, at, length) !== undefined) return false;
    this.view = bytes.view;
    this.at = at;
    return true;
  }

  get type(): ConnectPacketType {
    return this.view.getUint8(this.at) as ConnectPacketType;
  }
  get version(): number {
    return bifrostVersion(this.view, this.at);
  }
  get ccType(): number {
    return readCcType(this.view, this.at);
  }
  get threadId(): number {
    return this.view.getUint8(this.at + THREAD);
  }
  /** FEATURE_… bits, unknown ones among them. */
  get features(): number {
    return this.view.getUint8(this.at + FEATURES);
  }
  /** Of a close: one of CLOSE_…, or what a newer end means by it. */
  get reason(): number {
    return this.view.getUint8(this.at + FEATURES);
  }
  get localCid(): number {
    return this.view.getUint32(this.at + LOCAL_CID);
  }
  get destinationCid(): number {
    return this.view.getUint32(this.at + DESTINATION_CID);
  }
  /** The vNIC of the end that sent the packet; not in a reset. */
  get sourceMac(): Mac {
    return readMac(this.view, this.at + SOURCE_MAC);
  }
  /** The vNIC of the end that receives it; not in a reset. */
  get destinationMac(): Mac {
    return readMac(this.view, this.at + DESTINATION_MAC);
  }
}

/** Writes the twelve bytes of figure C3, which are a whole reset, or with a reason for `features` a whole close. */
export function writeConnectHeader(
  view: DataView,
  at: number,
  type: ConnectPacketType,
  threadId: number,
  features: number,
  localCid: number,
  destinationCid: number,
  ccType: number,
  version = BIFROST_VERSION,
): void {
  writeFirstWord(view, at, type, version, ccType, (threadId << 8) | features);
  view.setUint32(at + LOCAL_CID, localCid);
  view.setUint32(at + DESTINATION_CID, destinationCid);
}

/** Appends the vNIC pair to a request or response. */
export function writeConnectMacs(view: DataView, at: number, sourceMac: Mac, destinationMac: Mac): void {
  writeMac(view, at + SOURCE_MAC, sourceMac);
  writeMac(view, at + DESTINATION_MAC, destinationMac);
}

interface ConnectFields {
  readonly version: number;
  readonly ccType: number;
  readonly threadId: number;
  readonly features: number;
  readonly localCid: number;
  readonly destinationCid: number;
}

export type ConnectRepr =
  | (ConnectFields & {
      readonly type: typeof PACKET_CONNECTION_REQUEST | typeof PACKET_CONNECTION_RESPONSE;
      readonly sourceMac: Mac;
      readonly destinationMac: Mac;
    })
  | (ConnectFields & { readonly type: typeof PACKET_RESET | typeof PACKET_CLOSE });

export function parseConnect(bytes: Bytes, at: number, length: number): ConnectRepr | WireReject {
  const reject = checkConnectHeader(bytes.view, at, length);
  if (reject !== undefined) return reject;
  const header = new ConnectHeaderView();
  header.aim(bytes, at, length);
  const { type, version, ccType, threadId, features, localCid, destinationCid } = header;
  const fields = { version, ccType, threadId, features, localCid, destinationCid };
  if (type === PACKET_RESET || type === PACKET_CLOSE) return { type, ...fields };
  return { type, ...fields, sourceMac: header.sourceMac, destinationMac: header.destinationMac };
}

/** Returns the number of bytes written, 12 or 24. */
export function emitConnect(repr: ConnectRepr, bytes: Bytes, at: number): number {
  const { type, threadId, features, localCid, destinationCid, ccType, version } = repr;
  writeConnectHeader(bytes.view, at, type, threadId, features, localCid, destinationCid, ccType, version);
  if (!('sourceMac' in repr)) return CONNECT_HEADER_BYTES;
  writeConnectMacs(bytes.view, at, repr.sourceMac, repr.destinationMac);
  return CONNECT_PACKET_BYTES;
}
