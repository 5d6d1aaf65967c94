// `selvage status`: asks the host's agent and prints what it says.
import type { Command } from 'commander';
import { runtimeDirOption } from './runtime-dir.ts';

const examples = `
Examples:
  selvage status
  selvage status --json | jq '.peers[].slots'
`;

interface StatusOptions {
  readonly runtimeDir: string;
  readonly json?: true;
}

export function addStatusCommand(program: Command): void {
  program
    .command('status')
    .description('Print what the agent on this host is doing: interfaces, peers, paths, connections, drops.')
    .option('--json', 'print it as JSON')
    .addOption(runtimeDirOption())
    .addHelpText('after', examples)
    .action(async ({ runtimeDir, json }: StatusOptions) => {
      const { fetchStatus } = await import('../agent/admin/agent-client.ts');
      const { renderStatus } = await import('./status-text.ts');
      const status = await fetchStatus(runtimeDir);
      console.log(json ? JSON.stringify(status, null, 2) : renderStatus(status));
    });
}
