// Where things lie in the memory that a native endpoint shares with the agent (Backdraft §4.1, §4.2). As in sessions (shm/)
// each side has a half that it alone can write and the other only reads, and both are laid out alike: doorbells, a pool of
// data rings, the consumer's words for the other side's rings, and packet slots. A ring's producer has its first line and
// its records in its own half; its consumer has a line in the other.

import type { RingPlace } from '../shm/layout.ts';

/** Backdraft §4.2: rings of a fixed size, of which queues are made. */
export const RING_RECORDS = 64;
/** A packet's place in its half in bytes, and its length; or the next ring and LINK. */
export const RECORD_WORDS = 2;
/** Of a record's length: the queue goes on in the ring that its first word names. */
export const LINK = 0x8000_0000;

/** A doorbell: what it says and of which flow or queue, and up to three words more. */
export const BELL_WORDS = 4;

/** In front of a frame, as for every vNIC: its virtio_net_hdr. It leaves IP headers at multiples of four. */
export const FRAME_AT = 10;

const LINE_WORDS = 16;
const PAGE_BYTES = 4096;
/** In the first line of a ring: its producer's index and how often it asked for room, and what its flow is. */
export const TAIL = 0;
export const ROOM = 1;
export const KEY = 4;
export const KEY_WORDS = 11;
const FIRST_RECORD = LINE_WORDS;

const MAX_RINGS = 1 << 14;
const MAX_SLOTS = 1 << 16;
const MAX_SLOT_BYTES = 1 << 16;

export interface VnicShape {
  /** Data rings each way, and as many flows. */
  readonly rings: number;
  /** Packets that either half has room for. */
  readonly slots: number;
  /** Of a packet with its virtio_net_hdr. */
  readonly slotBytes: number;
}

/** In words from the beginning of a half, but for what is said to be in bytes. */
export interface VnicLayout {
  readonly shape: VnicShape;
  readonly bells: RingPlace;
  /** Asked by whoever needs packet slots back. */
  readonly slotsAsked: number;
  readonly rings: number;
  readonly heads: number;
  readonly slotsBytesAt: number;
  readonly halfBytes: number;
}

export function vnicLayout(shape: VnicShape): VnicLayout {
  const { rings, slots, slotBytes } = shape;
  const bellRecords = bellsOf(rings);
  const bells: RingPlace = {
    recordWords: BELL_WORDS,
    records: bellRecords,
    tail: 0,
    room: 2 * LINE_WORDS,
    head: 4 * LINE_WORDS,
    arm: 6 * LINE_WORDS,
    slots: 10 * LINE_WORDS,
  };
  const ringsAt = bells.slots + bellRecords * BELL_WORDS;
  const heads = ringsAt + rings * RING_WORDS;
  const slotsBytesAt = Math.ceil(((heads + rings * LINE_WORDS) * 4) / PAGE_BYTES) * PAGE_BYTES;
  return {
    shape,
    bells,
    slotsAsked: 8 * LINE_WORDS,
    rings: ringsAt,
    heads,
    slotsBytesAt,
    halfBytes: Math.ceil((slotsBytesAt + slots * slotBytes) / PAGE_BYTES) * PAGE_BYTES,
  };
}

/** Of a ring in its producer's half. */
export const RING_WORDS = FIRST_RECORD + RING_RECORDS * RECORD_WORDS;

/** Of the record with this index, counted from the ring's beginning. */
export function recordAt(ringAt: number, index: number): number {
  return ringAt + FIRST_RECORD + (index & (RING_RECORDS - 1)) * RECORD_WORDS;
}

export function ringAt({ rings }: VnicLayout, ring: number): number {
  return rings + ring * RING_WORDS;
}

/** The consumer's index of the other side's ring. */
export function headAt({ heads }: VnicLayout, ring: number): number {
  return heads + ring * LINE_WORDS;
}

/** Room for a frame and its header, on lines of its own; an odd number of them, for slots to lie in all sets of a cache. */
export function slotBytesFor(frameBytes: number): number {
  return (Math.ceil((FRAME_AT + frameBytes) / 64) | 1) * 64;
}

/** Whether a shape that was told can be: the other side may have made it up. */
export function isVnicShape({ rings, slots, slotBytes }: VnicShape): boolean {
  return (
    isWhole(rings, 1, MAX_RINGS) &&
    isWhole(slots, 1, MAX_SLOTS) &&
    isWhole(slotBytes, 64, MAX_SLOT_BYTES) &&
    slotBytes % 64 === 0
  );
}

/**
 * A side that keeps to the rules leaves at most four doorbells of a flow unread and four of a queue: one for data, and what
 * is asked for it or answered.
 */
function bellsOf(rings: number): number {
  return 2 ** Math.ceil(Math.log2(8 * rings));
}

function isWhole(value: number, least: number, most: number): boolean {
  return Number.isInteger(value) && value >= least && value <= most;
}
