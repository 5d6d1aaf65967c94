// What charts of the campaign show: how soon service was back, and what three faults looked like to the applications while
// they lasted (ZooRoute §7.3, figures 22 to 24).
import type { Series } from '../harness/bench.ts';
import { ascending } from '../harness/percentiles.ts';
import type { PeerName } from '../peers/peer.ts';
import type { Timeline } from '../workloads/load-client/protocol.ts';
import type { FaultKind } from './campaign.ts';
import type { CampaignRun, Struck } from './run.ts';
import type { System } from './systems.ts';
import { recoverySeconds, type Verdict } from './verdict.ts';

export const RECOVERY = 'recovery';
/** Faults that are shown, the first of its kind that hit most: what of it, and the chart's name. */
export const SHOWN = [
  { kind: 'jitter', chart: 'latency during jitter', value: 'latency' },
  { kind: 'line card', chart: 'latency during a line card’s failure', value: 'latency' },
  { kind: 'router death', chart: 'answers during a router’s death', value: 'answers' },
  { kind: 'loss 30–80 %', chart: 'answers during loss', value: 'answers' },
] as const satisfies readonly { kind: FaultKind; chart: string; value: 'latency' | 'answers' }[];

const BEFORE_MILLIS = 1000;
const AFTER_MILLIS = 3000;

export function curvesOf(
  { struck, timelines }: CampaignRun,
  systems: readonly System[],
  verdictsOf: (name: PeerName) => readonly ((Verdict & { readonly isHeavy: boolean }) | undefined)[],
): Series[] {
  const recoveries = systems.map(({ peer: { name, title } }): Series => {
    const verdicts = verdictsOf(name).filter((verdict) => verdict?.isHeavy === true);
    const sorted = ascending(verdicts.map((verdict) => recoverySeconds(verdict!)));
    const points = sorted.map((seconds, index) => [seconds, (100 * (index + 1)) / sorted.length] as const);
    return { chart: RECOVERY, name: title, points: [[0, 0], ...points] };
  });
  const shown = SHOWN.flatMap(({ kind, chart, value }) => {
    const fault = mostTelling(struck.filter(({ strike }) => strike.fault.kind === kind));
    if (fault === undefined) return [];
    return systems.map(({ peer: { name, title } }): Series => {
      const points = pointsOf(timelines.get(name)!, fault.during.from, fault.during.to, value);
      return { chart, name: title, points };
    });
  });
  return [...recoveries, ...shown];
}

function mostTelling(struck: readonly Struck[]): Struck | undefined {
  return struck.reduce<Struck | undefined>(
    (best, each) => (best === undefined || each.hit.size > best.hit.size ? each : best),
    undefined,
  );
}

/** Seconds since the fault began; the longest latency of a bin in milliseconds, or its answers in percent of the usual. */
export function pointsOf(
  { startedAt, binMillis, bins }: Timeline,
  from: number,
  to: number,
  value: 'latency' | 'answers',
): [number, number][] {
  const indexOf = (at: number) => Math.max(0, Math.floor((at - startedAt) / binMillis));
  const first = indexOf(from - BEFORE_MILLIS);
  const struckAt = indexOf(from);
  const usual = bins.slice(first, struckAt).reduce((sum, { completed }) => sum + completed, 0);
  const usualPerBin = usual / Math.max(1, struckAt - first);
  return bins.slice(first, indexOf(to + AFTER_MILLIS)).map(({ completed, longestMillis }, index) => {
    const seconds = (startedAt + (first + index) * binMillis - from) / 1000;
    const y = value === 'latency' ? longestMillis : (100 * completed) / Math.max(1, usualPerBin);
    return [Number(seconds.toFixed(3)), Number(y.toFixed(2))];
  });
}
