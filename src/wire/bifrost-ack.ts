// The acknowledgement header, 32 bytes and up to eight words of bitmap (BIFROST §C.3, figure C4):
//
//   Pkt Type 8 | Version 4 | CC Type 4 | se 1 | Path ID 3 | Hop Count 4 | ACK Value 5 | ACK Type 3
//   Packet Sequence Number 32 | Destination CID 32 | Timestamp Value 32 | Timestamp Echo 32 | Timestamp NIC RX 32
//   Num_ACK 11 | Num_ECE 11 | PSN_bitmap_len 4 | Reserved 6
//   PSN_base 32 | PSN_bitmap[0..7] 32 each
//
// What the paper leaves open, decided here:
// - ACK Type 0 is cumulative: everything below PSN_base was received. Type 1 claims nothing below PSN_base: it
//   shows a window further up, since eight words do not cover a large window of packets.
// - Bit order: the highest bit of PSN_bitmap[0] is PSN_base, the one below it PSN_base + 1, and so on. Written out
//   in hexadecimal or binary it reads like the ACK(a|xxxx) of BIFROST §4.3, lowest PSN first.
// - PSN_bitmap_len counts 32-bit words, 0 to 8; the packet ends after them.
// - PSN, Path ID, Timestamp Echo, Timestamp NIC RX and Hop Count describe the newest data packet (or probe) that
//   arrived on that path, and the acknowledgement returns on the receiver's own slot of the same number, so that
//   every sample judges one round trip. Hop Count saturates at 15.
// - Echo is the packet's own Timestamp Value; NIC RX and Timestamp Value are microseconds of the receiver's clock,
//   when that packet arrived (t2) and when this acknowledgement left (t3), so that t3 - t2 needs no common clock.
// - ACK Value counts duplicates received since the last acknowledgement of this path, saturating at 31: the
//   sender learns how many of its retransmissions were spurious.
// - Num_ACK counts data packets received on this path since its last acknowledgement, Num_ECE how many of them
//   were marked by the network, dropped by a rate limit (BIFROST §7.1: their bits are set, they are never
//   retransmitted), or let pass by one that is about to drop. Both saturate at 2047. A rate limit judges whole frames,
//   so its count may come an acknowledgement later than the packet was counted by Num_ACK.
// - se: the answer to a probe.

import type { Bytes } from '../base/bytes.ts';
import {
  BIFROST_VERSION,
  CC_CONSTANT_WINDOW,
  checkCommon,
  MAX_PATH_ID,
  PACKET_ACK,
  readCcType,
  writeFirstWord,
} from './bifrost-types.ts';
import type { WireReject } from './reject.ts';

export const ACK_HEADER_BYTES = 32;
export const ACK_MAX_BITMAP_WORDS = 8;
export const ACK_MAX_BYTES = ACK_HEADER_BYTES + 4 * ACK_MAX_BITMAP_WORDS;

export const ACK_CUMULATIVE = 0;
export const ACK_WINDOW = 1;

export const ACK_MAX_VALUE = 31;
export const ACK_MAX_HOPS = 15;
export const ACK_MAX_COUNT = 2047;

const SPECIAL = 0x8000;
const FLAGS = 2;
const PSN = 4;
const CID = 8;
const TIMESTAMP = 12;
const ECHO = 16;
const NIC_RX = 20;
const COUNTS = 24;
const PSN_BASE = 28;
const BITMAP = 32;

function bitmapWordsAt(view: DataView, at: number): number {
  return (view.getUint32(at + COUNTS) >>> 6) & 15;
}

export function checkAck(view: DataView, at: number, length: number): WireReject | undefined {
  const reject = checkCommon(view, at, length, ACK_HEADER_BYTES);
  if (reject !== undefined) return reject;
  if (view.getUint8(at) !== PACKET_ACK || (view.getUint8(at + FLAGS + 1) & 7) > ACK_WINDOW) return 'bad-type';
  const words = bitmapWordsAt(view, at);
  return words > ACK_MAX_BITMAP_WORDS || length < ACK_HEADER_BYTES + 4 * words ? 'bad-length' : undefined;
}

export class AckView {
  private view!: DataView;
  private at = 0;

  aim(bytes: Bytes, at: number, length: number): boolean {
    if (checkAck(bytes.view, at, length) !== undefined) return false;
    this.view = bytes.view;
    this.at = at;
    return true;
  }

