// `selvage paths`: the slots to each peer of the agent on this host.
import type { Command } from 'commander';
import { runtimeDirOption } from './runtime-dir.ts';

const notes = `
A slot is a UDP source port of ours, which the fabric hashes onto some route. Of those that are healthy the fastest are
sprayed over, on routes of their own where routes are known. One that does not answer in time is suspect, and bad when it does not answer a probe either.

Columns:
  ROUTE                the same number for slots that share one, and its routers as far as they tell routes apart
  RTT                  a round trip by the slot, without the peer's wait before it answers
  FABRIC, ENDPOINT     what it takes between the hosts, and what the hosts themselves take, that wait included
  HOPS                 routers between the hosts
  PROBES               answered, of those sent
  LEFT, FAILED, BACK   how often it became suspect, bad, and healthy again
  MOVED                how often it got another source port, for another route
  LEFT LAST            when and why it was left, and why it was then taken for bad

Examples:
  selvage paths
  selvage paths --to 10.0.2.1
  selvage paths --json | jq '.[] | select(.state != "healthy")'
`;

interface PathsOptions {
  readonly runtimeDir: string;
  readonly json?: true;
  readonly to?: string;
}

export function addPathsCommand(program: Command): void {
  program
    .command('paths')
    .description('List the paths to each peer of the agent on this host: state, delays, why each was left.')
    .option('--to <address>', 'those to this peer')
    .option('--json', 'print them as JSON')
    .addOption(runtimeDirOption())
    .addHelpText('after', notes)
    .action(async ({ runtimeDir, json, to }: PathsOptions) => {
      const { fetchPaths } = await import('../agent/agent-client.ts');
      const { renderPaths } = await import('./paths-text.ts');
      const paths = await fetchPaths(runtimeDir, { to });
      console.log(json ? JSON.stringify(paths, null, 2) : renderPaths(paths, to !== undefined));
    });
}
