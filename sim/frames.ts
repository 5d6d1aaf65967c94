// Frames that prove what happened to them: numbered, with contents that follow from the number, so that whoever
// receives one knows that it is whole, unchanged, and the next.

import { SeededRng } from '../src/base/rng.ts';
import { PIECE_LAST, PIECE_LENGTH_MASK, type PieceList } from '../src/packet/pieces.ts';
import type { Region } from '../src/packet/region.ts';

/** virtio_net_hdr and Ethernet header; and a 64 KB IP packet with a VLAN tag. */
export const MIN_FRAME_BYTES = 10 + 14;
export const MAX_FRAME_BYTES = 10 + 18 + 65_535;

/** Where the number lies: behind the virtio_net_hdr. */
const NUMBER_AT = 10;
const PATTERN_STEPS = 4093;

const pattern = randomBytes(MAX_FRAME_BYTES + PATTERN_STEPS);

function randomBytes(length: number): Uint8Array {
  const rng = new SeededRng(0x5e1);
  return Uint8Array.from({ length }, () => rng.u32() & 255);
}

export function writeFrame(region: Region, at: number, length: number, number: number): void {
  const start = number % PATTERN_STEPS;
  region.bytes.u8.set(pattern.subarray(start, start + length), at);
  region.bytes.view.setUint32(at + NUMBER_AT, number);
}

/** Bytes `from` to `to` of a frame that lies at `frame` and has its pattern from `start` on. */
function checkBytes(
  u8: Uint8Array,
  frame: number,
  start: number,
  from: number,
  to: number,
  number: number,
): void {
  for (let i = from; i < to; i++) {
    if (u8[frame + i] === pattern[start + i]) continue;
    if (i < NUMBER_AT || i >= NUMBER_AT + 4) throw new Error(`byte ${i} of frame ${number} was changed`);
  }
}

/** The frame whose first piece is piece `from`. */
export interface ReceivedFrame {
  readonly number: number;
  readonly length: number;
  readonly pieces: number;
}

/** Reads a frame back and throws when any byte of it is not what was written. */
export function readFrame(region: Region, frames: PieceList, from: number): ReceivedFrame {
  const { u8, view } = region.bytes;
  const { words } = frames;
  const first = words[from * 2]!;
  const number = view.getUint32(first + NUMBER_AT);
  const start = number % PATTERN_STEPS;
  let length = 0;
  let piece = from;
  let last = false;
  while (!last) {
    const offset = words[piece * 2]!;
    const word = words[piece * 2 + 1]!;
    last = (word & PIECE_LAST) !== 0;
    const end = length + (word & PIECE_LENGTH_MASK);
    checkBytes(u8, offset - length, start, length, end, number);
    length = end;
    piece++;
  }
  return { number, length, pieces: piece - from };
}
