// `selvage flows`: the connections of the agent on this host, and what became of their packets.
import type { Command } from 'commander';
import { SelvageError } from '../base/errors.ts';
import { runtimeDirOption } from './runtime-dir.ts';

const notes = `
Columns:
  UNA, NEXT    of what is sent: the oldest PSN not acknowledged, and the next to be given to a packet
  BASE         of what is received: the first PSN that is missing
  WINDOW       packets kept until they are acknowledged, of as many as there may be
  CWND         what congestion control (CC) allows on each slot in use, by slot where it differs
  WAITING      frames in front of the window
  LOST         packets given up, by cause: a gap on their slot / overtaken by another slot too long ago / unanswered
  SPURIOUS     of those sent again, how many were not needed: the peer had them
  REORDERED    packets that came early (now, and at most, so many ahead of the first missing)
  DROPPED      frames by the switch, and packets that were not taken, by reason

Examples:
  selvage flows
  selvage flows --vni 77 --to 10.0.2.1
  selvage flows 0012ab3f                       everything about one of them, slot by slot
  selvage flows --json | jq '.[] | select(.resent > 0) | {localMac, remoteMac, lost}'
`;

interface FlowsOptions {
  readonly runtimeDir: string;
  readonly json?: true;
  readonly vni?: string;
  readonly from?: string;
  readonly to?: string;
  readonly state?: string;
}

export function addFlowsCommand(program: Command): void {
  program
    .command('flows')
    .description('List the connections of the agent on this host: windows, losses by cause, drops by reason.')
    .argument('[connection]', 'the CID of the one to tell everything about')
    .option('--vni <number>', 'those of this network')
    .option('--from <mac>', 'those of this interface here')
    .option('--to <address>', 'those to this remote interface, or to this peer')
    .option('--state <name>', 'closed, requested, established, plain or closing')
    .option('--json', 'print them as JSON')
    .addOption(runtimeDirOption())
    .addHelpText('after', notes)
    .action(async (cid: string | undefined, { runtimeDir, json, ...options }: FlowsOptions) => {
      const { fetchFlows } = await import('../agent/admin/agent-client.ts');
      const { renderFlow, renderFlows } = await import('./flows-text.ts');
      const flows = await fetchFlows(runtimeDir, { cid, ...options });
      const [only] = flows;
      if (cid !== undefined && only === undefined) {
        throw new SelvageError('bad-input', `There is no connection ${cid}.`, {
          hint: 'A connection that is begun anew has another CID: `selvage flows` lists them.',
        });
      }
      if (json) console.log(JSON.stringify(flows, null, 2));
      else if (cid !== undefined) console.log(renderFlow(only!));
      else console.log(renderFlows(flows, Object.keys(options).length > 0));
    });
}
