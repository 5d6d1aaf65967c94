// Many senders to one receiver where round trips are short and links fast (CCP §4.6.3, figure 4.9): what does it cost that
// an algorithm acts once in a while only, on reports that are stale? In virtual time.
import { type IncastOptions, incastMicros } from '../../sim/congestion/incast.ts';
import type { BenchOptions, BenchOutcome, Column } from '../harness/bench.ts';
import { Measurements } from '../harness/measurements.ts';
import { quotient, type Ratios } from '../harness/ratios.ts';
import type { Contender } from '../peers/peer.ts';

const SHARED = { senders: 50, rttMicros: 20, staleMicros: 20, leastTimeoutMicros: 200 } as const;
/** The thesis does not say how long its queue is, and completion depends on where it ends. */
const QUEUES_PACKETS = [600, 800, 1000, 1250, 1500];
export const LINKS = [
  { gbitPerSecond: 10, jitterMicros: 10 },
  { gbitPerSecond: 40, jitterMicros: 2.5 },
] as const;
export const PACKETS_EACH = [10, 100, 1000];
export const REPORT_MICROS = [10, 20, 50, 100, 200, 500, 1000];

type Link = (typeof LINKS)[number];

const FULL = { runs: 50, longRuns: 10, reportMicros: REPORT_MICROS };
const QUICK = { runs: 5, longRuns: 5, reportMicros: [20, 100, 500] };
/** Flows of so many packets take as long to compute as all the shorter ones together. */
const LONG_PACKETS = 1000;

const OUTSIDE: Contender = {
  name: 'selvage',
  title: 'outside',
  settings: 'all of Reno in the algorithm, slow start too; losses wait for the next report',
};
const INSIDE: Contender = {
  name: 'inDatapath',
  title: 'in the datapath',
  settings: 'Reno as a datapath program that needs no algorithm (the fallback)',
};

const columns: readonly Column[] = [{ metric: 'tailMicros', title: 'mean of last completion µs' }];

export async function ccpIncast({ quick, progress }: BenchOptions): Promise<BenchOutcome> {
  const plan = quick ? QUICK : FULL;
  const measured = new Measurements();
  for (const link of LINKS) {
    for (const packetsEach of PACKETS_EACH) {
      const runs = packetsEach >= LONG_PACKETS ? plan.longRuns : plan.runs;
      progress(`${link.gbitPerSecond} Gbit/s, flows of ${packetsEach} packets, ${runs} runs each …`);
      const baseline = meanTail(link, packetsEach, runs);
      for (const reportMicros of plan.reportMicros) {
        const situation = incastCase(link, packetsEach, reportMicros);
        measured.record('inDatapath', situation, { tailMicros: baseline });
        const tailMicros = meanTail(link, packetsEach, runs, reportMicros);
        measured.record('selvage', situation, { tailMicros });
      }
      // So that an interrupt is heard.
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
  const ratios = ratiosOf(measured, plan.reportMicros);
  return { rounds: 1, peers: [OUTSIDE, INSIDE], columns, measured, ratios, notes: notesOn(plan) };
}

export function incastCase({ gbitPerSecond }: Link, packetsEach: number, reportMicros: number): string {
  return `${gbitPerSecond} Gbit/s, ${packetsEach} packets, every ${reportMicros} µs`;
}

/** Each run has a seed and a queue of its own. */
function meanTail(link: Link, packetsEach: number, runs: number, reportMicros?: number): number {
  let sum = 0;
  for (let seed = 1; seed <= runs; seed++) {
    const options: IncastOptions = {
      ...SHARED,
      bitsPerSecond: link.gbitPerSecond * 1e9,
      jitterMicros: link.jitterMicros,
      packetsEach,
      queuePackets: QUEUES_PACKETS[seed % QUEUES_PACKETS.length]!,
      seed,
      ...(reportMicros !== undefined && { reportMicros }),
    };
    sum += incastMicros(options);
  }
  return sum / runs;
}

/** What the datapath by itself takes ÷ what it takes with reports, over flows of all sizes. */
function ratiosOf(measured: Measurements, reportMicros: readonly number[]): Ratios {
  const worst = (link: Link, mostMicros: number) => {
    const cases = PACKETS_EACH.flatMap((packets) =>
      reportMicros.filter((each) => each <= mostMicros).map((each) => incastCase(link, packets, each)),
    );
    return Math.min(
      ...cases.map((situation) => quotient(measured, 'inDatapath', 'selvage', 'tailMicros', situation)!),
    );
  };
  const [slow, fast] = LINKS;
  return {
    tailAt10GbitTo500Micros: worst(slow, 500),
    tailAt40GbitTo100Micros: worst(fast, 100),
    tailAt40GbitTo1000Micros: worst(fast, 1000),
  };
}

function notesOn({ runs, longRuns }: typeof FULL): string[] {
  const { senders, rttMicros, staleMicros, leastTimeoutMicros } = SHARED;
  return [
    `${senders} senders to one, each a flow; ${rttMicros} µs of round trip; flows start at random within ` +
      `${LINKS.map(({ gbitPerSecond, jitterMicros }) => `${jitterMicros} µs (${gbitPerSecond} Gbit/s)`).join(' and ')}. ` +
      `What counts is the time until the last flow has ended: the mean of ${runs} simulations with seeds 1 to ${runs}, of ` +
      `${longRuns} for flows of ${LONG_PACKETS} packets.`,
    `From a report to its effect ${staleMicros} µs. The queue has ${QUEUES_PACKETS.join(', ')} packets of 1500 bytes in ` +
      `turns; windows begin with 10 packets; a timeout waits ${leastTimeoutMicros} µs beyond the round trip at least.`,
  ];
}
