// The log of an emulated link: a row of CSV for each direction every ten milliseconds, units in the columns' names.
// Written in larger pieces, and what was collected when the emulator ends.
import { closeSync, openSync, writeSync } from 'node:fs';
import type { Direction } from './model/direction.ts';

export const LOG_INTERVAL_MICROS = 10_000;

const COLUMNS = [
  'time_ms',
  'direction',
  'queue_packets',
  'queue_bytes',
  'queue_peak_bytes',
  'sent_packets',
  'sent_bytes',
  'capacity_bytes',
  'mean_queueing_delay_ms',
  'max_queueing_delay_ms',
  'dropped_packets',
  'lost_packets',
  'marked_packets',
];
const PIECE_CHARACTERS = 65_536;

export class LinkLog {
  private readonly fd: number;
  private readonly directions: readonly DirectionLog[];
  private text = `${COLUMNS.join(',')}\n`;

  constructor(file: string, names: readonly [string, string], directions: readonly [Direction, Direction]) {
    this.fd = openSync(file, 'w');
    this.directions = directions.map((direction, i) => new DirectionLog(names[i]!, direction));
  }

  /** What was in the time since the last rows; nothing before the first packet. */
  write(now: number): void {
    const starts = this.directions
      .map(({ startMicros }) => startMicros)
      .filter((start) => !Number.isNaN(start));
    if (starts.length === 0) return;
    const start = Math.min(...starts);
    for (const direction of this.directions) this.text += direction.row(now, start);
    if (this.text.length >= PIECE_CHARACTERS) this.flush();
  }

  close(): void {
    this.flush();
    closeSync(this.fd);
  }

  private flush(): void {
    writeSync(this.fd, this.text);
    this.text = '';
  }
}

class DirectionLog {
  private readonly name: string;
  private readonly direction: Direction;
  private readonly peaks = { backlogBytes: 0, delayMicros: 0, delaySumMicros: 0 };
  private before = { sent: 0, sentBytes: 0, dropped: 0, lost: 0, marked: 0 };
  private capacityBefore = 0;

  constructor(name: string, direction: Direction) {
    this.name = name;
    this.direction = direction;
  }

  get startMicros(): number {
    return this.direction.firstArrivalMicros;
  }

  row(now: number, start: number): string {
    const { name, direction, peaks, before } = this;
    direction.advance(now);
    direction.takePeaks(peaks);
    const { backlog, counters } = direction;
    const capacity = direction.capacityBytes(now);
    const sent = counters.sent - before.sent;
    const cells = [
      ((now - start) / 1000).toFixed(3),
      name,
      backlog.packets,
      backlog.bytes,
      peaks.backlogBytes,
      sent,
      counters.sentBytes - before.sentBytes,
      Number.isFinite(capacity) ? Math.round(capacity - this.capacityBefore) : '',
      sent === 0 ? '' : (peaks.delaySumMicros / sent / 1000).toFixed(3),
      sent === 0 ? '' : (peaks.delayMicros / 1000).toFixed(3),
      counters.dropped - before.dropped,
      counters.lost - before.lost,
      counters.marked - before.marked,
    ];
    this.before = { ...counters };
    this.capacityBefore = capacity;
    return `${cells.join(',')}\n`;
  }
}
