// What `selvage emulate` says in the end: of each direction how much it carried, how long packets waited, what was dropped.
import { table } from '../src/base/table.ts';
import type { EmulatedLinkDescription } from './emulate-options.ts';
import { keepsFlowsApart } from './emulator/model/parameters.ts';
import type { DirectionReport, WrittenDirection } from './emulator/spec.ts';
import { formatMicros, formatPartsPerMillion, formatRate } from './units.ts';

/** As `--report` writes it. */
export interface EmulateReport {
  /** Of what happened at random. */
  readonly seed: number;
  readonly up: DirectionReport;
  readonly down: DirectionReport;
}

export function formatReport(link: EmulatedLinkDescription, { seed, up, down }: EmulateReport): string {
  const rows = [row('up', link.up, up), row('down', link.down, down)];
  const marked = marks(link.up) || marks(link.down) ? ['marked'] : [];
  const head = ['', 'link', 'throughput', 'capacity', 'queueing delay, ms', 'dropped', 'lost', ...marked];
  const lines = [table(head, rows)];
  if (isRandom(link.up) || isRandom(link.down)) lines.push(`--seed ${seed} repeats what happened at random.`);
  const missed = up.missedPackets + down.missedPackets;
  if (missed > 0) {
    lines.push(
      `${missed} packets came faster than this machine could take them in: do not trust the figures.`,
    );
  }
  return `${lines.join('\n')}\n`;
}

function row(name: string, direction: WrittenDirection, report: DirectionReport): string[] {
  const {
    arrivedPackets,
    throughputBitsPerSecond,
    capacityBitsPerSecond,
    queueingDelayMillis: delay,
  } = report;
  const millis = (value: number) => value.toFixed(2);
  return [
    name,
    formatDirection(direction),
    megabits(throughputBitsPerSecond),
    capacityBitsPerSecond === undefined ? '' : megabits(capacityBitsPerSecond),
    `median ${millis(delay.median)}, 95% ${millis(delay.p95)}, max ${millis(delay.max)}`,
    `${report.droppedPackets} of ${arrivedPackets}`,
    String(report.lostPackets),
    marks(direction) ? String(report.markedPackets) : '',
  ];
}

function formatDirection(direction: WrittenDirection): string {
  const { rateBitsPerSecond, traceMillis, delayMicros, lossPpm } = direction;
  const { discipline, queuePackets, queueBytes, ecn, markAbovePackets, markAboveBytes } = direction;
  const words: string[] = [];
  if (rateBitsPerSecond !== undefined) words.push(formatRate(rateBitsPerSecond));
  if (traceMillis !== undefined) words.push('trace');
  if (delayMicros > 0) words.push(formatMicros(delayMicros));
  if (lossPpm !== undefined) words.push(`loss ${formatPartsPerMillion(lossPpm)}`);
  if (discipline !== undefined) {
    const limit = queuePackets ?? (queueBytes === undefined ? 'unlimited' : `${queueBytes}B`);
    words.push(`${discipline} ${limit}${ecn ? ' ecn' : ''}`);
    if (markAbovePackets !== undefined) words.push(`mark ${markAbovePackets}`);
    if (markAboveBytes !== undefined) words.push(`mark ${markAboveBytes}B`);
  }
  return words.join(', ') || 'unlimited';
}

function marks({ ecn, markAbovePackets, markAboveBytes }: WrittenDirection): boolean {
  return (ecn ?? markAbovePackets ?? markAboveBytes) !== undefined;
}

function isRandom({ lossPpm, discipline }: WrittenDirection): boolean {
  if (lossPpm !== undefined || discipline === 'red') return true;
  return discipline !== undefined && keepsFlowsApart(discipline);
}

function megabits(bitsPerSecond: number): string {
  return `${(bitsPerSecond / 1e6).toFixed(2)} Mbit/s`;
}
