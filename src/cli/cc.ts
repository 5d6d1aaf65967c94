// `selvage cc`: algorithms of congestion control on this host's connections: run one's own, say which governs what, end
// them, look at what they do.
import { resolve } from 'node:path';
import { type Command, InvalidArgumentError } from 'commander';
import type { SelectorText } from '../agent/congestion/selector.ts';
import { SelvageError } from '../base/errors.ts';
import { scaled } from '../base/rate.ts';
import { runtimeDirOption } from './runtime-dir.ts';

const runNotes = `
FILE is a TypeScript or JavaScript module whose default export is an algorithm (docs/congestion-plane.md). It is bundled
and rehearsed in a thread of its own first; what does not compile, throws or installs no program is refused, and nothing
changes. Then it runs in a thread of its own, and what is selected goes over to it while packets flow. Without a
selection it takes the place of the one that had its name, or waits for \`selvage cc set\`.

Examples:
  selvage cc run examples/congestion/gentle.ts --vni 77
  selvage cc run mine.ts --to 10.0.2.1
  selvage cc run mine.ts                          a newer version, for what it governs already

With --linux it governs Linux's own TCP connections instead, those of programs that choose NAME as their congestion control
(\`sysctl net.ipv4.tcp_congestion_control=NAME\`, \`iperf3 -C NAME\`). That takes no agent, but root and libbpf1, and lasts
until the command is ended; connections then go on under Reno, until it is started again (docs/congestion-linux.md).

  selvage cc run examples/congestion/gentle.ts --linux gentle --report 5

--report prints the connections every so many seconds: who decides over each, how many reports it made, why it fell back
last. \`selvage cc list\` and \`trace\` ask the agent and do not know them; \`ss -tin\` shows their windows and round trips.
`;

const setNotes = `
ALGORITHM is swift, constant or none of the transport's own; bbr, copa, cubic, dctcp, fair-share, nimbus, reno,
swift-program or vegas, which run in threads of the agent; one that \`selvage cc run\` brought; or \`configured\`, which takes
back what was set for the same selection. The last setting that fits a connection decides; none outlives the agent.

Examples:
  selvage cc set cubic --vni 77
  selvage cc set swift --flow 0012ab3f
  selvage cc set configured --vni 77
`;

const endNotes = `
ALGORITHM is one that \`selvage cc list\` lists. What was set for it is taken back, so that what else is set or configured
governs its connections while packets flow. Networks that are configured to have it go over to swift, until somebody runs or
sets it again, or \`selvage cc set configured\` asks for what is configured. Its thread ends, or the connection of its program.

Examples:
  selvage cc end gentle
  selvage cc end reno --json
`;

const traceNotes = `
FLOW is a CID (selvage flows). Window and rate are those of all slots that packets are sprayed over, round trip and
queueing those of the slowest; queueing is what the fabric takes beyond the least that was seen in the trace. Connections of
Linux's TCP have no CID: \`ss -tin\` shows their windows and round trips, \`selvage cc run FILE --linux NAME --report 5\` who
decides over them.

Examples:
  selvage cc trace 0012ab3f
  selvage cc trace 0012ab3f --seconds 30 --svg trace.svg
`;

const listNotes = `
CONTROLS counts slots of connections that an algorithm decides over, ON THEIR OWN those that are its and have fallen back to
the built-in Reno. Connections under the transport's own algorithms are not listed: \`selvage flows\` has them all. Those of
Linux's TCP belong to the command that governs them: \`selvage cc run FILE --linux NAME --report 5\` prints them.

Examples:
  selvage cc list
  selvage cc list --json | jq '.algorithms[] | select(.trouble)'
`;

const notes = `
Examples:
  selvage cc run examples/congestion/gentle.ts --vni 77
  selvage cc set cubic --to 10.0.2.1
  selvage cc list
  selvage cc trace 0012ab3f
  selvage cc end gentle
`;

interface Common {
  readonly runtimeDir: string;
  readonly json?: true;
}

