// Measures what it costs to wake a process on this machine, in two processes of their own (wake-pair/). They are not
// pinned to cores: the kernel places them as it places agents and tenants.
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { builtProgram } from './built-program.ts';

const TIMEOUT_MILLIS = 30_000;

/** Median, one way. */
export async function measureWakeMicros(roundTrips: number): Promise<number> {
  const argv = [builtProgram('wake-pair'), String(roundTrips)];
  const { stdout } = await promisify(execFile)(process.execPath, argv, { timeout: TIMEOUT_MILLIS });
  return JSON.parse(stdout).wakeMicros;
}
