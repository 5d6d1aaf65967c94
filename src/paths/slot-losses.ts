// Slots that lose some of what is sent on them: silence does not show it, and a probe seldom. What a slot sends is judged in rounds
// as ZooRoute judges probes: three bad ones of five, and it is left (ZooRoute §8). A round is long enough that losses at
// random and bursts in a full queue do not make three of them bad, and what all slots lose alike is lost at an end of
// theirs, where another way does not help. `at` is a slot of a peer in the order of the path table.

import { type Columns, columnsOf } from '../base/columns.ts';
import { areBad, remember } from './last-five.ts';

/** So many losses make a round bad, unless there are this many times as many packets: where one of a hundred is lost, never. */
const BAD_LOSSES = 6;
const BAD_ONE_OF = 16;
/** Some round trips: by then a sender that is told of losses sends less. */
const ROUND_MICROS = 5000;
const SMOOTHING = 1 / 8;

const COLUMNS = {
  /** Of the round at hand: packets known to have arrived, packets given up, and when it began. */
  arrived: Uint32Array,
  lost: Uint32Array,
  beganAt: Float64Array,
  /** The last five rounds, as last-five.ts has them. */
  failures: Uint8Array,
  /** Share that is lost, smoothed; when the last round began, 0: none has ended; and when the last good one ended. */
  share: Float64Array,
  lastBeganAt: Float64Array,
  wellAt: Float64Array,
} as const;

export type SlotLossesState = Columns<typeof COLUMNS>;

export class SlotLosses {
  private columns: SlotLossesState;

  constructor(old?: SlotLossesState) {
    this.columns = old ?? columnsOf(COLUMNS, 0);
  }

  save(): SlotLossesState {
    return this.columns;
  }

  grow(slots: number): void {
    this.columns = columnsOf(COLUMNS, slots, this.columns);
  }

  /** What became of packets of the slot. True when a round ended by it, and three of the last five were bad. */
  add(at: number, arrived: number, lost: number, nowMicros: number): boolean {
    const { columns } = this;
    if (columns.arrived[at] === 0 && columns.lost[at] === 0) columns.beganAt[at] = nowMicros;
    if (columns.wellAt[at] === 0) columns.wellAt[at] = nowMicros;
    columns.arrived[at]! += arrived;
    columns.lost[at]! += lost;
    const total = columns.arrived[at]! + columns.lost[at]!;
    const isDecided = columns.lost[at]! >= BAD_LOSSES || total >= BAD_LOSSES * BAD_ONE_OF;
    return (
      isDecided && nowMicros - columns.beganAt[at]! >= ROUND_MICROS && this.endRound(at, total, nowMicros)
    );
  }

  /** Whether of the slots from `first` to `end` none does well since this one does not, as far as anything is sent on them. */
  isOfAll(at: number, first: number, end: number): boolean {
    const { failures, share, lastBeganAt, wellAt } = this.columns;
    let isKnown = false;
    for (let other = first; other < end; other++) {
      if (other === at || lastBeganAt[other]! < wellAt[at]!) continue;
      isKnown = true;
      if ((failures[other]! & 1) === 0 && share[other]! * 2 < share[at]!) return false;
    }
    return isKnown;
  }

  /** The slot uses another source port. */
  forget(at: number): void {
    for (const column of Object.values(this.columns)) column[at] = 0;
  }

  private endRound(at: number, total: number, nowMicros: number): boolean {
    const { arrived, lost, beganAt, failures, share, lastBeganAt, wellAt } = this.columns;
    const isBad = lost[at]! >= BAD_LOSSES && lost[at]! * BAD_ONE_OF >= total;
    const lostShare = lost[at]! / total;
    share[at] = lastBeganAt[at] === 0 ? lostShare : share[at]! + (lostShare - share[at]!) * SMOOTHING;
    failures[at] = remember(failures[at]!, isBad);
    lastBeganAt[at] = beganAt[at]!;
    if (!isBad) wellAt[at] = nowMicros;
    arrived[at] = 0;
    lost[at] = 0;
    return isBad && areBad(failures[at]!);
  }
}
