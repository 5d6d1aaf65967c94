// A benchmark's outcome for people and, in one line, for programs.

import type { PeerName } from '../peers/peer.ts';
import type { BenchOutcome, Column } from './bench.ts';
import type { Measurements } from './measurements.ts';
import { count, figure, type TableColumn, textTable, wrapped } from './text-table.ts';

export interface OutcomeTable {
  readonly head: readonly TableColumn[];
  readonly rows: readonly (readonly string[])[];
}

export function outcomeTable({ peers, columns, measured }: BenchOutcome): OutcomeTable {
  const rows = peers.flatMap((peer) =>
    measured
      .situations(peer.name)
      .map((situation) => [
        situation,
        peer.title,
        ...columns.map((column) => cell(measured, peer.name, situation, column)),
      ]),
  );
  const head = [
    { title: 'case', align: 'left' },
    { title: 'peer', align: 'left' },
    ...columns.map(({ title }) => ({ title, align: 'right' }) as const),
  ] as const;
  return { head, rows: byFirstCell(rows) };
}

/** What the figures of a table are. */
export function roundsText(rounds: number): string {
  return rounds === 1 ? 'one round' : `${rounds} rounds: median (smallest–largest)`;
}

export function renderOutcome(name: string, quick: boolean, outcome: BenchOutcome): string {
  const { rounds, peers, ratios, notes } = outcome;
  const { head, rows } = outcomeTable(outcome);
  const known = Object.entries(ratios).filter(([, ratio]) => ratio !== undefined);
  return [
    `${name}${quick ? ' (quick: a rough figure, not a result)' : ''}, ${roundsText(rounds)}`,
    '',
    textTable(head, rows),
    '',
    ...known.map(([ratio, value]) => `${ratio} = ${value!.toFixed(3)}`),
    '',
    ...[...peers.map(({ title, settings }) => `${title}: ${settings}.`), ...notes].map((note) =>
      wrapped(note),
    ),
  ].join('\n');
}

/** The last line of standard output. */
export function outcomeJson(name: string, quick: boolean, outcome: BenchOutcome): string {
  const { rounds, measured, ratios } = outcome;
  return JSON.stringify({ bench: name, ...(quick && { quick }), ratios, peers: measured, rounds });
}

function cell(measured: Measurements, peer: PeerName, situation: string, column: Column): string {
  const summary = measured.summary(peer, situation, column.metric);
  if (summary === undefined) return '–';
  if (column.total) return count(measured.total(peer, situation, column.metric));
  const { median, min, max } = summary;
  return min === max ? figure(median) : `${figure(median)} (${figure(min)}–${figure(max)})`;
}

/** Rows of the same case together, cases in the order of their first row. */
function byFirstCell(rows: readonly (readonly string[])[]): (readonly string[])[] {
  const order = [...new Set(rows.map(([first]) => first))];
  return order.flatMap((first) => rows.filter((row) => row[0] === first));
}
