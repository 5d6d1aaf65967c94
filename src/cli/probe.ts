// `selvage probe`: the ways through the fabric to a peer of a VXLAN overlay, and what rerouting would gain.
import { type Command, InvalidArgumentError } from 'commander';
import { runtimeDirOption } from './runtime-dir.ts';

const notes = `
PEER is the underlay address of another host of the overlay. Datagrams with small TTLs are sent to the overlay's own UDP port
from many source ports, as the kernel's VXLAN device would send data, and the routers where they end say who they are.
Nothing has to run on the peer, and nothing arrives there that it would take for data. It takes some seconds, since routers
answer only so often, and root or CAP_NET_RAW.

Columns:
  SHARE    of the source ports tried, and so about the share of flows
  RTT      to the last router that answers and back, the least seen
  TO PEER  to the peer and back, where \`selvage reroute\` runs on both hosts and has measured it
  ROUTERS  on the way, the nearest first; ? is one that does not say who it is

Examples:
  selvage probe 10.0.2.1
  selvage probe 10.0.2.1 --dev flannel.1
  selvage probe fd00:2::1 --port 4789 --ports 64 --json
`;

interface ProbeCommandOptions {
  readonly dev?: string;
  readonly port?: number;
  readonly ports: number;
  readonly basePort: number;
  readonly json?: true;
  readonly runtimeDir: string;
}

export function addProbeCommand(program: Command): void {
  program
    .command('probe')
    .description('Find the routes to a host of a VXLAN overlay, and what rerouting would gain there.')
    .argument('<peer>', 'address of the other host in the underlay')
    .option('--dev <name>', 'the VXLAN device, if there are several')
    .option('--port <number>', "the overlay's UDP port, where there is no device", portNumber)
    .option('--ports <number>', 'source ports to try', portCount, 32)
    .option('--base-port <number>', 'the first of them', portNumber, 10_000)
    .option('--json', 'print what was found as JSON')
    .addOption(runtimeDirOption())
    .addHelpText('after', notes)
    .action(async (peer: string, { json, ...options }: ProbeCommandOptions) => {
      const { probe } = await import('../reroute/probe.ts');
      const { renderProbe } = await import('./probe-text.ts');
      const { requireProgram } = await import('../../lab/programs.ts');
      const tools = { ip: await requireProgram('ip'), bridge: await requireProgram('bridge') };
      const report = await probe(tools, { peer, ...options }, (line) => console.error(line));
      console.log(json ? JSON.stringify(report, null, 2) : renderProbe(report));
    });
}

export function portNumber(text: string): number {
  const number = Number(text);
  if (Number.isInteger(number) && number > 0 && number < 65_536) return number;
  throw new InvalidArgumentError('It must be a number from 1 to 65535.');
}

function portCount(text: string): number {
  const number = Number(text);
  if (Number.isInteger(number) && number >= 2 && number <= 256) return number;
  throw new InvalidArgumentError('It must be a number from 2 to 256.');
}
