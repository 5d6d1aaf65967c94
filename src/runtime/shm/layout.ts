// Where things lie in the memory of a session. Each side has a half that it alone can write and the other only reads, and
// both halves are laid out alike: for each ring the words of its producer, the words of its consumer, and room for its
// records. A ring's producer uses the first and the last in its own half, its consumer the second in its own. So no
// word has two writers, and what a side has written nobody else can change.

/** The words that different sides write, or that change at different rates, lie on lines of their own, and processors fetch two. */
const LINE_WORDS = 32;
const PAGE_BYTES = 4096;

const MAX_FLOWS = 64;
const MAX_RECORD_BYTES = 8192;
const MAX_RECORDS = 65_536;
const MAX_HALF_BYTES = 64 * 1024 * 1024;
/** Blocks of a heap that may be in use at once: each may be given back, and a ring holds what is given back. */
export const MAX_BLOCKS = 4096;

/** Doorbells name a ring. */
export const RETURNS_RING = 0;
export const FIRST_FLOW_RING = 1;

export interface SessionShape {
  /** Pairs of data queues. */
  readonly flows: number;
  readonly recordWords: number;
  /** Records that a data queue holds; a power of two. */
  readonly records: number;
}

/** Where a ring's parts are in either half, in words. */
export interface RingPlace {
  readonly recordWords: number;
  readonly records: number;
  /** Written by the producer: how many records it has put in, and how often it has asked for room. */
  readonly tail: number;
  readonly room: number;
  /** Written by the consumer: how many records it has taken out, and how often it has gone to sleep. */
  readonly head: number;
  readonly arm: number;
  readonly slots: number;
}

export interface SessionLayout {
  /** Doorbells: numbers of rings. Backdraft §4.1 */
  readonly bells: RingPlace;
  /** Addresses of heap blocks that the other side lent and gets back: ring 0. */
  readonly returns: RingPlace;
  /** Ring 1 and up. */
  readonly flows: readonly RingPlace[];
  readonly halfBytes: number;
}

export function layoutOf({ flows, recordWords, records }: SessionShape): SessionLayout {
  let next = 0;
  const place = (recordWords: number, records: number): RingPlace => {
    const start = next;
    const slots = start + 4 * LINE_WORDS;
    next = slots + Math.ceil((recordWords * records) / LINE_WORDS) * LINE_WORDS;
    return {
      recordWords,
      records,
      tail: start,
      room: start + LINE_WORDS,
      head: start + 2 * LINE_WORDS,
      arm: start + 3 * LINE_WORDS,
      slots,
    };
  };
  // A side that keeps to the rules leaves at most two doorbells of a ring unanswered for records, and two for room.
  const bells = place(1, powerOfTwo(4 * (flows + FIRST_FLOW_RING)));
  const data = Array.from({ length: flows }, () => place(recordWords, records));
  const returns = place(1, MAX_BLOCKS);
  return { bells, returns, flows: data, halfBytes: Math.ceil((next * 4) / PAGE_BYTES) * PAGE_BYTES };
}

/** What is wrong with a shape, as the end of a sentence; undefined when nothing is. */
export function shapeComplaint({ flows, recordWords, records }: SessionShape): string | undefined {
  if (!isWhole(flows, 1, MAX_FLOWS)) return `flows is not a whole number from 1 to ${MAX_FLOWS}`;
  if (!isWhole(recordWords, 1, MAX_RECORD_BYTES / 4)) {
    return `recordBytes is not a multiple of 4 from 4 to ${MAX_RECORD_BYTES}`;
  }
  if (!isWhole(records, 2, MAX_RECORDS) || records !== powerOfTwo(records)) {
    return `records is not a power of two from 2 to ${MAX_RECORDS}`;
  }
  return layoutOf({ flows, recordWords, records }).halfBytes > MAX_HALF_BYTES
    ? `flows × records × recordBytes is more than ${MAX_HALF_BYTES / 1024 / 1024} MB`
    : undefined;
}

function isWhole(value: number, least: number, most: number): boolean {
  return Number.isInteger(value) && value >= least && value <= most;
}

/** The next power of two, at least 2. */
function powerOfTwo(value: number): number {
  let power = 2;
  while (power < value) power *= 2;
  return power;
}
