// `selvage demo`: what a newcomer runs first.
import type { Command } from 'commander';

const details = `
Brings up a lab, joins two tenants' machines by the kernel's VXLAN and by Selvage, and runs Redis between them over each:
on a healthy network, with 1 % loss each way, and while a spine falls silent. Takes about half a minute.

Examples:
  selvage demo
  selvage demo --json | jq .rows
`;

interface DemoOptions {
  readonly quick?: boolean;
  readonly json?: boolean;
}

export function addDemoCommand(program: Command): void {
  program
    .command('demo')
    .description('Watch Redis survive packet loss and a dead path, beside the kernel’s VXLAN.')
    .option('--quick', 'fewer requests')
    .option('--json', 'print the outcome as JSON')
    .addHelpText('after', details)
    .action(async ({ quick = false, json = false }: DemoOptions) => {
      const { runDemo } = await import('../../bench/demo/run.ts');
      process.exitCode = await runDemo({ quick, json });
    });
}
