// Linux's own TCP as a datapath (CCP §4.5.4): the kernel's congestion controls, and ours under a name of their own, each
// run by a `selvage cc run --linux` as anyone would.
import { join } from 'node:path';
import { packageRoot } from '../../lab/package-root.ts';
import { builtProgram } from '../workloads/built-program.ts';
import { type Child, startReady } from '../workloads/child.ts';
import type { Contender } from './peer.ts';

/** Files of bench/algorithms. */
export type MeasuredAlgorithm =
  | 'reno'
  | 'cubic'
  | 'copa'
  | 'fair-share'
  | 'reno-each-round'
  | 'reno-start-by-rate'
  | 'reno-10ms'
  | 'reno-each-ack'
  | 'echo';

export const LINUX_TCP: Contender = {
  name: 'linuxTcp',
  title: 'Linux',
  settings: 'the kernel’s own Reno and Cubic, as they come',
};

export const STEERED_TCP: Contender = {
  name: 'selvage',
  title: 'Selvage',
  settings: 'the same kernel’s TCP under our Reno and Cubic, each a `selvage cc run --linux`',
};

export interface SteeredTcp {
  /** What sockets choose. */
  readonly name: string;
  /** What the algorithm printed, line by line. */
  readonly lines: () => readonly string[];
  /** What it said: connections that it lost. */
  readonly complaints: () => readonly string[];
  stop(): Promise<void>;
}

const START_MILLIS = 20_000;
/** Else a connection reports once a millisecond at most. */
const OPTIONS: Readonly<Partial<Record<MeasuredAlgorithm, readonly string[]>>> = {
  'reno-each-ack': ['--interval', '0us'],
};
let names = 0;

export async function steerTcp(
  algorithm: MeasuredAlgorithm,
  options: readonly string[] = [],
): Promise<SteeredTcp> {
  // The machine's, so nobody else may have it.
  const name = `b${process.pid}.${names++}`;
  const file = join(packageRoot(), 'dist', 'algorithms', `${algorithm}.js`);
  const argv = [process.execPath, builtProgram('selvage'), 'cc', 'run', file, '--linux', name, ...options];
  const child: Child = await startReady(argv, ({ stdout }) => stdout.includes('governs'), START_MILLIS);
  return {
    name,
    lines: () => child.stdout.split('\n').slice(1, -1),
    complaints: () => child.stderr.split('\n').filter((line) => line !== ''),
    stop: () => child.stop(),
  };
}

/** Each under a name of its own, until the work is done. */
export async function withSteeredTcp<T>(
  algorithms: readonly MeasuredAlgorithm[],
  work: (steered: ReadonlyMap<MeasuredAlgorithm, SteeredTcp>) => Promise<T>,
): Promise<T> {
  const steered = new Map<MeasuredAlgorithm, SteeredTcp>();
  try {
    for (const algorithm of algorithms) steered.set(algorithm, await steerTcp(algorithm, OPTIONS[algorithm]));
    return await work(steered);
  } finally {
    for (const each of steered.values()) await each.stop();
  }
}
