// `selvage why`: why paths to a peer were left, by the agent of this host and by processes that reroute a VXLAN device.
import type { Command } from 'commander';
import { runtimeDirOption } from './runtime-dir.ts';

const notes = `
Without a peer: of all. The agent and a process that reroutes a VXLAN device (\`selvage reroute\`) remember their last thousand
decisions. A connection is named by its CID, as \`selvage flows\` lists it: by whose decision its window is what it is, where its
packets were dropped, and what was decided about paths to its peer. Of flows whose receivers are slow: since when they are
held back, by whom, and what rate they were told.

Examples:
  selvage why 10.0.2.1
  selvage why 0012ab3f
  selvage why --json | jq '.[] | select(.event == "port-left" or .event == "flow-paused")'
`;

interface WhyOptions {
  readonly runtimeDir: string;
  readonly json?: true;
}

export function addWhyCommand(program: Command): void {
  program
    .command('why')
    .description(
      'Say why paths to a peer were left, what took their place, which flows were paused, and what else was decided.',
    )
    .argument('[peer]', 'address of the other host in the underlay, or the CID of a connection')
    .option('--json', 'print the decisions as JSON')
    .addOption(runtimeDirOption())
    .addHelpText('after', notes)
    .action(async (what: string | undefined, { runtimeDir, json }: WhyOptions) => {
      const { explanations } = await import('./explanations.ts');
      const { renderWhy } = await import('./why-text.ts');
      const why = await explanations(runtimeDir, what);
      if (json)
        console.log(JSON.stringify([...why.agent.decisions, ...why.agent.pauses, ...why.decisions], null, 2));
      else console.log(renderWhy(why));
    });
}
