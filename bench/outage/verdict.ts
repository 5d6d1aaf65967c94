// What a fault meant to an application: from the times without an answer to outages, and from outages of some seconds to
// those of faults that last longer. Pure; times are milliseconds since the epoch, durations seconds.
import type { Timeline } from '../workloads/load-client/protocol.ts';
import { DURATIONS_SECONDS } from './campaign.ts';

/** A connection that waits longer for an answer is out of service, from its last answer on. */
export const OUTAGE_MILLIS = 100;
/** The end of a fault, in which it shows whether the service has recovered. */
export const STEADY_SECONDS = 2;
/** Who is out of service for so much of the end has not recovered. */
const LOST_SHARE = 0.5;
/** What begins so long after the end of a fault is none of its. */
const AFTERMATH_MILLIS = 1000;

export interface Interval {
  readonly from: number;
  readonly to: number;
}

export interface Verdict {
  /** Seconds out of service until it began to be steady. */
  readonly outageSeconds: number;
  /** Share of the steady time at the end that it was out of service: 0 when it had recovered, 1 when not at all. */
  readonly steadyShare: number;
  readonly faultSeconds: number;
  /** Of one connection, also when it ended after the fault. */
  readonly longestGapMillis: number;
  readonly failed: number;
}

export function judge({ gaps, failures }: Timeline, fault: Interval): Verdict {
  const steadyFrom = Math.max(fault.from, fault.to - STEADY_SECONDS * 1000);
  // A gap belongs to the fault in which most of it lies, which is never an earlier one.
  const own = gaps.filter(({ from, to }) => to > fault.from && from < fault.to + AFTERMATH_MILLIS);
  const outages = own.filter(({ from, to }) => to - from > OUTAGE_MILLIS);
  const inFault = (at: number) => at > fault.from && at < fault.to + AFTERMATH_MILLIS;
  return {
    outageSeconds: covered(outages, { from: fault.from, to: steadyFrom }) / 1000,
    steadyShare: covered(outages, { from: steadyFrom, to: fault.to }) / Math.max(1e-9, fault.to - steadyFrom),
    faultSeconds: (fault.to - fault.from) / 1000,
    longestGapMillis: Math.max(0, ...own.map(({ from, to }) => to - from)),
    failed: failures.filter(inFault).length,
  };
}

/** Seconds out of service, had the fault lasted so long: what was steady at its end goes on. */
export function outageOf(
  { outageSeconds, steadyShare, faultSeconds }: Verdict,
  durationSeconds: number,
): number {
  const before = Math.max(0, faultSeconds - STEADY_SECONDS);
  return Math.min(durationSeconds, outageSeconds + steadyShare * Math.max(0, durationSeconds - before));
}

/** Seconds out of service during the fault; as long as it lasted, where the service had not recovered in the end. */
export function recoverySeconds(verdict: Verdict): number {
  const { steadyShare, faultSeconds } = verdict;
  return steadyShare >= LOST_SHARE ? faultSeconds : outageOf(verdict, faultSeconds);
}

/** Share of the outage time saved, over table 1's durations: 1 − Σ min(recovery, d) ÷ Σ d (ZooRoute §7.3). */
export function outageReduction(verdicts: readonly Verdict[]): number {
  let out = 0;
  let all = 0;
  for (const verdict of verdicts) {
    for (const duration of DURATIONS_SECONDS) {
      out += outageOf(verdict, duration);
      all += duration;
    }
  }
  return all === 0 ? 0 : 1 - out / all;
}

/** Share of the faults in which nothing failed and nobody waited longer than the limit. */
export function maskedShare(verdicts: readonly Verdict[], limitMillis: number): number {
  const masked = verdicts.filter(
    (verdict) => verdict.failed === 0 && verdict.longestGapMillis <= limitMillis,
  );
  return verdicts.length === 0 ? 0 : masked.length / verdicts.length;
}

/** The longest time without an answer that lies wholly where nothing was wrong. */
export function faultFreeGap({ startedAt, binMillis, bins }: Timeline, calm: readonly Interval[]): number {
  const longest = bins.map(({ longestGapMillis }, index) => {
    const begins = startedAt + index * binMillis;
    const isCalm = ({ from, to }: Interval) => begins - longestGapMillis >= from && begins + binMillis <= to;
    return calm.some(isCalm) ? longestGapMillis : 0;
  });
  return Math.max(0, ...longest);
}

/** How much of an interval the others cover together, in milliseconds. */
export function covered(others: readonly Interval[], { from, to }: Interval): number {
  const sorted = others
    .map((other) => ({ from: Math.max(from, other.from), to: Math.min(to, other.to) }))
    .filter((clipped) => clipped.to > clipped.from)
    .sort((a, b) => a.from - b.from);
  let sum = 0;
  let until = from;
  for (const each of sorted) {
    sum += Math.max(0, each.to - Math.max(until, each.from));
    until = Math.max(until, each.to);
  }
  return sum;
}
