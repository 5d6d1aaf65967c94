// How busy this host's processors are (ZooRoute §4.2): what /proc/stat counted since it was last asked.

import { closeSync, openSync, readSync } from 'node:fs';

/** Counted as idle: waiting for nothing and waiting for disks (proc_stat(5)). */
const IDLE = 3;
const IO_WAIT = 4;
/** Guests are counted in the first two already. */
const COLUMNS = 8;

export class CpuMeter {
  private readonly fd = openSync('/proc/stat', 'r');
  private readonly buffer = Buffer.alloc(256);
  private busy = 0;
  private total = 0;

  constructor() {
    this.utilisation();
  }

  /** From 0 to 1, since the last call. */
  utilisation(): number {
    const length = readSync(this.fd, this.buffer, 0, this.buffer.length, 0);
    const { busy, total } = readStat(this.buffer.toString('latin1', 0, length));
    const share = total > this.total ? (busy - this.busy) / (total - this.total) : 0;
    this.busy = busy;
    this.total = total;
    return Math.min(1, Math.max(0, share));
  }

  close(): void {
    closeSync(this.fd);
  }
}

/** Ticks of all processors together. */
export function readStat(text: string): { readonly busy: number; readonly total: number } {
  const columns = text
    .slice(0, text.indexOf('\n'))
    .trim()
    .split(/\s+/)
    .slice(1, 1 + COLUMNS)
    .map(Number);
  const total = columns.reduce((sum, ticks) => sum + ticks, 0);
  return { busy: total - (columns[IDLE] ?? 0) - (columns[IO_WAIT] ?? 0), total };
}