interface Selection extends Common {
  readonly vni?: string;
  readonly from?: string;
  readonly to?: string;
  readonly flow?: string;
  readonly all?: true;
}

interface RunSelection extends Selection {
  readonly name?: string;
  readonly linux?: string;
  readonly ecn?: true;
  readonly report?: number;
  /** In µs. */
  readonly interval?: number;
}

interface TraceOptions extends Common {
  readonly seconds: number;
  readonly svg?: string;
}

export function addCongestionCommands(program: Command): void {
  const cc = program
    .command('cc')
    .description('Congestion control of this host: run algorithms, choose which governs what, watch them.')
    .addHelpText('after', notes);
  addRun(cc);
  addSet(cc);
  cc.command('end')
    .description('End an algorithm: others govern its connections from now on.')
    .argument('<algorithm>', 'its name')
    .option('--json', 'print what came of it as JSON')
    .addOption(runtimeDirOption())
    .addHelpText('after', endNotes)
    .action(async (algorithm: string, { runtimeDir, json }: Common) => {
      const { requestEnd } = await import('../agent/admin/agent-client.ts');
      const { renderEnd } = await import('./cc-text.ts');
      const outcome = await requestEnd(runtimeDir, algorithm);
      console.log(json ? JSON.stringify(outcome, null, 2) : renderEnd(outcome));
    });
  cc.command('list')
    .description('List the algorithms that run, what they govern, and what went wrong last.')
    .option('--json', 'print them as JSON')
    .addOption(runtimeDirOption())
    .addHelpText('after', listNotes)
    .action(async ({ runtimeDir, json }: Common) => {
      const { fetchCongestion } = await import('../agent/admin/agent-client.ts');
      const { renderCongestion } = await import('./cc-text.ts');
      const status = await fetchCongestion(runtimeDir);
      console.log(json ? JSON.stringify(status, null, 2) : renderCongestion(status));
    });
  addTrace(cc);
}

function addRun(cc: Command): void {
  selecting(
    cc
      .command('run')
      .description(
        'Run an algorithm of your own in the agent, and let it govern connections while packets flow.',
      )
      .argument('<file>', 'the module of the algorithm')
      .option('--name <name>', 'what it is called here, if not what it calls itself')
      .option('--linux <name>', "govern Linux's TCP connections that choose this name, until ended")
      .option('--ecn', 'with --linux: connections negotiate ECN')
      .option('--report <seconds>', 'with --linux: print the connections so often', seconds)
      .option('--interval <time>', 'with --linux: ask the algorithm no more often than this (1ms)', interval),
  )
    .addHelpText('after', runNotes)
    .action(async (file: string, given: RunSelection) => {
      const { runtimeDir, json, name, linux, ecn, report, interval: micros, ...options } = given;
      if (linux !== undefined) {
        refuseBoth({ name, ...options });
        await runOnLinux(resolve(file), linux, given);
        return;
      }
      refuseWithoutLinux({ ecn, report, interval: micros });
      const { requestRun } = await import('../agent/admin/agent-client.ts');
      const { renderOutcome } = await import('./cc-text.ts');
      const outcome = await requestRun(runtimeDir, resolve(file), name, selectionOf(options));
      console.log(json ? JSON.stringify(outcome, null, 2) : renderOutcome(outcome));
    });
}

function refuseBoth(others: Record<string, unknown>): void {
  const other = firstGiven(others);
  if (other === undefined) return;
  throw new SelvageError('bad-input', `--linux and --${other} do not go together.`, {
    hint: 'Which connections of Linux’s TCP are governed is said by the programs that choose the name.',
  });
}

function refuseWithoutLinux(others: Record<string, unknown>): void {
  const other = firstGiven(others);
  if (other === undefined) return;
  throw new SelvageError('bad-input', `--${other} is for connections of Linux’s TCP.`, {
    hint: 'Give --linux NAME as well, or leave it away.',
  });
}

