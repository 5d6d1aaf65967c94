// Which of a peer's slots packets are sprayed over: the four fastest (BIFROST §4.1), on routes of their own where routes are
// known. What changes costs reordering, so those that are in use stay unless others are clearly faster.

import { ALIKE_MICROS, type RoundTrips } from './round-trips.ts';

/** Slots that packets are sprayed over (BIFROST §4.1). */
const SPRAYED = 4;
/** How much faster a slot must be to take the place of one in use. */
const HYSTERESIS = 0.75;
/** How many times slower a slot may be that has a route of its own: together they carry more. */
const OWN_ROUTE = 2;

/**
 * The slots to spray over, of those that are `open`, when `before` were so far: all three as bits. What is known of slot
 * `s` stands at `base + s`, a route as a number from 1 to 8 or 0. Slots without a sample come first: so they get one.
 */
export function sprayChoice(
  before: number,
  open: number,
  base: number,
  trips: RoundTrips,
  routes: Uint8Array,
): number {
  let chosen = 0;
  let chosenRoutes = 0;
  for (let n = 0; n < SPRAYED; n++) {
    let best = -1;
    let bestScore = Number.POSITIVE_INFINITY;
    for (let left = open & ~chosen; left !== 0; left &= left - 1) {
      const slot = 31 - Math.clz32(left & -left);
      const ranking = trips.ranking(base + slot);
      const stays = ((before >> slot) & 1) === 1;
      const known = stays ? Math.max(0, ranking * HYSTERESIS - ALIKE_MICROS) : ranking;
      const isShared = ((chosenRoutes >> routes[base + slot]!) & 1) === 1;
      const compared = isShared ? known * OWN_ROUTE + ALIKE_MICROS : known;
      const score = ranking === 0 ? -1 : compared;
      if (score >= bestScore) continue;
      best = slot;
      bestScore = score;
    }
    if (best < 0) break;
    chosen |= 1 << best;
    // Unknown routes, 0, may be different ones.
    chosenRoutes |= (1 << routes[base + best]!) & ~1;
  }
  return chosen;
}
