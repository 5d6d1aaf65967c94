// The data packet header, 16 bytes (BIFROST §C.1, figure C2):
//
//   Pkt Type 8 | Version 4 | CC Type 4 | se ack dir ece ret | Path ID 3 | Reserved 8
//   Packet Sequence Number 32 | Destination CID 32 | Timestamp Value 32
//
// What the paper leaves open, decided here:
// - Reserved: 0x80 FIRST and 0x40 LAST packet of a frame. Offload frames of up to 64 KB cross as one message of
//   many packets and come out as one frame, so that the guest's stack runs once per 64 KB; the first packet carries
//   the ten bytes of virtio_net_hdr before the inner Ethernet header. A frame in one packet has both. The other six
//   bits are sent as zero and ignored.
// - se: a path probe or keepalive. It has no payload and takes no PSN (its PSN field only labels it), or else an
//   unanswered probe would be a gap in the sequence.
// - ack: an acknowledgement is required. dir: 0 from the end that requested the connection, 1 towards it. ece: the
//   sender takes part in ECN. ret: sent before, on this or another path.
// - Timestamp Value: microseconds of the sender's clock, modulo 2^32, when this copy left. Nobody else reads it as
//   a time; it comes back as Timestamp Echo.

import type { Bytes } from '../base/bytes.ts';
import {
  BIFROST_VERSION,
  CC_CONSTANT_WINDOW,
  checkCommon,
  MAX_PATH_ID,
  PACKET_DATA,
  readCcType,
  writeFirstWord,
} from './bifrost-types.ts';
import type { WireReject } from './reject.ts';

export const DATA_HEADER_BYTES = 16;

// Flags as they lie in the lower half of the first word; Path ID is the hole at 0x0700.
export const DATA_SPECIAL = 0x8000;
export const DATA_ACK_REQUIRED = 0x4000;
export const DATA_TO_REQUESTER = 0x2000;
export const DATA_ECN = 0x1000;
export const DATA_RETRANSMITTED = 0x0800;
export const DATA_FIRST = 0x0080;
export const DATA_LAST = 0x0040;

const ALL_FLAGS = 0xf8c0;
const PATH_SHIFT = 8;
const FLAGS = 2;
const PSN = 4;
const CID = 8;
const TIMESTAMP = 12;

export function checkDataHeader(view: DataView, at: number, length: number): WireReject | undefined {
  const reject = checkCommon(view, at, length, DATA_HEADER_BYTES);
  if (reject !== undefined) return reject;
  return view.getUint8(at) === PACKET_DATA ? undefined : 'bad-type';
}

export class DataHeaderView {
  private view!: DataView;
  private at = 0;
  private length = 0;

  aim(bytes: Bytes, at: number, length: number): boolean {
    if (checkDataHeader(bytes.view, at, length) !== undefined) return false;
    this.view = bytes.view;
    this.at = at;
    this.length = length;
    return true;
  }

  get ccType(): number {
    return readCcType(this.view, this.at);
  }
  /** The DATA_… bits that are set. */
  get flags(): number {
    return this.view.getUint16(this.at + FLAGS) & ALL_FLAGS;
  }
  get pathId(): number {
    return (this.view.getUint16(this.at + FLAGS) >> PATH_SHIFT) & MAX_PATH_ID;
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
  get payloadAt(): number {
    return this.at + DATA_HEADER_BYTES;
  }
  get payloadLength(): number {
    return this.length - DATA_HEADER_BYTES;
  }
}

/** `flags` are DATA_… bits. */
export function writeDataHeader(
  view: DataView,
  at: number,
  pathId: number,
  flags: number,
  psn: number,
  destinationCid: number,
  timestampMicros: number,
  ccType = CC_CONSTANT_WINDOW,
  version = BIFROST_VERSION,
): void {
  writeFirstWord(view, at, PACKET_DATA, version, ccType, flags | (pathId << PATH_SHIFT));
  view.setUint32(at + PSN, psn);
  view.setUint32(at + CID, destinationCid);
  view.setUint32(at + TIMESTAMP, timestampMicros);
}

export interface DataHeaderRepr {
  readonly ccType: number;
  readonly flags: number;
  readonly pathId: number;
  readonly psn: number;
  readonly destinationCid: number;
  readonly timestampMicros: number;
}

export function parseDataHeader(bytes: Bytes, at: number, length: number): DataHeaderRepr | WireReject {
  const reject = checkDataHeader(bytes.view, at, length);
  if (reject !== undefined) return reject;
  const header = new DataHeaderView();
  header.aim(bytes, at, length);
  const { ccType, flags, pathId, psn, destinationCid, timestampMicros } = header;
  return { ccType, flags, pathId, psn, destinationCid, timestampMicros };
}

export function emitDataHeader(repr: DataHeaderRepr, bytes: Bytes, at: number): number {
  const { ccType, flags, pathId, psn, destinationCid, timestampMicros } = repr;
  writeDataHeader(bytes.view, at, pathId, flags, psn, destinationCid, timestampMicros, ccType);
  return DATA_HEADER_BYTES;
}
