// Time that processors were busy: the whole machine's, kernel and interrupts included, or one process's.
import { readdirSync, readFileSync } from 'node:fs';

/** Linux shows processor time in hundredths of a second on every architecture (USER_HZ). */
const TICKS_PER_SECOND = 100;

export function machineBusySeconds(): number {
  return parseBusySeconds(readFileSync('/proc/stat', 'utf8'));
}

/** Everything but idle, waiting for disks, and what a hypervisor took. */
export function parseBusySeconds(procStat: string): number {
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0] = procStat
    .slice(0, procStat.indexOf('\n'))
    .split(/\s+/)
    .slice(1)
    .map(Number);
  return (user + nice + system + irq + softirq) / TICKS_PER_SECOND;
}

/** All threads that are alive, to the nanosecond. */
export function processSeconds(pid: number): number {
  const threads = readdirSync(`/proc/${pid}/task`);
  const nanos = threads.map((thread) =>
    Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ')[0]),
  );
  return nanos.reduce((sum, each) => sum + each, 0) / 1e9;
}
