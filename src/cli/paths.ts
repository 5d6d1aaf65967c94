// `selvage paths`: the slots to each peer of the agent on this host, and the source ports of a VXLAN device that is rerouted.
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

Of one peer there is another table, of all source ports that slots may use and of which something is known: one that is
\`resting\` works again, and is taken last until the rankings start afresh, every half hour; one that is \`slow\` works, but its
route was slow in the last half hour, and no slot moves there. Probes are those of its way there.

Of a kernel's VXLAN device that \`selvage reroute\` looks after there is a second table, of source ports. One that is \`resting\`
answers again, and is used again when the rankings start afresh or more than half of the others are bad.

Examples:
  selvage paths
  selvage paths 10.0.2.1
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
    .description('List the paths to each peer of this host: state, delays, why each was left.')
    .argument('[peer]', 'those to this peer')
    .option('--to <address>', 'the same')
    .option('--json', 'print them as JSON')
    .addOption(runtimeDirOption())
    .addHelpText('after', notes)
    .action(async (peer: string | undefined, { runtimeDir, json, to = peer }: PathsOptions) => {
      const { knownPaths } = await import('./explanations.ts');
      const { slots, peers, ports } = await knownPaths(runtimeDir, to);
      const isOne = to !== undefined;
      const known = isOne ? peers.filter(({ candidates }) => candidates.length > 0) : [];
      if (json) {
        const spare = known.flatMap(({ vtep, thread, candidates }) =>
          candidates
            .filter(({ slot }) => slot === undefined)
            .map((candidate) => ({ vtep, thread, ...candidate })),
        );
        console.log(JSON.stringify([...slots, ...spare, ...ports], null, 2));
        return;
      }
      const { renderPaths } = await import('./paths-text.ts');
      const { renderReroutePaths } = await import('./reroute-text.ts');
      const { renderCandidates } = await import('./why-agent.ts');
      const parts = [
        ...(slots.length > 0 || ports.length === 0 ? [renderPaths(slots, isOne)] : []),
        ...(known.length > 0 ? [renderCandidates(known)] : []),
        ...(ports.length > 0 ? [renderReroutePaths(ports)] : []),
      ];
      console.log(parts.join('\n\n'));
    });
}
