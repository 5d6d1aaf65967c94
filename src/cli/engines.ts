// `selvage engines` and `selvage upgrade`: what the agent's threads run, and other code in its place.
import { resolve } from 'node:path';
import type { Command } from 'commander';
import type { EngineStatus } from '../agent/reports/status.ts';
import { SelvageError } from '../base/errors.ts';
import { runtimeDirOption } from './runtime-dir.ts';

const listExamples = `
Examples:
  selvage engines
  selvage engines --json | jq '.[] | select(.restarts > 0)'
`;

const upgradeExamples = `
FILE is a TypeScript or JavaScript module whose default export is an engine factory (docs/engines.md). It is bundled,
tried in a thread of its own, and takes over the old engine's state between two turns; connections, sessions and packets
stay. When anything goes wrong the old engine runs on. With several data threads each has a switch, and one after the
other is replaced; --executor tries it on one of them first. Of several ENGINEs, which must share an executor, all are
replaced or none.

Examples:
  selvage upgrade switch examples/engines/frame-sizes.ts
  selvage upgrade switch examples/engines/frame-sizes.ts --executor data-1
  selvage upgrade switch node_modules/selvage/dist/switch-engine.js      the switch of a newer package
  selvage upgrade clients node_modules/selvage/dist/clients-engine.js    and its service for clients
`;

interface EnginesOptions {
  readonly runtimeDir: string;
  readonly json?: true;
}

interface UpgradeOptions extends EnginesOptions {
  readonly executor?: string;
}

export function addEngineCommands(program: Command): void {
  program
    .command('engines')
    .description('List the engines of the agent on this host: what they did, and what became of them.')
    .option('--json', 'print it as JSON')
    .addOption(runtimeDirOption())
    .addHelpText('after', listExamples)
    .action(async ({ runtimeDir, json }: EnginesOptions) => {
      const { fetchEngines } = await import('../agent/admin/agent-client.ts');
      const { renderEngines } = await import('./engines-text.ts');
      const engines: readonly EngineStatus[] = await fetchEngines(runtimeDir);
      console.log(json ? JSON.stringify(engines, null, 2) : renderEngines(engines));
    });
  program
    .command('upgrade')
    .description('Replace engines of the agent on this host by other versions, while packets flow.')
    .usage('[options] ENGINE FILE [ENGINE FILE …]')
    .argument('<pairs...>', 'names of engines (selvage engines), each with the module of the new one')
    .option('--json', 'print the outcomes as JSON')
    .option('--executor <name>', 'only there, and not in every executor that has the engine')
    .addOption(runtimeDirOption())
    .addHelpText('after', upgradeExamples)
    .action(async (words: string[], { runtimeDir, json, executor }: UpgradeOptions) => {
      const upgrades = pairsOf(words);
      const { requestUpgrade } = await import('../agent/admin/agent-client.ts');
      const { renderUpgrade } = await import('./engines-text.ts');
      const upgraded = await requestUpgrade(runtimeDir, upgrades, executor);
      console.log(json ? JSON.stringify(upgraded, null, 2) : renderUpgrade(upgraded));
    });
}

function pairsOf(words: readonly string[]): { engine: string; file: string }[] {
  if (words.length % 2 === 1) {
    throw new SelvageError('bad-input', `The engine ${words.at(-1)} has no file.`, {
      hint: 'Write the name of each engine and behind it the file of the new one: selvage upgrade switch FILE',
    });
  }
  return words.flatMap((engine, i) => (i % 2 === 0 ? [{ engine, file: resolve(words[i + 1]!) }] : []));
}
