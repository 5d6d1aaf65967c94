// Reno and Cubic, the kernel's or ours, on the three links, one long flow each (CCP §4.6.1, figures 4.4 and 4.5). The
// links of one algorithm are emulated at the same time, each for itself; peers take turns.
import type { LinkRow, LinkWords } from './emulated-link.ts';
import { SCENARIOS, type Scenario } from './fidelity-links.ts';
import { runSingleFlow, type SingleFlowRun } from './single-flow.ts';

export interface BackloggedRun extends SingleFlowRun {
  readonly scenario: Scenario;
}

/** Random losses are few: the link that has them is there several times, with other losses. */
export const DROPPING_LANES = 4;
const LANES: readonly Scenario[] = [...SCENARIOS, ...Array<Scenario>(DROPPING_LANES - 1).fill('drop')];

export function runBacklogged(
  links: Readonly<Record<Scenario, LinkWords>>,
  congestion: string,
  seconds: number,
  firstSeed: number,
): Promise<BackloggedRun[]> {
  return Promise.all(
    LANES.map(async (scenario, lane) => {
      const flow = { link: links[scenario], congestion, seconds, seed: firstSeed + lane };
      return { scenario, ...(await runSingleFlow(flow)) };
    }),
  );
}

export const LANE_COUNT = LANES.length;

export interface Period {
  readonly mbitPerSecond: number;
  /** Not a number when nothing was sent. */
  readonly queueingMillis: number;
}

/** What the link saw in each round trip: rows are of half of one. */
export function periods(rows: readonly LinkRow[], rowsEach: number): Period[] {
  const result: Period[] = [];
  for (let first = 0; first + rowsEach < rows.length; first += rowsEach) {
    const within = rows.slice(first, first + rowsEach);
    const millis = rows[first + rowsEach]!.atMillis - within[0]!.atMillis;
    const bytes = within.reduce((sum, { sentBytes }) => sum + sentBytes, 0);
    const sent = within.filter(({ sentPackets }) => sentPackets > 0);
    const packets = sent.reduce((sum, { sentPackets }) => sum + sentPackets, 0);
    const waited = sent.reduce((sum, row) => sum + row.queueingMillis * row.sentPackets, 0);
    result.push({ mbitPerSecond: (bytes * 8) / 1000 / millis, queueingMillis: waited / packets });
  }
  return result;
}
