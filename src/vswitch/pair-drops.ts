// Frames dropped on their way through one pair of vNICs, by reason: the shares of what drops.ts counts of the whole
// switch. What belongs to no pair (a spoofed address, an unknown destination, a broadcast) is counted there only.

import type { DropReason } from './drops.ts';

export const PAIR_DROP_REASONS = [
  'malformedFrame',
  'tooLong',
  'noMemory',
  'queueFull',
  'noRing',
  'vnicFull',
  'noReceiveRing',
  'badOffload',
  'noCutMemory',
  'notAccepted',
  'overRate',
] as const satisfies readonly DropReason[];

export type PairDropReason = (typeof PAIR_DROP_REASONS)[number];

const REASONS = PAIR_DROP_REASONS.length;

export class PairDrops {
  private readonly counts: Uint32Array;

  constructor(pairs: number, old?: Uint32Array) {
    this.counts = old ?? new Uint32Array(pairs * REASONS);
  }

  save(): Uint32Array {
    return this.counts;
  }

  add(pair: number, reason: DropReason, frames: number): void {
    const column = PAIR_DROP_REASONS.indexOf(reason as PairDropReason);
    if (column >= 0) this.counts[pair * REASONS + column]! += frames;
  }

  of(pair: number, reason: PairDropReason): number {
    return this.counts[pair * REASONS + PAIR_DROP_REASONS.indexOf(reason)]!;
  }
}
