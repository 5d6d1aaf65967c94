// Copies of frames and packets as one piece of memory of their own: for devices that are memory and for middleware.

import { PACKET_WORDS } from '../packet/outbox.ts';
import { PIECE_LENGTH_MASK, type PieceList } from '../packet/pieces.ts';
import type { Region } from '../packet/region.ts';

/** A frame, virtio_net_hdr first; nobody changes its bytes any more. */
export type Frame = Uint8Array;

/** The frame of pieces `from` to `end`. */
export function gatherFrame(region: Region, frames: PieceList, from: number, end: number): Frame {
  const { words } = frames;
  let length = 0;
  for (let piece = from; piece < end; piece++) length += words[piece * 2 + 1]! & PIECE_LENGTH_MASK;
  const frame = new Uint8Array(length);
  let at = 0;
  for (let piece = from; piece < end; piece++) {
    const offset = words[piece * 2]!;
    const size = words[piece * 2 + 1]! & PIECE_LENGTH_MASK;
    frame.set(region.bytes.u8.subarray(offset, offset + size), at);
    at += size;
  }
  return frame;
}

/** Header and payload of a packet of an outbox. */
export function gatherPacket(region: Region, packets: Uint32Array, packet: number): Uint8Array {
  const { u8 } = region.bytes;
  const at = packet * PACKET_WORDS;
  const header = packets[at]!;
  const headerLength = packets[at + 1]!;
  const payload = packets[at + 2]!;
  const length = packets[at + 3]!;
  const gathered = new Uint8Array(headerLength + length);
  gathered.set(u8.subarray(header, header + headerLength));
  gathered.set(u8.subarray(payload, payload + length), headerLength);
  return gathered;
}
