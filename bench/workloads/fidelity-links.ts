// The three links on which CCP was compared with the kernel (CCP §4.6.1), as `selvage emulate` takes them.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeCellularTrace } from '../../lab/emulator/model/cellular.ts';
import { SeededRng } from '../../src/base/rng.ts';
import type { LinkWords } from './emulated-link.ts';

export type Scenario = 'fixed' | 'cell' | 'drop';

export const SCENARIOS: readonly Scenario[] = ['fixed', 'cell', 'drop'];

const RTT_MILLIS = 20;
/** The log of a link has one every ten milliseconds. */
export const ROWS_PER_ROUND_TRIP = RTT_MILLIS / 10;

const TRACE = { seconds: 60, ceilingBitsPerSecond: 24e6 };

/** The trace lies in a file of the folder. */
export function fidelityLinks(folder: string, traceSeed: number): Readonly<Record<Scenario, LinkWords>> {
  const trace = join(folder, 'cell.up');
  writeFileSync(trace, `${makeCellularTrace(TRACE, new SeededRng(traceSeed)).join('\n')}\n`);
  const delay = ['--delay', `${RTT_MILLIS / 2}ms`];
  return {
    fixed: ['--rate', '96mbit', ...delay, '--queue', '1bdp'],
    cell: ['--trace', `${trace},none`, ...delay, '--queue', '100'],
    drop: ['--rate', '96mbit', ...delay, '--queue', 'unlimited', '--loss', '0.01%,0%'],
  };
}

export function linksNote(traceSeed: number): string {
  const trace = `up to ${TRACE.ceilingBitsPerSecond / 1e6} Mbit/s (seed ${traceSeed})`;
  return (
    `Links, all with a round trip of ${RTT_MILLIS} ms: “fixed” has 96 Mbit/s and a queue of one product of bandwidth and ` +
    `delay; “cell” is a made trace like a cellular network’s, ${trace}, with a queue of 100 packets; “drop” has 96 Mbit/s, ` +
    'loses 0.01 % at random, and queues without a limit.'
  );
}