  get ccType(): number {
    return readCcType(this.view, this.at);
  }
  /** The answer to a probe. */
  get isSpecial(): boolean {
    return (this.view.getUint16(this.at + FLAGS) & SPECIAL) !== 0;
  }
  get pathId(): number {
    return (this.view.getUint16(this.at + FLAGS) >> 12) & MAX_PATH_ID;
  }
  get hopCount(): number {
    return (this.view.getUint16(this.at + FLAGS) >> 8) & ACK_MAX_HOPS;
  }
  get ackValue(): number {
    return (this.view.getUint16(this.at + FLAGS) >> 3) & ACK_MAX_VALUE;
  }
  get ackType(): number {
    return this.view.getUint16(this.at + FLAGS) & 7;
  }
  get psn(): number {
    return this.view.getUint32(this.at + PSN);
  }
  get destinationCid(): number {
    return this.view.getUint32(this.at + CID);
  }
  get timestampMicros(): number {
    return this.view.getUint32(this.at + TIMESTAMP);
  }
  get echoMicros(): number {
    return this.view.getUint32(this.at + ECHO);
  }
  get nicRxMicros(): number {
    return this.view.getUint32(this.at + NIC_RX);
  }
  get numAck(): number {
    return this.view.getUint32(this.at + COUNTS) >>> 21;
  }
  get numEce(): number {
    return (this.view.getUint32(this.at + COUNTS) >>> 10) & ACK_MAX_COUNT;
  }
  get bitmapWords(): number {
    return bitmapWordsAt(this.view, this.at);
  }
  get psnBase(): number {
    return this.view.getUint32(this.at + PSN_BASE);
  }
  /** `index` from 0 to below bitmapWords. */
  bitmapWord(index: number): number {
    return this.view.getUint32(this.at + BITMAP + 4 * index);
  }
  /** True when the bit of PSN_base + `index` is set; false outside of the bitmap. */
  bit(index: number): boolean {
    if (index < 0 || index >= 32 * this.bitmapWords) return false;
    return ((this.bitmapWord(index >> 5) << (index & 31)) & 0x8000_0000) !== 0;
  }
}

/** All that describes the path; writeAckWindow must follow. `isSpecial` marks the answer to a probe. */
export function writeAckHeader(
  view: DataView,
  at: number,
  pathId: number,
  isSpecial: boolean,
  hopCount: number,
  ackValue: number,
  psn: number,
  destinationCid: number,
  timestampMicros: number,
  echoMicros: number,
  nicRxMicros: number,
  ccType = CC_CONSTANT_WINDOW,
  version = BIFROST_VERSION,
): void {
  const flags = (isSpecial ? SPECIAL : 0) | (pathId << 12) | (hopCount << 8) | (ackValue << 3);
  writeFirstWord(view, at, PACKET_ACK, version, ccType, flags);
  view.setUint32(at + PSN, psn);
  view.setUint32(at + CID, destinationCid);
  view.setUint32(at + TIMESTAMP, timestampMicros);
  view.setUint32(at + ECHO, echoMicros);
  view.setUint32(at + NIC_RX, nicRxMicros);
}

/**
 * What was received: type, counts, base and `words` words of `bitmap` from `from` on, bit 31 first. Returns the
 * length of the packet. Called after writeAckHeader, whose first word it completes.
 */
export function writeAckWindow(
  view: DataView,
  at: number,
  ackType: number,
  numAck: number,
  numEce: number,
  psnBase: number,
  bitmap: Uint32Array,
  from: number,
  words: number,
): number {
  view.setUint8(at + FLAGS + 1, (view.getUint8(at + FLAGS + 1) & 0xf8) | ackType);
  view.setUint32(at + COUNTS, (numAck << 21) | (numEce << 10) | (words << 6));
  view.setUint32(at + PSN_BASE, psnBase);
  for (let i = 0; i < words; i++) view.setUint32(at + BITMAP + 4 * i, bitmap[from + i]!);
  return ACK_HEADER_BYTES + 4 * words;
}

export interface AckRepr {
  readonly ccType: number;
  readonly isSpecial: boolean;
  readonly pathId: number;
  readonly hopCount: number;
  readonly ackValue: number;
  readonly ackType: number;
  readonly psn: number;
  readonly destinationCid: number;
  readonly timestampMicros: number;
  readonly echoMicros: number;
  readonly nicRxMicros: number;
  readonly numAck: number;
  readonly numEce: number;
  readonly psnBase: number;
  /** At most eight words, bit 31 of the first is psnBase. */
  readonly bitmap: Uint32Array;
}

export function parseAck(bytes: Bytes, at: number, length: number): AckRepr | WireReject {
  const reject = checkAck(bytes.view, at, length);
  if (reject !== undefined) return reject;
  const ack = new AckView();
  ack.aim(bytes, at, length);
  return {
    ccType: ack.ccType,
    isSpecial: ack.isSpecial,
    pathId: ack.pathId,
    hopCount: ack.hopCount,
    ackValue: ack.ackValue,
    ackType: ack.ackType,
    psn: ack.psn,
    destinationCid: ack.destinationCid,
    timestampMicros: ack.timestampMicros,
    echoMicros: ack.echoMicros,
    nicRxMicros: ack.nicRxMicros,
    numAck: ack.numAck,
    numEce: ack.numEce,
    psnBase: ack.psnBase,
    bitmap: Uint32Array.from({ length: ack.bitmapWords }, (_, i) => ack.bitmapWord(i)),
  };
}

/** Returns the number of bytes written, 32 to 64. */
export function emitAck(repr: AckRepr, bytes: Bytes, at: number): number {
  const view = bytes.view;
  writeAckHeader(
    view,
    at,
    repr.pathId,
    repr.isSpecial,
    repr.hopCount,
    repr.ackValue,
    repr.psn,
    repr.destinationCid,
    repr.timestampMicros,
    repr.echoMicros,
    repr.nicRxMicros,
    repr.ccType,
  );
  const { ackType, numAck, numEce, psnBase, bitmap } = repr;
  return writeAckWindow(view, at, ackType, numAck, numEce, psnBase, bitmap, 0, bitmap.length);
}
