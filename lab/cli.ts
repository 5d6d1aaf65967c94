// The command lines of `selvage lab …` and `selvage emulate …`: what they take and what they print. What they do is
// imported when it is run.
import type { Command } from 'commander';
import { SelvageError } from '../src/base/errors.ts';
import type { ConditionTexts } from './conditions.ts';
import type { EmulateOptions } from './emulate.ts';
import type { TraceTexts } from './make-trace.ts';

const labExamples = `
Examples:
  selvage lab up
  selvage lab set leaf1-spine2 --blackhole both
  selvage lab exec tenant1 -- ping -c 3 192.168.77.3
  selvage lab down
`;
const upExamples = `
Without a file: two racks of two hosts, a leaf each, four spines, one tenant's machine on every host.

Examples:
  selvage lab up
  selvage lab up three-racks.yaml --name big --no-agents
`;
const downExamples = `
What a killed command (bench, demo, a test) left behind is removed by whichever lab comes up next, and here. A lab of
\`lab up\` belongs to no process: it stays until it is taken down. One that a running command is using goes only by name.

Examples:
  selvage lab down
  selvage lab down --lab big
`;
const statusExamples = `
Examples:
  selvage lab status
  selvage lab status --json | jq '.labs[0].links[] | select(.summary != "")'
`;
const execExamples = `
Missing programs of the lab (iperf3, ping, redis-cli, tcpdump, …) are fetched; nothing is installed. A shell that is
started here finds those that are installed only.

Examples:
  selvage lab exec tenant1 -- ping -c 3 192.168.77.3
  selvage lab exec leaf1 -- ip route
  selvage lab exec host1 -- selvage status     # asks the agent of host1
`;
const setExamples = `
What is not named stays as it is; "none" heals one aspect. Loss, rate, delay, jitter and queue hold for each
direction. Quote directions, the shell reads > otherwise. A fault is silent unless it is --carrier down.

Examples:
  selvage lab set leaf1-spine2 --blackhole "a>b"
  selvage lab set leaf1-spine2 --blackhole both --bucket 3/8
  selvage lab set host1-leaf1 --loss 1%
  selvage lab set host1-leaf1 --rate 48mbit --delay 10ms --queue 100
`;
const resetExamples = `
Examples:
  selvage lab reset host1-leaf1
`;
const emulateExamples = `
One value holds for both directions; two with a comma between are for the way up from the program and the way down to it.
The program runs in a network namespace of its own; SELVAGE_GATEWAY in its environment is this side of the link, with links
inside links the outermost. If it is a shell, what that runs must be installed. In the end a summary goes to the error
output. docs/emulate.md says what exactly is emulated.

Examples:
  selvage emulate --delay 10ms -- sh -c 'ping -c 3 $SELVAGE_GATEWAY'
  selvage emulate --rate 48mbit --delay 10ms --queue 2bdp --log queue.csv -- sh -c 'iperf3 -c $SELVAGE_GATEWAY'
  selvage emulate --rate 5mbit,50mbit --qdisc fq_codel --loss 0.1%,0% -- bash
  selvage emulate --make-trace cellular --seed 7 > cell.up
  selvage emulate --delay 20ms -- selvage emulate --trace cell.up,none --queue 2bdp -- sh -c 'iperf3 -c $SELVAGE_GATEWAY'
`;

interface ChosenLab {
  readonly lab?: string;
}

export function addLabCommands(program: Command): void {
  const lab = program
    .command('lab')
    .description('A small cloud in network namespaces, with links that can be broken.')
    .enablePositionalOptions()
    .addHelpText('after', labExamples);
  addUp(lab);
  lab
    .command('down')
    .description('End what runs in a lab and remove it.')
    .option('--lab <name>', 'which, when several are up')
    .addHelpText('after', downExamples)
    .action(async (chosen: ChosenLab) => (await import('./cli-lab.ts')).down(chosen.lab));
  lab
    .command('status')
    .description('Print the labs that are up: nodes, links with their faults, tenants, processes.')
    .option('--json', 'print it as JSON')
    .option('--lab <name>', 'only this one')
    .addHelpText('after', statusExamples)
    .action(async ({ json, lab }: ChosenLab & { json?: true }) =>
      (await import('./cli-lab.ts')).status(lab, json === true),
    );
  lab
    .command('exec')
    .description('Run a program in a node of a lab and exit as it does.')
    .argument('<node>', 'a host, leaf, spine or tenant, such as tenant1')
    .argument('<command...>', 'the program and its arguments, after --')
    .option('--lab <name>', 'which, when several are up')
    .passThroughOptions()
    .addHelpText('after', execExamples)
    .action(async (node: string, command: string[], chosen: ChosenLab) =>
      (await import('./cli-lab.ts')).exec(chosen.lab, node, withoutDashes(command)),
    );
  addFaultCommands(lab);
}

