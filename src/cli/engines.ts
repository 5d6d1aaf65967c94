// `selvage engines` and `selvage upgrade`: what the agent's threads run, and other code in its place.
import { resolve } from 'node:path';
import type { Command } from 'commander';
import type { EngineStatus, Upgraded } from '../agent/status.ts';

const listExamples = `
Examples:
  selvage engines
  selvage engines --json | jq '.[] | select(.restarts > 0)'
`;

const upgradeExamples = `
FILE is a TypeScript or JavaScript module whose default export is an engine factory (docs/engines.md). It is bundled,
tried in a thread of its own, and takes over the old engine's state between two turns; connections and packets stay.
When anything goes wrong the old engine runs on. With several data threads each has a switch, and one after the other is
replaced; --executor tries it on one of them first.

Examples:
  selvage upgrade switch examples/engines/frame-sizes.ts
  selvage upgrade switch examples/engines/frame-sizes.ts --executor data-1
  selvage upgrade switch node_modules/selvage/dist/switch-engine.js    the switch of a newer package
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
    .option('--runtime-dir <folder>', "the agent's runtimeDir", '/run/selvage')
    .addHelpText('after', listExamples)
    .action(async ({ runtimeDir, json }: EnginesOptions) => {
      const { fetchEngines } = await import('../agent/agent-client.ts');
      const { renderEngines } = await import('./engines-text.ts');
      const engines: readonly EngineStatus[] = await fetchEngines(runtimeDir);
      console.log(json ? JSON.stringify(engines, null, 2) : renderEngines(engines));
    });
  program
    .command('upgrade')
    .description('Replace an engine of the agent on this host by another version, while packets flow.')
    .argument('<engine>', 'its name, such as switch')
    .argument('<file>', 'the module of the new one')
    .option('--json', 'print the outcome as JSON')
    .option('--executor <name>', 'only there, and not in every executor that has the engine')
    .option('--runtime-dir <folder>', "the agent's runtimeDir", '/run/selvage')
    .addHelpText('after', upgradeExamples)
    .action(async (engine: string, file: string, { runtimeDir, json, executor }: UpgradeOptions) => {
      const { requestUpgrade } = await import('../agent/agent-client.ts');
      const { renderUpgrade } = await import('./engines-text.ts');
      const upgraded: Upgraded = await requestUpgrade(runtimeDir, engine, resolve(file), executor);
      console.log(json ? JSON.stringify(upgraded, null, 2) : renderUpgrade(upgraded));
    });
}
