// What all BIFROST headers share (BIFROST §C): packet type, version and congestion control type, in the first 16
// bits. The paper names no values; these are ours, version 1. The pause frame (overlay-pause.ts) shares them, too.
//
// Versions are negotiated (BIFROST §5.3). A request has the newest version that its sender speaks, a response the one
// that the connection will have: the highest of both ends. So connection packets (request, response, reset, close) must
// be understood whatever their version, and have one layout in all of them; data, acknowledgements and pauses have the
// version of their connection.

import type { WireReject } from './reject.ts';

export const BIFROST_VERSION = 1;

/** Versions that an end speaks. */
export interface VersionRange {
  readonly oldest: number;
  readonly newest: number;
}

export const SPOKEN_VERSIONS: VersionRange = { oldest: BIFROST_VERSION, newest: BIFROST_VERSION };

export const PACKET_DATA = 1;
export const PACKET_ACK = 2;
export const PACKET_CONNECTION_REQUEST = 3;
export const PACKET_CONNECTION_RESPONSE = 4;
/** "I do not know that CID": lets a peer whose connection outlived ours open a new one at once. */
export const PACKET_RESET = 5;
/**
 * "This connection is over", or "there will be none", and why. The paper has no such packet, and peers of a host that
 * stops would have to find out by timeouts. The receiver of a close that names both CIDs answers with one.
 */
export const PACKET_CLOSE = 6;
/** "Pause this flow" (Backdraft §4.3). Of its connection's version, like data. */
export const PACKET_PAUSE = 7;

/** CC Type: a window of constant size; no control but the send window's; Swift; a program of the control plane's. */
export const CC_CONSTANT_WINDOW = 0;
export const CC_NONE = 1;
export const CC_SWIFT = 2;
export const CC_PROGRAM = 3;
/** As configuration files name them. */
export const CC_NAMES = ['constant', 'none', 'swift', 'program'] as const;

export const MAX_PATH_ID = 7;

/** Thread IDs have eight bits (BIFROST §C.2), and so many lead a CID: whoever sends to it names the thread (§5.2). */
const CID_THREAD_SHIFT = 24;

const TYPE = 0;
const VERSION_AND_CC = 1;

/** The data thread that a CID belongs to, on the host that gave it out. */
export function threadOfCid(cid: number): number {
  return cid >>> CID_THREAD_SHIFT;
}

/** `number` has 24 bits. */
export function cidOfThread(threadId: number, number: number): number {
  return ((threadId << CID_THREAD_SHIFT) | number) >>> 0;
}

/** The packet type of a BIFROST packet of any version, or 0 where there is none of a known type. */
export function bifrostPacketType(view: DataView, at: number, length: number): number {
  if (length < 4 || bifrostVersion(view, at) === 0) return 0;
  const type = view.getUint8(at + TYPE);
  return type >= PACKET_DATA && type <= PACKET_PAUSE ? type : 0;
}

/** Of a packet of four bytes at least. */
export function bifrostVersion(view: DataView, at: number): number {
  return view.getUint8(at + VERSION_AND_CC) >> 4;
}

export function checkCommon(
  view: DataView,
  at: number,
  length: number,
  headerBytes: number,
): WireReject | undefined {
  if (length < headerBytes) return 'too-short';
  return bifrostVersion(view, at) === 0 ? 'bad-version' : undefined;
}

export function readCcType(view: DataView, at: number): number {
  return view.getUint8(at + VERSION_AND_CC) & 15;
}

/** Writes the first 32 bits; `rest` is the lower half, which differs by packet type. */
export function writeFirstWord(
  view: DataView,
  at: number,
  type: number,
  version: number,
  ccType: number,
  rest: number,
): void {
  view.setInt32(at, (type << 24) | (version << 20) | (ccType << 16) | rest);
}
