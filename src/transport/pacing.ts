// How soon frames may follow one another on a slot: at a program's rate (CCP §4.5.1), or, packets larger than the slot's
// window, at the rate that the window is worth (§3.3 of the Swift paper). What is kept is when the last such went and how
// large it was; how long the next one waits for it follows from the rate that holds when it is asked, so that another
// rate, or another controller, counts at once.

import type { CongestionController } from '../congestion/controller.ts';
import type { SendWindow } from './send-window.ts';

/** Of timers, as far as a slot may catch up. */
const LATENESS_MICROS = 1000;

/** When the slot may take a frame again; if it waits for none, long ago. */
export function paceDue({ congestion, pacedBytes, pacedAt }: SendWindow, slot: number): number {
  const bytes = pacedBytes[slot]!;
  if (bytes === 0) return Number.NEGATIVE_INFINITY;
  return pacedAt[slot]! + (bytes * 1e6) / rateOf(congestion, slot, bytes);
}

/** A frame of this length takes the slot, which is due. */
export function pace(now: number, window: SendWindow, slot: number, length: number): void {
  const { congestion } = window;
  if (rateOf(congestion, slot, length) === Number.POSITIVE_INFINITY) {
    window.pacedBytes[slot] = 0;
    return;
  }
  // Where a timer was late, the rate is made good.
  window.pacedAt[slot] = Math.max(paceDue(window, slot), now - LATENESS_MICROS);
  window.pacedBytes[slot] = length;
}

function rateOf(congestion: CongestionController, slot: number, length: number): number {
  if (length > congestion.cwndBytes(slot)) return congestion.pacingBytesPerSecond(slot);
  return congestion.rateBytesPerSecond?.(slot) ?? Number.POSITIVE_INFINITY;
}
