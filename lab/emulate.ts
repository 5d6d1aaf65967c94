// `selvage emulate`: a program behind one emulated link. The link's ends are TAPs, one in the caller's namespace and one
// in a namespace made for the program; an emulator process moves frames between them and ends when we do. However the
// command ends, program, link and namespace go with it; what a kill left is removed by the next run.
import { type ChildProcess, spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { SelvageError } from '../src/base/errors.ts';
import { netnsPath } from '../src/linux/netns.ts';
import {
  addressEnds,
  freeSubnet,
  isNested,
  MTU,
  passOnPackets,
  placesOfThisRun,
  removeLeftovers,
  type Subnet,
  tapEnds,
} from './emulate-network.ts';
import { type EmulatedLinkDescription, type LinkTexts, parseSeed, readLink } from './emulate-options.ts';
import { type EmulateReport, formatReport } from './emulate-report.ts';
import type { EmulatorSpec, WrittenReports } from './emulator/spec.ts';
import { startEmulator, writeParameters } from './emulator/start.ts';
import { followChild, lastLines, resolveProgram } from './execute.ts';
import { beforeInterrupt, unlessInterrupted } from './interrupt.ts';
import { withLock } from './lock.ts';
import { namespacesWithPrefix, removeNamespaces } from './namespaces.ts';
import { endProcess, processId } from './process.ts';
import { labsFolder } from './state.ts';
import { batch, requirePrivilege } from './tools.ts';

export interface EmulateOptions extends LinkTexts {
  readonly seed?: string;
  readonly log?: string;
  readonly report?: string;
  readonly quiet?: true;
}

/** What a program behind a link finds in its environment. */
const GATEWAY = 'SELVAGE_GATEWAY';
const RTT_MICROS = 'SELVAGE_RTT_MICROS';

const LOCK_WAIT_MILLIS = 30_000;
const REPORT_WAIT_MILLIS = 10_000;

/** Runs the program to its end; its exit status. */
export async function emulate(command: readonly string[], options: EmulateOptions): Promise<number> {
  const { seed: seedText, log, report, quiet = false, ...texts } = options;
  const nested = isNested();
  const outerRttMicros = nested ? rttAround() : 0;
  const link = readLink(texts, outerRttMicros);
  const seed = seedText === undefined ? randomInt(2 ** 32) : parseSeed(seedText);
  requirePrivilege();
  const program = await resolveProgram(command[0]);
  // Not before: it empties what an earlier run wrote.
  for (const file of [log, report]) if (file !== undefined) makeWritable(file);
  const cleanups: (() => Promise<void>)[] = [];
  let cleaning = Promise.resolve();
  const cleanUp = () => {
    cleaning = cleaning.then(async () => {
      for (let step = cleanups.pop(); step !== undefined; step = cleanups.pop()) await step();
    });
    return cleaning;
  };
  let forgetInterrupt = beforeInterrupt(cleanUp);
  try {
    const run = await withLock(join(labsFolder(), '.lock-emulate'), LOCK_WAIT_MILLIS, async () => {
      await removeLeftovers();
      if (nested) passOnPackets();
      return connect(link, { seed, log, nested }, cleanups);
    });
    const rttMicros = outerRttMicros + link.up.delayMicros + link.down.delayMicros;
    const gateway = (nested && process.env[GATEWAY]) || run.subnet.gateway;
    const env = { ...process.env, ...program.env, [GATEWAY]: gateway, [RTT_MICROS]: String(rttMicros) };
    const words = [program.path, ...(program.args ?? []), ...command.slice(1)];
    // Not by `ip netns exec`: in its mount namespace the names of inner namespaces would be seen by nobody else.
    const child = spawn('nsenter', [`--net=${netnsPath(run.netns)}`, ...words], { stdio: 'inherit', env });
    // Signals are the program's until it has ended, and at no time nobody's.
    child.once('close', () => {
      forgetInterrupt = beforeInterrupt(cleanUp);
    });
    const ended = followChild(child);
    forgetInterrupt();
    const status = await ended;
    const [down, up] = await reports(run);
    const reported: EmulateReport = { seed, up, down };
    if (report !== undefined) writeFileSync(report, `${JSON.stringify(reported, undefined, 2)}\n`);
    if (!quiet) process.stderr.write(formatReport(link, reported));
    return status;
  } finally {
    await unlessInterrupted();
    await cleanUp();
    forgetInterrupt();
  }
}

/** Of the links around this one, as the innermost of them says. */
function rttAround(): number {
  const text = process.env[RTT_MICROS] ?? '0';
  if (/^\d{1,12}$/.test(text)) return Number(text);
  throw new SelvageError('bad-input', `${RTT_MICROS} is “${text}”, which is no number of microseconds.`, {
    hint: 'Leave it as the link around this one sets it: the product of bandwidth and delay depends on it.',
  });
}

interface Run {
  readonly netns: string;
  readonly subnet: Subnet;
  readonly emulator: ChildProcess;
  readonly reportFile: string;
  readonly logFile: string;
}

/** Makes namespace and link; whatever is made says first how it is undone. */
async function connect(
  link: EmulatedLinkDescription,
  {
    seed,
    log,
    nested,
  }: { readonly seed: number; readonly log: string | undefined; readonly nested: boolean },
  cleanups: (() => Promise<void>)[],
): Promise<Run> {
  const { netns, folder } = placesOfThisRun();
  mkdirSync(folder, { recursive: true });
  cleanups.push(async () => rmSync(folder, { recursive: true, force: true }));
  cleanups.push(() => removeNamespaces(namespacesWithPrefix(netns)));
  await batch('ip', undefined, [`netns add ${netns}`]);
  const subnet = await freeSubnet(nested);
  const parametersFile = join(folder, 'parameters.json');
  writeParameters(parametersFile, [link.down, link.up]);
  const reportFile = join(folder, 'report.json');
  const spec: EmulatorSpec = {
    ends: tapEnds(subnet, netns),
    mtu: MTU,
    parametersFile,
    countsFile: join(folder, 'counts.json'),
    endsWithInput: true,
    seed,
    ...(log !== undefined && { log: { file: resolve(log), names: ['down', 'up'] } }),
    reportFile,
  };
  const logFile = join(folder, 'log');
  const emulator = await startEmulator(spec, logFile);
  const id = processId(emulator.pid!);
  cleanups.push(async () => {
    emulator.stdin!.destroy();
    if (id !== undefined) await endProcess(id);
  });
  await addressEnds(subnet, netns);
  return { netns, subnet, emulator, reportFile, logFile };
}

/** Lets the emulator end, and reads what it has to say. */
async function reports({ emulator, reportFile, logFile }: Run): Promise<WrittenReports> {
  const ended = once(emulator, 'exit');
  const hasEnded = emulator.exitCode !== null || emulator.signalCode !== null;
  emulator.stdin!.destroy();
  const late = setTimeout(() => emulator.kill('SIGKILL'), REPORT_WAIT_MILLIS);
  if (!hasEnded) await ended;
  clearTimeout(late);
  try {
    return JSON.parse(readFileSync(reportFile, 'utf8'));
  } catch (cause) {
    throw new SelvageError('failed', 'The emulator of the link ended before the program did.', {
      hint: lastLines(logFile),
      cause,
    });
  }
}

function makeWritable(file: string): void {
  try {
    writeFileSync(file, '');
  } catch (cause) {
    throw new SelvageError('bad-input', `${file} cannot be written.`, {
      hint: cause instanceof Error ? `${cause.message}.` : String(cause),
      cause,
    });
  }
}
