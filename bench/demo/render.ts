// The demo's table, and what was seen in a few sentences.
import { count, figure, textTable, wrapped } from '../harness/text-table.ts';
import type { Row, Situation, Teller, Told } from './story.ts';

const PEERS: Readonly<Record<Teller, string>> = { kernelVxlan: 'kernel VXLAN', selvage: 'Selvage' };

const TITLES: Readonly<Record<Situation, string>> = {
  healthy: 'healthy',
  loss: '1 % loss each way',
  'silent-spine': 'a spine silent in mid-run',
};

const COLUMNS = [
  { title: '', align: 'left' },
  { title: 'requests/s', align: 'right' },
  { title: 'p50 ms', align: 'right' },
  { title: 'p99 ms', align: 'right' },
  { title: 'p99.9 ms', align: 'right' },
  { title: 'max ms', align: 'right' },
  { title: 'failed', align: 'right' },
  { title: 'longest gap ms', align: 'right' },
] as const;

export function renderTold({ stage, quick, watchers, rows, notes }: Told): string {
  const situations = [...new Set(rows.map(({ situation }) => situation))];
  const cells = situations.flatMap((situation) => {
    const own = rows.filter((row) => row.situation === situation);
    return [[TITLES[situation], ...COLUMNS.slice(1).map(() => '')], ...own.map(cellsOf)];
  });
  const seen = whatWasSeen(rows, watchers);
  return [
    `Redis GET, 16 clients, tenant to tenant; ${stage}${quick ? ' (quick: fewer requests)' : ''}`,
    '',
    textTable(COLUMNS, cells),
    '',
    ...(seen === '' ? [] : [seen, '']),
    ...notes.map((note) => wrapped(note)),
  ].join('\n');
}

function cellsOf({ peer, load, failed, longestGapMillis, spine }: Row): string[] {
  const figures =
    load === undefined
      ? ['–', '–', '–', '–', '–']
      : [load.requestsPerSecond, load.p50Millis, load.p99Millis, load.p999Millis, load.maxMillis].map(figure);
  const where = spine === undefined ? '' : ` (${spine})`;
  return [`  ${PEERS[peer]}${where}`, ...figures, count(failed), figure(longestGapMillis)];
}

/** Only what the rows say, whichever way it went. */
export function whatWasSeen(rows: readonly Row[], watchers: string): string {
  const find = (situation: Situation, peer: Teller) =>
    rows.find((row) => row.situation === situation && row.peer === peer);
  const sentences: string[] = [];
  const lossy = [find('loss', 'kernelVxlan')?.load, find('loss', 'selvage')?.load];
  if (lossy[0] !== undefined && lossy[1] !== undefined) {
    const [kernel, selvage] = lossy;
    sentences.push(
      `With 1 % loss, one request in a hundred waited ${millis(kernel.p99Millis)} or more over kernel VXLAN and ` +
        `${millis(selvage.p99Millis)} over Selvage.`,
    );
  }
  const kernel = find('silent-spine', 'kernelVxlan');
  const selvage = find('silent-spine', 'selvage');
  if (kernel !== undefined && selvage !== undefined) {
    sentences.push(
      `When a spine fell silent, the longest wait of a connection was ${longestWait(kernel)} over kernel VXLAN and ` +
        `${longestWait(selvage)} over Selvage.`,
      `Of the requests of ${watchers}, ${failures(kernel)} failed over kernel VXLAN and ${failures(selvage)} over Selvage.`,
    );
  }
  return sentences.map((sentence) => wrapped(sentence)).join('\n');
}

/** Of the load's connections and of those that watched; a load that was given up had waited for longer than is known. */
function longestWait({ load, longestGapMillis }: Row): string {
  return load === undefined
    ? `at least ${millis(longestGapMillis)}`
    : millis(Math.max(longestGapMillis, load.maxMillis));
}

function failures({ failed, watched }: Row): string {
  return `${failed === 0 ? 'none' : count(failed)} of ${count(watched)}`;
}

function millis(value: number): string {
  return value >= 1000 ? `${figure(value / 1000)} s` : `${figure(value)} ms`;
}
