// What all BIFROST headers share (BIFROST §C): packet type, version and congestion control type, in the first 16
// bits. The paper names no values; these are ours, version 1.

import type { WireReject } from './reject.ts';

export const BIFROST_VERSION = 1;

export const PACKET_DATA = 1;
export const PACKET_ACK = 2;
export const PACKET_CONNECTION_REQUEST = 3;
export const PACKET_CONNECTION_RESPONSE = 4;
/** "I do not know that CID": lets a peer whose connection outlived ours open a new one at once. */
export const PACKET_RESET = 5;

/** CC Type: a window of constant size; no control but the send window's; Swift. */
export const CC_CONSTANT_WINDOW = 0;
export const CC_NONE = 1;
export const CC_SWIFT = 2;
/** As configuration files name them. */
export const CC_NAMES = ['constant', 'none', 'swift'] as const;

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

/** The packet type of a BIFROST packet, or 0 where there is none of a known type and version. */
export function bifrostPacketType(view: DataView, at: number, length: number): number {
  if (length < 4 || view.getUint8(at + VERSION_AND_CC) >> 4 !== BIFROST_VERSION) return 0;
  const type = view.getUint8(at + TYPE);
  return type >= PACKET_DATA && type <= PACKET_RESET ? type : 0;
}

export function checkCommon(
  view: DataView,
  at: number,
  length: number,
  headerBytes: number,
): WireReject | undefined {
  if (length < headerBytes) return 'too-short';
  return view.getUint8(at + VERSION_AND_CC) >> 4 === BIFROST_VERSION ? undefined : 'bad-version';
}

export function readCcType(view: DataView, at: number): number {
  return view.getUint8(at + VERSION_AND_CC) & 15;
}

/** Writes the first 32 bits; `rest` is the lower half, which differs by packet type. */
export function writeFirstWord(view: DataView, at: number, type: number, ccType: number, rest: number): void {
  view.setInt32(at, (type << 24) | (BIFROST_VERSION << 20) | (ccType << 16) | rest);
}