interface UpOptions {
  readonly name?: string;
  readonly agents: boolean;
  readonly vxlan: boolean;
}

function addUp(lab: Command): void {
  lab
    .command('up')
    .description(
      "Bring up a lab, its tenants joined by Selvage and by the kernel's VXLAN; it stays until `down`.",
    )
    .argument('[topology]', 'a YAML file that describes racks, spines and tenants')
    .option('--name <name>', 'its name, of lower-case letters and digits; else a number')
    .option('--no-agents', 'start no Selvage agents')
    .option('--no-vxlan', "attach no tenants to the kernel's VXLAN")
    .addHelpText('after', upExamples)
    .action(async (topology: string | undefined, options: UpOptions) =>
      (await import('./cli-lab.ts')).up({ topology, ...options }),
    );
}

function addFaultCommands(lab: Command): void {
  lab
    .command('set')
    .description('Break a link, or heal one aspect of it.')
    .argument('<link>', 'such as leaf1-spine2')
    .option('--blackhole <direction>', '"a>b", "b>a" or both: packets vanish without a word')
    .option('--bucket <which>', 'such as 3/8: the blackhole takes an eighth of the flows, by their hash')
    .option('--carrier <state>', 'down or up: both ends see the cable cut')
    .option('--loss <share>', 'such as 1%: packets are lost at random')
    .option('--rate <rate>', 'such as 48mbit')
    .option('--delay <time>', 'such as 10ms')
    .option('--jitter <time>', 'such as 5ms: packets take longer by up to this, at random, and stay in order')
    .option('--queue <packets>', 'that may wait for a limited rate; else 256')
    .option('--lab <name>', 'which, when several are up')
    .addHelpText('after', setExamples)
    .action(async (link: string, { lab: name, ...texts }: ConditionTexts & ChosenLab) =>
      (await import('./cli-lab.ts')).set(name, link, texts),
    );
  lab
    .command('reset')
    .description('Return a link to what the topology says of it: by default, healthy.')
    .argument('<link>', 'such as leaf1-spine2')
    .option('--lab <name>', 'which, when several are up')
    .addHelpText('after', resetExamples)
    .action(async (link: string, chosen: ChosenLab) =>
      (await import('./cli-lab.ts')).reset(chosen.lab, link),
    );
}

type EmulateCommandOptions = EmulateOptions & TraceTexts & { readonly makeTrace?: string };

export function addEmulateCommand(program: Command): void {
  program
    .enablePositionalOptions()
    .command('emulate')
    .description('Run a program behind one emulated link, and exit as it does.')
    .argument('[command...]', 'the program and its arguments, after --')
    .option('--rate <rate>', 'such as 48mbit; else unlimited')
    .option('--trace <file>', "instead of a rate: when packets can be sent, in Mahimahi's format")
    .option('--delay <time>', 'each way, such as 10ms; else none')
    .option('--loss <share>', 'such as 0.01%: of the packets that were sent, at random')
    .option(
      '--queue <length>',
      'in packets (100), bytes (64kB), products of bandwidth and delay (2bdp) or unlimited',
    )
    .option('--qdisc <name>', 'fifo, sfq, codel, fq_codel or red; else fifo')
    .option('--ecn', 'mark packets that allow it where codel, fq_codel or red would drop them early')
    .option('--mark <length>', 'mark packets that allow it and find a longer queue than this, such as 20')
    .option('--seed <number>', 'of all that is random; else a new one')
    .option('--log <file>', 'write queue lengths and departures every 10 ms, as CSV')
    .option('--report <file>', 'write the summary as JSON')
    .option('--quiet', 'print no summary, or nothing but the trace')
    .option('--make-trace <kind>', 'print a trace instead of running anything: cellular, at most --rate')
    .option('--duration <time>', 'of the trace that is made, such as 10min; else 60s')
    .passThroughOptions()
    .addHelpText('after', emulateExamples)
    .action(async (command: string[], { makeTrace: kind, duration, ...options }: EmulateCommandOptions) => {
      if (kind !== undefined) {
        const { makeTrace, refuseBesideMakeTrace } = await import('./make-trace.ts');
        const { seed: _seed, rate: _rate, quiet: _quiet, ...others } = options;
        refuseBesideMakeTrace(withoutDashes(command), others);
        return makeTrace(kind, { ...options, ...(duration !== undefined && { duration }) });
      }
      if (duration !== undefined) {
        throw new SelvageError('bad-input', 'Only a trace that is made has a --duration.', {
          hint: 'Give --make-trace cellular as well, or end the program in time.',
        });
      }
      const { emulate } = await import('./emulate.ts');
      process.exitCode = await emulate(withoutDashes(command), options);
    });
}

/** A `--` before the program, which commander leaves in its place behind other arguments. */
function withoutDashes(command: readonly string[]): readonly string[] {
  return command[0] === '--' ? command.slice(1) : command;
}
