// Congestion control as people read it.
import type { CongestionStatus, EndOutcome, RunOutcome } from '../agent/congestion/congestion-status.ts';
import type { LinuxStatus } from '../agent/congestion/linux-connections.ts';
import { table } from '../base/table.ts';
import { count } from './quantities.ts';

const HEAD = ['ALGORITHM', 'STATE', 'CONTROLS', 'ON THEIR OWN', 'REPORTS', 'COMMANDS', 'RESTARTS', 'FROM'];

/** More would fill the screen. */
const MOST_CONNECTIONS = 50;

export function renderCongestion({ algorithms, rules, counters }: CongestionStatus): string {
  if (algorithms.length === 0 && rules.length === 0)
    return 'No algorithm of the control plane runs: the transport governs itself.';
  const rows = algorithms.map((each) => [
    each.name,
    each.state,
    each.controlled,
    each.fallback,
    each.reports,
    each.commands,
    each.restarts,
    each.from,
  ]);
  const troubles = algorithms.flatMap(({ name, trouble }) =>
    trouble === undefined ? [] : [`${name} had trouble last: ${trouble}`],
  );
  const set = rules.map(({ algorithm, governs }) => [algorithm, governs]);
  const parts = [
    algorithms.length === 0 ? undefined : table(HEAD, rows),
    ...troubles,
    rules.length === 0
      ? undefined
      : `Set, the last that fits decides:\n${table(['ALGORITHM', 'GOVERNS'], set)}`,
    lossesOf(counters),
  ];
  return parts.filter((part) => part !== undefined).join('\n\n');
}

export function renderOutcome({ algorithm, governs, flows }: RunOutcome): string {
  if (algorithm === 'configured') return 'What was set for this is taken back.';
  if (governs.length === 0)
    return `${algorithm} runs and governs nothing yet: selvage cc set ${algorithm} --vni …`;
  const now = flows === 0 ? '' : `, ${count(flows, 'slot')} in use now`;
  return `${algorithm} governs ${governs.join(', ')}${now}.`;
}

export function renderEnd({ algorithm, governed }: EndOutcome): string {
  if (governed.length === 0) return `${algorithm} has ended.`;
  return `${algorithm} has ended. What it governed is governed by others now: ${governed.join(', ')}.`;
}

/** Those with the most reports first. */
export function renderLinux({ connections, counts }: LinuxStatus): string {
  const { unserved } = counts;
  const left = unserved === 0 ? '' : `; ${count(unserved, 'connection')} had no room and were left to Reno`;
  const said = `${count(connections.length, 'connection')}, ${count(counts.reports, 'report')}${left}`;
  if (connections.length === 0) return said;
  const sorted = connections.toSorted((a, b) => b.reports - a.reports).slice(0, MOST_CONNECTIONS);
  const rows = sorted.map((each) => [each.connection, each.decides, each.reports, each.trouble ?? '']);
  return `${said}\n${table(['CONNECTION', 'DECIDES', 'REPORTS', 'LAST TROUBLE'], rows)}`;
}

/** What should not happen, if it did. */
function lossesOf(counters: Readonly<Record<string, number>>): string | undefined {
  const said: readonly (readonly [keyof AlgorithmCounters, string])[] = [
    ['fallbacks', 'slot fell back to the built-in Reno'],
    ['reportsRefused', 'report had no room'],
    ['commandsBad', 'message was none'],
  ];
  const parts = said.flatMap(([name, what]) => {
    const number = counters[name] ?? 0;
    return number === 0 ? [] : [`${number} × a ${what}`];
  });
  return parts.length === 0 ? undefined : `Since the agent started: ${parts.join(', ')}.`;
}

interface AlgorithmCounters {
  readonly fallbacks: number;
  readonly reportsRefused: number;
  readonly commandsBad: number;
}
