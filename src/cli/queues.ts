// `selvage queues`: the flows that wait in the switches of the agent on this host, what holds them up, and the scheduler.
import type { Command } from 'commander';
import { runtimeDirOption } from './runtime-dir.ts';

const notes = `
A flow has a queue only while something of it waits, or while its receiver holds it back: where nothing waits, frames
are not even sorted by flow.

Columns:
  FOR        what it waits for: its connection to another host, or its vNIC here
  OTHER END  the other vNIC of the flow, and its host if that is another one
  FLOW       protocol, addresses and ports; the number that a native endpoint gave it
  PRIORITY   0 is the most urgent; flows as urgent as each other share by WEIGHT
  PAUSED     for how long its receiver's host has asked it to wait still
  RATE       at which it was asked to go on
  TAKEN      what its owner here takes while something waits
  SENDER     \`asked\` when it was asked to pause, or is held where it is an endpoint of this host

Why frames were dropped:
  queueFull, vnicFull       their flow, or all flows of their vNIC, had their share of the memory; or 64 of a pair of vNICs
                            waited for a connection to be opened
  noRing, noReceiveRing     more flows waited than there are queues for

Examples:
  selvage queues
  selvage queues --vni 77 --direction out
  selvage queues --json | jq '.queues[] | select(.pausedMicros > 0) | .flow'
  selvage queues schedule edf
`;

const scheduleNotes = `
SCHEDULER says whose turn it is of the flows that wait for a connection, or for a vNIC that takes little:
  drr  deficit round robin: the most urgent priority first, and within a priority bytes by weight; the default
  edf  earliest deadline first: each frame is due some time after it became the first of its flow, 125 µs for priority 0
       and twice as much for each that is less urgent; nobody waits for ever

It changes while frames flow, and none is lost or overtakes another of its flow. An upgrade of the switch keeps it; an
agent that starts takes what its configuration says (\`scheduler\`).

Examples:
  selvage queues schedule edf
  selvage queues schedule drr --json
`;

interface QueuesOptions {
  readonly runtimeDir: string;
  readonly json?: true;
  readonly vni?: string;
  readonly vnic?: string;
  readonly direction?: string;
}

export function addQueuesCommand(program: Command): void {
  const queues = program
    .command('queues')
    .description(
      'List the flows that wait in the switch of this host: how much, what holds them up, what was dropped.',
    )
    .option('--vni <number>', 'those of this network')
    .option('--vnic <mac>', 'those of this interface here')
    .option('--direction <name>', 'out: those to other hosts; in: those to vNICs')
    .option('--json', 'print them as JSON')
    .addOption(runtimeDirOption())
    .addHelpText('after', notes)
    .action(async ({ runtimeDir, json, ...filters }: QueuesOptions) => {
      const { fetchQueues } = await import('../agent/admin/agent-client.ts');
      const status = await fetchQueues(runtimeDir, filters);
      if (json) {
        console.log(JSON.stringify(status, null, 2));
        return;
      }
      const { renderQueues } = await import('./queues-text.ts');
      console.log(renderQueues(status, Object.keys(filters).length > 0));
    });
  addSchedule(queues);
}

function addSchedule(queues: Command): void {
  queues
    .command('schedule')
    .description('Let another scheduler decide whose turn it is, while frames flow.')
    .argument('<scheduler>', 'drr or edf')
    .option('--json', 'print what came of it as JSON')
    .addOption(runtimeDirOption())
    .addHelpText('after', scheduleNotes)
    .action(async (scheduler: string, _options: unknown, command: Command) => {
      const { runtimeDir, json } = command.optsWithGlobals() as QueuesOptions;
      const { requestSchedule } = await import('../agent/admin/agent-client.ts');
      const outcome = await requestSchedule(runtimeDir, scheduler);
      if (json) console.log(JSON.stringify(outcome, null, 2));
      else console.log(`${outcome.scheduler} decides from now on whose turn it is.`);
    });
}
