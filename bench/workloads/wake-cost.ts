// Measures what it costs to wake a process on this machine, in two processes of their own (wake-pair/). Left to
// itself the kernel may put both on one core, as they never run at once, and a wake-up is then little more than a
// change of process. Agents and tenants do run at once, so the pair is also measured on two cores.
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { findProgram } from '../../lab/programs.ts';
import { builtProgram } from './built-program.ts';

const TIMEOUT_MILLIS = 30_000;

export interface WakeCost {
  /** Median, one way. Undefined where there is one core only, or no taskset. */
  readonly acrossCoresMicros: number | undefined;
  readonly unpinnedMicros: number;
}

export async function measureWakeCost(roundTrips: number): Promise<WakeCost> {
  const cores = allowedCores(readFileSync('/proc/self/status', 'utf8'));
  const taskset = (await findProgram('taskset'))?.path;
  const pair = [process.execPath, builtProgram('wake-pair'), String(roundTrips)];
  const unpinnedMicros = await run(pair);
  if (taskset === undefined || cores.length < 2) return { acrossCoresMicros: undefined, unpinnedMicros };
  const on = (core: number) => [taskset, '--cpu-list', String(core)];
  const acrossCoresMicros = await run([...on(cores[0]!), ...pair, ...on(cores.at(-1)!)]);
  return { acrossCoresMicros, unpinnedMicros };
}

async function run([program, ...args]: readonly string[]): Promise<number> {
  const { stdout } = await promisify(execFile)(program!, args, { timeout: TIMEOUT_MILLIS });
  return JSON.parse(stdout).wakeMicros;
}

/** From a list such as 0-2,5. */
export function allowedCores(procStatus: string): number[] {
  const list = /^Cpus_allowed_list:\s*(\S+)/m.exec(procStatus)?.[1] ?? '';
  return list
    .split(',')
    .filter(Boolean)
    .flatMap((range) => {
      const [first, last = first] = range.split('-').map(Number);
      return Array.from({ length: last! - first! + 1 }, (_, index) => first! + index);
    });
}