function firstGiven(options: Record<string, unknown>): string | undefined {
  return Object.entries(options).find(([, value]) => value !== undefined)?.[0];
}

/** Until it is told to stop (SIGTERM or Ctrl-C). */
async function runOnLinux(file: string, name: string, options: RunSelection): Promise<void> {
  const { ecn = false, report, interval: reportIntervalMicros, json } = options;
  const { LinuxRun } = await import('../agent/congestion/linux-run.ts');
  const { renderLinux } = await import('./cc-text.ts');
  const say = (line: string) => console.error(line);
  const run = await LinuxRun.start({ file, name, ecn, reportIntervalMicros, say });
  const begun = `${run.algorithm} governs TCP connections that choose ${name}, until this command ends.`;
  if (json) console.error(begun);
  else console.log(begun);
  const tell = () => console.log(json ? JSON.stringify(run.status) : `\n${renderLinux(run.status)}`);
  const timer = report === undefined ? undefined : setInterval(tell, report * 1000);
  const stopped = new Promise<void>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve());
  });
  try {
    await Promise.race([stopped, run.ended]);
  } finally {
    clearInterval(timer);
    await run.stop();
  }
}

function addSet(cc: Command): void {
  selecting(
    cc
      .command('set')
      .description('Let an algorithm govern connections from now on.')
      .argument('<algorithm>', 'its name, or `configured`'),
  )
    .addHelpText('after', setNotes)
    .action(async (algorithm: string, { runtimeDir, json, ...options }: Selection) => {
      const what = selectionOf(options);
      if (what === undefined) {
        throw new SelvageError('bad-input', 'Which connections is not said.', {
          hint: 'Give --vni, --from, --to or --flow, or --all for every one of this host.',
        });
      }
      const { requestSet } = await import('../agent/admin/agent-client.ts');
      const { renderOutcome } = await import('./cc-text.ts');
      const outcome = await requestSet(runtimeDir, algorithm, what);
      console.log(json ? JSON.stringify(outcome, null, 2) : renderOutcome(outcome));
    });
}

function addTrace(cc: Command): void {
  cc.command('trace')
    .description("Watch one connection's window, rate, round trip and queueing delay.")
    .argument('<flow>', 'its CID')
    .option('--seconds <number>', 'for how long', seconds, 10)
    .option('--svg <file>', 'also draw it into this file')
    .option('--json', 'print the samples as JSON')
    .addOption(runtimeDirOption())
    .addHelpText('after', traceNotes)
    .action(async (cid: string, options: TraceOptions) => {
      const { traceFlow } = await import('./cc-trace.ts');
      await traceFlow(cid, options);
    });
}

function selecting(command: Command): Command {
  return command
    .option('--vni <number>', 'connections of this network')
    .option('--from <mac>', 'of this interface here')
    .option('--to <address>', 'to this remote interface, or to this peer')
    .option('--flow <cid>', 'this one, as `selvage flows` lists it')
    .option('--all', 'all of this host')
    .option('--json', 'print what came of it as JSON')
    .addOption(runtimeDirOption());
}

/** Undefined when nothing was selected. */
function selectionOf({ vni, from, to, flow, all }: Omit<Selection, keyof Common>): SelectorText | undefined {
  const given = { vni, from, to, flow };
  const isAny = Object.values(given).some((text) => text !== undefined);
  if (isAny && all) {
    throw new SelvageError('bad-input', '--all selects everything already.', {
      hint: 'Leave --all away, or the others.',
    });
  }
  return isAny || all ? given : undefined;
}

/** In µs. */
function interval(text: string): number {
  const micros = scaled(text, { us: 1, ms: 1000, s: 1e6 });
  if (micros !== undefined && micros <= 1e6) return Math.round(micros);
  throw new InvalidArgumentError('It is a time up to a second, such as 10ms, 200us or 0us.');
}

function seconds(text: string): number {
  const number = Number(text);
  if (number > 0 && number <= 3600) return number;
  throw new InvalidArgumentError('It must be a number of seconds up to 3600.');
}
