// Paths as people read them: a row for each slot of each peer, and of each data thread.
import type { LeftReason, PathStatus } from '../agent/reports/status.ts';
import { type Cell, table } from '../base/table.ts';
import { age, micros } from './quantities.ts';

const HEAD = [
  'PEER',
  'SLOT',
  'PORT',
  'ROUTE',
  'STATE',
  'SINCE',
  'SPRAYED',
  'RTT',
  'FABRIC',
  'ENDPOINT',
  'HOPS',
  'TIMEOUTS',
  'PROBES',
  'LEFT',
  'FAILED',
  'BACK',
  'MOVED',
  'LEFT LAST',
];

const reasons: Readonly<Record<LeftReason, string>> = {
  silence: 'silence',
  'unanswered probe': 'a probe not answered',
  loss: 'losses',
};

/** `filtered`: not all were asked for. */
export function renderPaths(paths: readonly PathStatus[], filtered: boolean): string {
  if (paths.length > 0) {
    // With one data thread there is nothing to tell apart.
    const several = paths.some(({ thread }) => thread > 0);
    const cells = (path: PathStatus) => (several ? [path.thread, ...row(path)] : row(path));
    return table(several ? ['THREAD', ...HEAD] : HEAD, paths.map(cells));
  }
  return filtered ? 'There is no such peer.' : 'There are no peers.';
}

function row(path: PathStatus): Cell[] {
  const { probes, changes } = path;
  return [
    path.vtep,
    path.slot,
    path.sourcePort,
    path.route === 0 ? '-' : [path.route, ...path.hops.map((hop) => hop || '?')].join(' '),
    path.state,
    age(path.sinceSecondsAgo),
    path.sprayed ? 'yes' : '-',
    micros(path.rttMicros),
    micros(path.fabricMicros),
    micros(path.endpointMicros),
    path.hopCount === 0 ? '-' : String(path.hopCount),
    path.timeouts,
    probes.sent === 0 ? '-' : `${probes.answered}/${probes.sent}`,
    changes.suspected,
    changes.failed,
    changes.recovered,
    changes.rebound,
    left(path),
  ];
}

function left({ lastLeft }: PathStatus): string {
  if (lastLeft === undefined) return '-';
  const { secondsAgo, because, badBecause } = lastLeft;
  const then = badBecause === undefined ? '' : `, then ${again(because, badBecause)}`;
  return `${age(secondsAgo)} ago: ${reasons[because]}${then}`;
}

function again(first: LeftReason, second: LeftReason): string {
  if (first !== second) return reasons[second];
  return second === 'silence' ? 'more of it' : 'another';
}
