// Programs behind `selvage emulate`, one link for each run, and what the link saw of their way up: how much it carried
// and how long packets waited, as a whole and every ten milliseconds.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { EmulateReport } from '../../lab/emulate-report.ts';
import type { DirectionReport } from '../../lab/emulator/spec.ts';
import { resolveProgram } from '../../lab/execute.ts';
import { builtProgram } from './built-program.ts';
import { runChild } from './child.ts';

/** Options of `selvage emulate`. */
export type LinkWords = readonly string[];

export interface LinkRow {
  readonly atMillis: number;
  readonly sentBytes: number;
  readonly capacityBytes: number;
  readonly sentPackets: number;
  /** Of what was sent in this time; not a number when nothing was. */
  readonly queueingMillis: number;
}

export interface LinkRun {
  readonly stdout: string;
  readonly up: DirectionReport;
  readonly rows: readonly LinkRow[];
}

/** In the network namespace of the program. */
const IN_LINK = `
  echo "$0" > /proc/sys/net/ipv4/tcp_congestion_control &&
  echo 0 > /proc/sys/net/ipv4/tcp_slow_start_after_idle &&
  exec "$@" "$SELVAGE_GATEWAY"`;

export interface LinkRunOptions {
  readonly seed: number;
  readonly timeoutMillis: number;
  /**
   * That TCP connections there begin under: Reno, or what lets itself be chosen so. What the system's own would leave on
   * them stays when they choose another, as BBR's pacing does.
   */
  readonly congestion: string;
}

/** The command gets the address of the other side as its last word. */
export async function runBehindLink(
  link: LinkWords,
  argv: readonly string[],
  { seed, timeoutMillis, congestion }: LinkRunOptions,
): Promise<LinkRun> {
  const [name, ...words] = argv;
  const program = await resolveProgram(name);
  const folder = mkdtempSync(join(tmpdir(), 'selvage-link-'));
  const [report, log] = [join(folder, 'report.json'), join(folder, 'log.csv')];
  const files = ['--quiet', '--seed', String(seed), '--report', report, '--log', log];
  const command = ['sh', '-c', IN_LINK, congestion, program.path, ...words];
  try {
    const emulate = [
      process.execPath,
      builtProgram('selvage'),
      'emulate',
      ...link,
      ...files,
      '--',
      ...command,
    ];
    const stdout = await runChild(emulate, timeoutMillis, program.env);
    const { up }: EmulateReport = JSON.parse(readFileSync(report, 'utf8'));
    return { stdout, up, rows: parseLinkLog(readFileSync(log, 'utf8'), 'up') };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The rows of one direction. */
export function parseLinkLog(csv: string, direction: 'up' | 'down'): LinkRow[] {
  const [head = '', ...lines] = csv.trimEnd().split('\n');
  const columns = head.split(',');
  const column = (name: string) => columns.indexOf(name);
  const [at, way, bytes, capacity, packets, queueing] = [
    'time_ms',
    'direction',
    'sent_bytes',
    'capacity_bytes',
    'sent_packets',
    'mean_queueing_delay_ms',
  ].map(column) as [number, number, number, number, number, number];
  return lines
    .map((line) => line.split(','))
    .filter((cells) => cells[way] === direction)
    .map((cells) => ({
      atMillis: Number(cells[at]),
      sentBytes: Number(cells[bytes]),
      capacityBytes: cells[capacity] === '' ? Number.POSITIVE_INFINITY : Number(cells[capacity]),
      sentPackets: Number(cells[packets]),
      queueingMillis: cells[queueing] === '' ? Number.NaN : Number(cells[queueing]),
    }));
}
