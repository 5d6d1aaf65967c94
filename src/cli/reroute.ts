// `selvage reroute`: lets a VXLAN overlay that is there heal itself.
import { type Command, InvalidArgumentError, Option } from 'commander';
import { SelvageError } from '../base/errors.ts';
import { ROLE_GATEWAY, ROLE_HYPERVISOR, ROLE_MIDDLEBOX } from '../paths/reroute/roles.ts';
import { portNumber } from './probe.ts';
import { runtimeDirOption } from './runtime-dir.ts';

const notes = `
For overlays of the kernel's VXLAN: flannel, Cilium and Calico in VXLAN mode, or plain \`ip link … type vxlan\`. It runs on every
host (examples/reroute has a systemd unit and a Kubernetes DaemonSet, docs/reroute.md says more). Peers probe the paths between each other by source ports
from 10000 on, and when one fails, a small eBPF program on the underlay's device gives the flows that took it another outer
source port, so that the fabric hashes them onto a path that is known to work. Nothing else about the packets is changed, the
underlay needs nothing, and hosts that do not run it are left in peace.

It needs root with CAP_NET_ADMIN, CAP_NET_RAW and CAP_SYS_ADMIN. When it is killed, the program goes on with
its last table for half a minute and then changes nothing any more; the next start takes it over. Ended by SIGTERM it leaves
the devices as they were.

Examples:
  selvage reroute --dev flannel.1
  selvage reroute --dev vxlan100 --dev vxlan200   several of one UDP port and address
  selvage reroute --status
  selvage paths 10.0.2.1                  source ports to a peer: state, round trip, failures
  selvage why 10.0.2.1                    what was left, and why
  selvage reroute --unload                after a process was killed for good
`;

const ROLES = { hypervisor: ROLE_HYPERVISOR, gateway: ROLE_GATEWAY, middlebox: ROLE_MIDDLEBOX } as const;

interface RerouteOptions {
  readonly runtimeDir: string;
  readonly dev?: readonly string[];
  readonly role: keyof typeof ROLES;
  readonly basePort: number;
  readonly wait?: true;
  readonly status?: true;
  readonly unload?: true;
  readonly json?: true;
}

export function addRerouteCommand(program: Command, version: () => string): void {
  program
    .command('reroute')
    .description("Keep the flows of a kernel's VXLAN device off paths that fail, until ended.")
    .option(
      '--dev <name>',
      'the VXLAN device, if there are several; again for each more of its UDP port',
      another,
    )
    .addOption(
      new Option('--role <role>', 'what this host is').choices(Object.keys(ROLES)).default('hypervisor'),
    )
    .option('--base-port <number>', 'first of the source ports', basePort, 10_000)
    .option('--wait', 'wait for a device that is not there yet')
    .option('--status', 'say what the process that runs is doing')
    .option('--unload', 'take off what a process that was killed left')
    .option('--json', 'with --status: as JSON')
    .addOption(runtimeDirOption())
    .addHelpText('after', notes)
    .action(async (options: RerouteOptions) => {
      if (options.status) await printStatus(options);
      else if (options.unload) await printUnload(options);
      else await run(options, version());
    });
}

async function run(options: RerouteOptions, version: string): Promise<void> {
  const { dev: devices = [], basePort, runtimeDir, role, wait = false } = options;
  if (wait && devices.length === 0) {
    throw new SelvageError('bad-input', 'Which device to wait for is not said.', {
      hint: 'Name it with --dev.',
    });
  }
  const { runReroute } = await import('../reroute/run.ts');
  const surroundings = { tools: await tools(), version };
  await runReroute({ devices, role: ROLES[role], basePort, runtimeDir, wait }, surroundings);
}

async function printStatus({ dev, runtimeDir, json }: RerouteOptions): Promise<void> {
  const { fetchReroute, fetchReroutes } = await import('../reroute/client.ts');
  const { renderReroutes } = await import('./reroute-text.ts');
  const statuses =
    dev === undefined
      ? await fetchReroutes(runtimeDir)
      : await Promise.all(dev.map((each) => fetchReroute(runtimeDir, each)));
  if (json) {
    console.log(JSON.stringify(statuses, null, 2));
    return;
  }
  if (statuses.length === 0) {
    throw new SelvageError('not-running', 'Nothing reroutes on this host.', {
      hint: 'Start it with `selvage reroute --dev DEVICE`.',
    });
  }
  console.log(renderReroutes(statuses));
}

async function printUnload({ dev, runtimeDir }: RerouteOptions): Promise<void> {
  const { unloadReroute } = await import('../reroute/run.ts');
  console.log(await unloadReroute(await tools(), dev ?? [], runtimeDir));
}

async function tools() {
  const { requireProgram } = await import('../../lab/programs.ts');
  return { ip: await requireProgram('ip'), bridge: await requireProgram('bridge') };
}

/** One more of those given before. */
function another(name: string, before: readonly string[] = []): readonly string[] {
  return before.includes(name) ? before : [...before, name];
}

/** Sixty-four ports must fit. */
function basePort(text: string): number {
  const number = portNumber(text);
  if (number >= 1024 && number <= 65_472) return number;
  throw new InvalidArgumentError('It must be a number from 1024 to 65472.');
}
