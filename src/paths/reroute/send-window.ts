// How often a destination is probed (ZooRoute §4.2, algorithm 1): a window W of probes a second, for each destination, which
// grows by one an answer while the destination does not complain, and shrinks by complaints and losses when it does. W is no
// more than the ports that full mode probes, or a long calm would allow a flood; with W at or below 0 there is one probe every 2^(1-W)
// seconds, at most 64, or a peer could be forgotten for good.

/** 2^(1-W) = 64. */
export const LEAST_WINDOW = -5;

const SECOND = 1_000_000;

/** W for the next second, from the answers of the last without and with backpressure (N_bp), and the losses (N_l). */
export function nextWindow(
  window: number,
  most: number,
  answered: number,
  backpressured: number,
  lost: number,
): number {
  const next = backpressured > 0 ? window - backpressured - lost : window + answered;
  return Math.max(LEAST_WINDOW, Math.min(most, next));
}

/** Between two probes to the destination, whatever the port. */
export function probeGapMicros(window: number): number {
  return window > 0 ? SECOND / window : 2 ** (1 - window) * SECOND;
}
