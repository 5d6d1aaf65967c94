// A campaign of faults in a fabric that carries the same load over several systems at the same time (ZooRoute §7.3, table 1,
// figures 21 to 24): for how long are tenants out of service, and how often do they not notice? The load is our own client's,
// which remembers when it was answered.
import { SeededRng } from '../../src/base/rng.ts';
import type { BenchOptions, BenchOutcome, Column } from '../harness/bench.ts';
import { Measurements } from '../harness/measurements.ts';
import { ascending, percentileOf } from '../harness/percentiles.ts';
import { figure } from '../harness/text-table.ts';
import {
  DURATIONS_SECONDS,
  FAULT_KINDS,
  FULL_CAMPAIGN,
  isHeavy,
  planCampaign,
  QUICK_CAMPAIGN,
} from '../outage/campaign.ts';
import { curvesOf } from '../outage/curves.ts';
import {
  type CampaignRun,
  CONNECTIONS,
  INTERVAL_MILLIS,
  runCampaign,
  TIMEOUT_MILLIS,
} from '../outage/run.ts';
import { attachSystems, outageTopology } from '../outage/systems.ts';
import {
  faultFreeGap,
  judge,
  maskedShare,
  OUTAGE_MILLIS,
  outageReduction,
  recoverySeconds,
  STEADY_SECONDS,
  type Verdict,
} from '../outage/verdict.ts';
import type { PeerName } from '../peers/peer.ts';
import { withTestbed } from '../testbed.ts';

export const ALL_FAULTS = 'all faults';
const SEED = 1;
const FAULT_MILLIS = { full: 6000, quick: 5000 };
/**
 * What a tenant is held not to notice: of a host that only reroutes the 3 s in which the paper mitigates most faults of cards
 * and ports (ZooRoute §7.3), and of one with our transport what is asked of that. The paper does not say where it draws the line.
 */
const STANDALONE_LIMIT_MILLIS = 3000;
const AGENT_LIMIT_MILLIS = 20;

const columns: readonly Column[] = [
  { metric: 'hit', title: 'hit', total: true },
  { metric: 'recoverySeconds', title: 'out of service s' },
  { metric: 'p99Seconds', title: 'p99 s' },
  { metric: 'longestGapMillis', title: 'longest gap ms' },
  { metric: 'failed', title: 'failed', total: true },
  { metric: 'reductionPercent', title: 'outage saved %' },
  { metric: 'maskedPercent', title: 'masked %' },
];

export function outage({ quick, progress }: BenchOptions): Promise<BenchOutcome> {
  return withTestbed(
    progress,
    async (testbed) => {
      const { lab } = testbed;
      const { systems, missing } = await attachSystems(testbed, progress);
      const plan = planCampaign(quick ? QUICK_CAMPAIGN : FULL_CAMPAIGN, lab.topology.racks.length, SEED);
      const faultMillis = quick ? FAULT_MILLIS.quick : FAULT_MILLIS.full;
      const run = await runCampaign(lab, systems, plan, faultMillis, new SeededRng(~SEED), progress);
      const names = systems.map(({ peer }) => peer.name);
      const judged = new Map(names.map((name) => [name, judgeSystem(run, name)]));
      const measured = new Measurements();
      for (const [name, system] of judged) record(measured, name, system);
      return {
        rounds: plan.length,
        peers: systems.map(({ peer }) => peer),
        columns,
        measured,
        ratios: ratiosOf(judged),
        notes: [...notesOn(judged, faultMillis / 1000), ...missing],
        series: curvesOf(run, systems, (name) => judged.get(name)!.verdicts),
      };
    },
    outageTopology(),
  );
}

interface Judged {
  /** In the campaign's order; of faults that did not hit it undefined. */
  readonly verdicts: readonly (FaultVerdict | undefined)[];
  readonly faultFreeGapMillis: number;
  /** A longer gap is noticed. */
  readonly limitMillis: number;
}

export interface FaultVerdict extends Verdict {
  readonly kind: (typeof FAULT_KINDS)[number];
  readonly isHeavy: boolean;
}

function judgeSystem({ struck, calm, timelines }: CampaignRun, name: PeerName): Judged {
  const timeline = timelines.get(name)!;
  const verdicts = struck.map(({ strike: { fault }, during, hit }) =>
    hit.has(name) ? { ...judge(timeline, during), kind: fault.kind, isHeavy: isHeavy(fault) } : undefined,
  );
  const faultFreeGapMillis = faultFreeGap(timeline, calm);
  const limitMillis = name === 'selvage' ? AGENT_LIMIT_MILLIS + faultFreeGapMillis : STANDALONE_LIMIT_MILLIS;
  return { verdicts, faultFreeGapMillis, limitMillis };
}

