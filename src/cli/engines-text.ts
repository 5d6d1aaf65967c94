// Engines and their upgrades as people read them.
import type { EngineStatus, Upgraded } from '../agent/reports/status.ts';
import { table } from '../base/table.ts';
import { micros } from './quantities.ts';

const HEAD = [
  'EXECUTOR',
  'ENGINE',
  'VERSION',
  'STATE',
  'TURNS',
  'WORK',
  'A TURN',
  'LONGEST',
  'RESTARTS',
  'REPLACED',
  'LAST GAP',
];

export function renderEngines(engines: readonly EngineStatus[]): string {
  const rows = engines.map((engine) => [
    engine.executor,
    engine.engine,
    engine.version,
    engine.state,
    engine.turns,
    engine.work,
    engine.turns === 0 ? '-' : micros(engine.busyMicros / engine.turns),
    micros(engine.longestTurnMicros),
    engine.restarts,
    engine.replacements,
    engine.lastGapMicros === undefined ? '-' : micros(engine.lastGapMicros),
  ]);
  const errors = engines.flatMap(({ engine, executor, lastError }) =>
    lastError === undefined ? [] : [`${engine} (executor ${executor}) failed last with: ${lastError}`],
  );
  return [table(HEAD, rows), ...errors.flatMap((error) => ['', error])].join('\n');
}

export function renderUpgrade(upgraded: Upgraded): string {
  return upgraded
    .map(({ engine, executor, from, to, gapMicros }) => {
      return `${engine} (executor ${executor}): version ${from} → ${to}, gap ${micros(gapMicros)}`;
    })
    .join('\n');
}
