// Drives a direction of an emulated link through a load in virtual time and says what became of each packet.
import { Direction } from './direction.ts';
import { MARKED } from './packets.ts';
import type { DirectionParameters } from './parameters.ts';

export interface Arrival {
  readonly at: number;
  readonly bytes: number;
  readonly flow?: number;
  readonly isMarkable?: boolean;
}

export interface Outcome {
  readonly direction: Direction;
  /** The numbers of the arrivals, in the order in which they came out. */
  readonly out: readonly { readonly number: number; readonly at: number; readonly isMarked: boolean }[];
}

export const UNLIMITED = { packets: Number.POSITIVE_INFINITY, bytes: Number.POSITIVE_INFINITY };

export function parameters(changes: Partial<DirectionParameters> = {}): DirectionParameters {
  return {
    delayMicros: 0,
    jitterMicros: 0,
    lossPpm: 0,
    link: { bitsPerSecond: Number.POSITIVE_INFINITY },
    discipline: 'fifo',
    limit: { packets: 1000, bytes: Number.POSITIVE_INFINITY },
    ecn: false,
    markAbove: UNLIMITED,
    ...changes,
  };
}

/** Arrivals in order of time. With `alsoAt` the link is looked at then, too, which must change nothing. */
export function drive(
  wanted: DirectionParameters,
  arrivals: readonly Arrival[],
  { slots = 4096, seed = 1, alsoAt = [] as readonly number[] } = {},
): Outcome {
  const direction = new Direction(slots, wanted, seed);
  direction.begin(0);
  const numbers = new Map<number, number>();
  const out: { number: number; at: number; isMarked: boolean }[] = [];
  const drain = (until: number) => {
    for (
      let due = direction.nextDue;
      due <= until && due < Number.POSITIVE_INFINITY;
      due = direction.nextDue
    ) {
      direction.advance(due);
      for (let slot = direction.take(due); slot >= 0; slot = direction.take(due)) {
        out.push({ number: numbers.get(slot)!, at: due, isMarked: direction.pool.mark[slot] === MARKED });
      }
    }
  };
  const looks = [...alsoAt].sort((a, b) => a - b);
  arrivals.forEach(({ at, bytes, flow, isMarkable }, number) => {
    while (looks.length > 0 && looks[0]! < at) {
      const look = looks.shift()!;
      drain(look);
      direction.advance(look);
    }
    drain(at);
    const slot = direction.freeSlot;
    const before = direction.pool.held;
    direction.arrive(at, bytes, flow, isMarkable);
    if (slot >= 0 && (direction.pool.held > before || direction.pool.freeSlot !== slot))
      numbers.set(slot, number);
  });
  drain(Number.MAX_VALUE);
  return { direction, out };
}

/** Arrivals with these times between them. */
export function spaced(
  gaps: readonly (Omit<Arrival, 'at'> & { readonly gap: number })[],
  from = 0,
): Arrival[] {
  let at = from;
  return gaps.map(({ gap, ...arrival }) => {
    at += gap;
    return { at, ...arrival };
  });
}

/** A packet every so many microseconds. */
export function steady(
  count: number,
  gapMicros: number,
  { bytes = 1514, flow = 0, from = 0, isMarkable = false } = {},
): Arrival[] {
  return Array.from({ length: count }, (_, i) => ({ at: from + i * gapMicros, bytes, flow, isMarkable }));
}

export function inOrder(...loads: readonly (readonly Arrival[])[]): Arrival[] {
  return loads.flat().sort((a, b) => a.at - b.at);
}
