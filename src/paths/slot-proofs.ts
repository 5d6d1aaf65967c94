// What proves that a slot works. A round trip counts by when it began: what was acknowledged before is no news, since the slot
// may be dead now, or the packet be one that somebody sent again. `at` is a slot of a peer in the order of the path table.

import { type Columns, columnsOf } from '../base/columns.ts';

const COLUMNS = {
  /** When the newest packet was sent that is known to have gone there and back, and when one last came back. */
  provenAt: Float64Array,
  heardAt: Float64Array,
  /** When the peer last asked after it, and when we did because of that. */
  askedAt: Float64Array,
  doubtedAt: Float64Array,
} as const;

/** A slot that works is asked after less often than this, and looked at for the peer's doubts no more often. */
const DOUBT_MICROS = 100_000;

export type SlotProofsState = Columns<typeof COLUMNS>;

export class SlotProofs {
  private columns: SlotProofsState;

  constructor(old?: SlotProofsState) {
    this.columns = old ?? columnsOf(COLUMNS, 0);
  }

  save(): SlotProofsState {
    return this.columns;
  }

  grow(slots: number): void {
    this.columns = columnsOf(COLUMNS, slots, this.columns);
  }

  /** Whether a round trip that began at `sentMicros` is a newer proof than there was. */
  isNews(at: number, sentMicros: number, nowMicros: number): boolean {
    const { provenAt, heardAt } = this.columns;
    if (sentMicros <= provenAt[at]!) return false;
    provenAt[at] = sentMicros;
    heardAt[at] = nowMicros;
    return true;
  }

  /** The slot uses another source port: what left before went another way. */
  rebind(at: number, nowMicros: number): void {
    this.columns.provenAt[at] = nowMicros;
  }

  /** The peer's slot of this number is alive. */
  onHeard(at: number, nowMicros: number): void {
    this.columns.heardAt[at] = nowMicros;
  }

  /** The peer asked after the slot. True when it does so in a hurry: our way there may be what it misses. */
  isDoubted(at: number, nowMicros: number): boolean {
    const { askedAt, doubtedAt } = this.columns;
    const isHasty = nowMicros - askedAt[at]! < DOUBT_MICROS;
    askedAt[at] = nowMicros;
    if (!isHasty || nowMicros - doubtedAt[at]! < DOUBT_MICROS) return false;
    doubtedAt[at] = nowMicros;
    return true;
  }

  heardMicros(at: number): number {
    return this.columns.heardAt[at]!;
  }
}