function record(measured: Measurements, name: PeerName, { verdicts, limitMillis }: Judged): void {
  const hit = verdicts.filter((verdict) => verdict !== undefined);
  for (const kind of FAULT_KINDS) {
    const own = hit.filter((verdict) => verdict.kind === kind);
    if (own.length > 0) recordCase(measured, name, kind, own, limitMillis);
  }
  recordCase(measured, name, ALL_FAULTS, hit, limitMillis);
}

function recordCase(
  measured: Measurements,
  name: PeerName,
  situation: string,
  verdicts: readonly FaultVerdict[],
  limitMillis: number,
): void {
  for (const verdict of verdicts) {
    measured.record(name, situation, {
      recoverySeconds: recoverySeconds(verdict),
      longestGapMillis: verdict.longestGapMillis,
      failed: verdict.failed,
    });
  }
  measured.record(name, situation, {
    hit: verdicts.length,
    ...(verdicts.length > 0 && { p99Seconds: recoveryPercentile(verdicts, 0.99)! }),
    reductionPercent: 100 * outageReduction(verdicts),
    maskedPercent: 100 * maskedShare(verdicts, limitMillis),
  });
}

function recoveryPercentile(verdicts: readonly Verdict[], share: number): number | undefined {
  return verdicts.length === 0 ? undefined : percentileOf(ascending(verdicts.map(recoverySeconds)), share);
}

function ratiosOf(judged: ReadonlyMap<PeerName, Judged>) {
  const of = (name: PeerName) => {
    const system = judged.get(name);
    const hit = system?.verdicts.filter((verdict) => verdict !== undefined) ?? [];
    return system === undefined || hit.length === 0 ? undefined : { ...system, hit };
  };
  const standalone = of('selvageReroute');
  const agent = of('selvage');
  const lower = (a: number | undefined, b: number | undefined) =>
    a === undefined || b === undefined ? undefined : Math.min(a, b);
  const reductions = [standalone, agent].map((each) => each && outageReduction(each.hit));
  const masked = [standalone, agent].map((each) => each && maskedShare(each.hit, each.limitMillis));
  const heavy = standalone?.hit.filter((verdict) => verdict.isHeavy) ?? [];
  return {
    outageReduction: lower(reductions[0], reductions[1]),
    masked: lower(masked[0], masked[1]),
    standaloneReduction: reductions[0],
    agentReduction: reductions[1],
    standaloneMasked: masked[0],
    agentMasked: masked[1],
    standaloneRecoveryP50Seconds: recoveryPercentile(heavy, 0.5),
    standaloneRecoveryP99Seconds: recoveryPercentile(heavy, 0.99),
    agentGapOverFaultFreeMillis:
      agent && Math.max(...agent.hit.map((each) => each.longestGapMillis)) - agent.faultFreeGapMillis,
  };
}

function notesOn(judged: ReadonlyMap<PeerName, Judged>, faultSeconds: number): string[] {
  const agent = judged.get('selvage');
  return [
    `A round is a fault; seed ${SEED}. Each lasts ${faultSeconds} s (flapping and low-rate loss twice that) and strikes a way that as many systems as possible use; ` +
      'hit counts those that struck a way of the system’s own, and the others count for nothing.',
    `Each system has two hosts of its own on the one fabric, and ${CONNECTIONS} connections of our client to Redis that each ` +
      `ask every ${INTERVAL_MILLIS} ms; a request without an answer for ${TIMEOUT_MILLIS / 1000} s has failed, and its ` +
      'connection is made anew.',
    `Out of service is the time in which some connection had no answer for more than ${OUTAGE_MILLIS} ms; where it was so for ` +
      'half of the end of a fault, the whole of it. Outage saved is taken over faults of ' +
      `${DURATIONS_SECONDS.join(', ')} s (table 1): what was out of service in the last ${STEADY_SECONDS} s of a fault, in ` +
      'part or always, would have been so for as long as it lasts.',
    `Masked: nothing failed, and no gap longer than ${STANDALONE_LIMIT_MILLIS / 1000} s; for Selvage’s agent no longer than ` +
      `${AGENT_LIMIT_MILLIS} ms above its longest while nothing was wrong` +
      `${agent === undefined ? '' : `, ${figure(agent.faultFreeGapMillis)} ms`}. These limits are ours.`,
    'Tenants are like virtual machines, whose TCP cannot change the path of the outer packets; those of random re-pick are ' +
      'containers, whose can.',
  ];
}
