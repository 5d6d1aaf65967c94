// Which process is meant: a pid alone may be reused, a pid with its start time (field 22 of /proc/PID/stat, in
// clock ticks since boot) names one process for as long as the machine is up.
import { readFileSync } from 'node:fs';

export interface ProcessId {
  readonly pid: number;
  readonly startTicks: number;
}

/** The process's start time, or undefined when there is no such process or it is only a zombie. */
export function startTicks(pid: number): number | undefined {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch {
    return undefined;
  }
  // The command name, in parentheses, may itself contain spaces and parentheses.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return fields[0] === 'Z' ? undefined : Number(fields[19]);
}

export function processId(pid: number): ProcessId | undefined {
  const ticks = startTicks(pid);
  return ticks === undefined ? undefined : { pid, startTicks: ticks };
}

export function isAlive(process: ProcessId): boolean {
  return startTicks(process.pid) === process.startTicks;
}

/** Ends one process: asks, waits up to `graceMillis`, then insists. Resolves when it is gone. */
export async function endProcess(process: ProcessId, graceMillis = 2000): Promise<void> {
  for (const [signal, patienceMillis] of [
    ['SIGTERM', graceMillis],
    ['SIGKILL', 2000],
  ] as const) {
    if (!isAlive(process)) return;
    signalQuietly(process.pid, signal);
    const deadline = performance.now() + patienceMillis;
    while (isAlive(process) && performance.now() < deadline) await pause(5);
  }
}

function signalQuietly(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It ended between the look and the signal.
  }
}

export function pause(millis: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, millis));
}
