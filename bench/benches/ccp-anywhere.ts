// The same files of Copa and Cubic on three datapaths (CCP §4.7.4, figure 4.11): the simulator's TCP, Linux's TCP, and a
// connection of the transport. Windows evolve differently, but fill the same link and have the same shape.
import { copa } from '../../src/congestion/algorithms/copa.ts';
import { cubic } from '../../src/congestion/algorithms/cubic.ts';
import type { BenchOptions, BenchOutcome, Column, Series } from '../harness/bench.ts';
import { Measurements } from '../harness/measurements.ts';
import { ascending, percentileOf } from '../harness/percentiles.ts';
import type { Ratios } from '../harness/ratios.ts';
import { withSteeredTcp } from '../peers/linux-tcp.ts';
import type { Contender, PeerName } from '../peers/peer.ts';
import {
  type AnywhereLink,
  linuxWindows,
  SAMPLING_NOTE,
  simulatedWindows,
  transportWindows,
  type WindowsRun,
} from '../workloads/windows-anywhere.ts';

const RTT_MILLIS = 20;
const SEED = 7;
/** That the transport sprays over at a time. */
const SLOTS = 4;
/** Slow start is over by then. */
const WARM_UP_SECONDS = 3;
const FULL = { rounds: 2, seconds: 40 };
const QUICK = { rounds: 1, seconds: 10 };

interface Subject {
  readonly name: 'copa' | 'cubic';
  readonly title: string;
  readonly create: () => typeof copa;
  readonly link: AnywhereLink;
}

export const SUBJECTS: readonly Subject[] = [
  {
    name: 'copa',
    title: 'Copa',
    create: () => copa,
    link: { mbitPerSecond: 12, rttMillis: RTT_MILLIS, queuePackets: 40 },
  },
  {
    name: 'cubic',
    title: 'Cubic',
    create: () => cubic(),
    link: { mbitPerSecond: 24, rttMillis: RTT_MILLIS, queuePackets: 40 },
  },
];

const DATAPATHS: readonly Contender[] = [
  { name: 'linuxTcp', title: 'Linux’s TCP', settings: 'a `selvage cc run --linux`' },
  { name: 'simulatedTcp', title: 'simulated TCP', settings: 'in virtual time, reports 30 µs late' },
  {
    name: 'selvage',
    title: 'Selvage’s transport',
    settings:
      'between two tenants of a lab, in the agent; packets are sprayed over four slots, a flow of the algorithm’s each',
  },
  {
    name: 'simulatedFour',
    title: 'four of simulated TCP',
    settings: 'the same as one, on the same link together',
  },
];

const columns: readonly Column[] = [
  { metric: 'meanPackets', title: 'mean window' },
  { metric: 'p10Packets', title: 'p10' },
  { metric: 'p90Packets', title: 'p90' },
  { metric: 'utilisation', title: 'utilisation' },
];

export function slotsChart(subject: string): string {
  return `${subject}, slots`;
}

export async function ccpAnywhere({ quick, progress }: BenchOptions): Promise<BenchOutcome> {
  const { rounds, seconds } = quick ? QUICK : FULL;
  const measured = new Measurements();
  const series: Series[] = [];
  await withSteeredTcp(['copa', 'cubic'], async (steered) => {
    for (let round = 0; round < rounds; round++) {
      for (const subject of SUBJECTS) {
        const { name, title, create, link } = subject;
        const keep = (datapath: Contender, run: WindowsRun) => {
          measured.record(datapath.name, title, figuresOf(run, link));
          if (round > 0) return;
          series.push({ chart: name, name: datapath.title, points: run.windows });
          for (const part of run.parts ?? [])
            series.push({ chart: slotsChart(name), name: part.name, points: part.windows });
        };
        const [linux, simulated, transport, four] = DATAPATHS;
        progress(`Round ${round + 1} of ${rounds}: ${title} …`);
        keep(transport!, await transportWindows(name, link, seconds, progress));
        keep(linux!, await linuxWindows(steered.get(name)!.name, link, seconds, SEED + round));
        keep(simulated!, simulatedWindows(create(), 1, link, seconds, SEED + round));
        keep(four!, simulatedWindows(create(), SLOTS, link, seconds, SEED + round));
      }
    }
  });
  const notes = [
    `One connection for ${seconds} s on a link of its own, ${RTT_MILLIS} ms: ${SUBJECTS.map(linkText).join('; ')}. Figures leave out the ` +
      `first ${WARM_UP_SECONDS} s, but utilisation, which is the tenant’s payload over the link’s rate.`,
    SAMPLING_NOTE,
  ];
  return { rounds, peers: DATAPATHS, columns, measured, ratios: ratiosOf(measured), notes, series };
}

function figuresOf({ windows, mbitPerSecond }: WindowsRun, link: AnywhereLink): Record<string, number> {
  const packets = windows.filter(([at]) => at >= WARM_UP_SECONDS).map(([, value]) => value);
  const sorted = ascending(packets);
  return {
    meanPackets: packets.reduce((sum, each) => sum + each, 0) / packets.length,
    p10Packets: percentileOf(sorted, 0.1),
    p90Packets: percentileOf(sorted, 0.9),
    utilisation: mbitPerSecond / link.mbitPerSecond,
  };
}

/** Of as many flows on another datapath, over algorithms: the smaller mean window ÷ the larger. And the least utilisation. */
function ratiosOf(measured: Measurements): Ratios {
  const each = (metric: string, name: PeerName) =>
    SUBJECTS.map(({ title }) => measured.median(name, title, metric)!);
  const agreement = (one: PeerName, other: PeerName) => {
    const others = each('meanPackets', other);
    const shares = each('meanPackets', one).map((mean, i) => mean / others[i]!);
    return Math.min(...shares.map((share) => Math.min(share, 1 / share)));
  };
  return {
    utilisation: Math.min(...DATAPATHS.flatMap(({ name }) => each('utilisation', name))),
    windowsLinuxAndSimulated: agreement('linuxTcp', 'simulatedTcp'),
    windowsTransportAndSimulated: agreement('selvage', 'simulatedFour'),
  };
}

function linkText({ title, link: { mbitPerSecond, queuePackets } }: Subject): string {
  return `${title} on ${mbitPerSecond} Mbit/s with a queue of ${queuePackets} packets`;
}
