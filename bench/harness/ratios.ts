// Figures with a bound. One that is bounded from below grows as Selvage improves: for times it is the peer's divided by
// Selvage's, for rates Selvage's divided by the peer's. Over several cases the worst counts. A ratio that cannot be
// had, because a peer could not be attached, is undefined and left out.
import type { PeerName } from '../peers/peer.ts';
import type { Measurements } from './measurements.ts';

export type Ratios = Readonly<Record<string, number | undefined>>;

/** Selvage's rate ÷ the peer's, in the case where it is smallest. */
export function worstRate(
  measured: Measurements,
  peer: PeerName,
  metric: string,
  situations: readonly string[],
): number | undefined {
  return smallest(situations.map((situation) => quotient(measured, 'selvage', peer, metric, situation)));
}

/** The peer's time ÷ Selvage's, in the case where it is smallest. */
export function worstTime(
  measured: Measurements,
  peer: PeerName,
  metric: string,
  situations: readonly string[],
): number | undefined {
  return smallest(situations.map((situation) => quotient(measured, peer, 'selvage', metric, situation)));
}

/** One peer's median ÷ the other's. */
export function quotient(
  measured: Measurements,
  dividend: PeerName,
  divisor: PeerName,
  metric: string,
  situation: string,
): number | undefined {
  const above = measured.median(dividend, situation, metric);
  const below = measured.median(divisor, situation, metric);
  return above === undefined || below === undefined ? undefined : above / below;
}

function smallest(values: readonly (number | undefined)[]): number | undefined {
  const known = values.filter((value) => value !== undefined);
  return known.length < values.length ? undefined : Math.min(...known);
}
