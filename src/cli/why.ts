// `selvage why`: why paths to a peer were left, by the agent of this host and by processes that reroute a VXLAN device.
import type { Command } from 'commander';
import { runtimeDirOption } from './runtime-dir.ts';

const notes = `
Without a peer: of all. The agent remembers of each slot when and why it was last left; a process that reroutes a VXLAN device
(\`selvage reroute\`) remembers its last thousand decisions. A connection is named by its CID, as \`selvage flows\` lists it, and
stands for the peer that it goes to.

Examples:
  selvage why 10.0.2.1
  selvage why 0012ab3f
  selvage why --json | jq '.[] | select(.event == "port-left")'
`;

interface WhyOptions {
  readonly runtimeDir: string;
  readonly json?: true;
}

export function addWhyCommand(program: Command): void {
  program
    .command('why')
    .description('Say why paths to a peer were left, and what else was decided about it.')
    .argument('[peer]', 'address of the other host in the underlay, or the CID of a connection')
    .option('--json', 'print it as JSON')
    .addOption(runtimeDirOption())
    .addHelpText('after', notes)
    .action(async (what: string | undefined, { runtimeDir, json }: WhyOptions) => {
      const { explanations } = await import('./explanations.ts');
      const { renderDecisions } = await import('./reroute-text.ts');
      const { slots, decisions } = await explanations(runtimeDir, what);
      if (json) {
        console.log(JSON.stringify([...slots, ...decisions], null, 2));
        return;
      }
      const { renderPaths } = await import('./paths-text.ts');
      const left = slots.filter(({ lastLeft }) => lastLeft !== undefined);
      const parts = [
        ...(left.length > 0 ? [renderPaths(left, true)] : []),
        ...(decisions.length > 0 ? [renderDecisions(decisions)] : []),
      ];
      console.log(parts.length > 0 ? parts.join('\n\n') : 'Nothing was left, and nothing else decided.');
    });
}
