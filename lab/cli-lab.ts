// What the commands of `selvage lab` do. Results go to standard output, progress to standard error.
import { join } from 'node:path';
import { RUNTIME_DIR_VARIABLE } from '../src/agent/reports/status.ts';
import { SelvageError } from '../src/base/errors.ts';
import { type ConditionTexts, formatConditions, parseConditions } from './conditions.ts';
import { followChild } from './execute.ts';
import { Lab, removeAbandonedLabs } from './lab.ts';
import { chooseState, chooseToEnd, isAbandoned, type LabState, readStates } from './state.ts';
import { readStatus } from './status.ts';
import { renderStatus, renderUp } from './status-text.ts';
import { requirePrivilege } from './tools.ts';
import { readTopology } from './topology-file.ts';

export interface UpOptions {
  readonly topology?: string | undefined;
  readonly name?: string;
  readonly agents: boolean;
  readonly vxlan: boolean;
}

export async function up({ topology, name, agents, vxlan }: UpOptions): Promise<void> {
  const lab = await Lab.up({
    ...(topology !== undefined && { topology: readTopology(topology) }),
    ...(name !== undefined && { name }),
    progress,
    prepare: async (building) => {
      if (vxlan) await building.attachKernelVxlan();
      if (!agents) return;
      progress('Starting the agents …');
      await building.startAgents();
    },
    detached: true,
  });
  console.log(renderUp(await lab.status(), readStates().length === 1));
}

export async function down(name: string | undefined): Promise<void> {
  requirePrivilege();
  const removed = await removeAbandonedLabs();
  if (removed.length > 0) progress(`Removed what ended commands left behind: ${removed.join(', ')}.`);
  const isDone = (states: readonly LabState[]) =>
    name === undefined ? states.every(({ owner }) => owner !== undefined) : removed.includes(name);
  if (removed.length > 0 && isDone(readStates())) return;
  const lab = Lab.open(name ?? chooseToEnd(readStates()));
  await lab.down();
  console.log(`Lab ${lab.name} is down.`);
}

export async function status(name: string | undefined, json: boolean): Promise<void> {
  const states = name === undefined ? readStates() : [chooseState(name)];
  if (states.length > 0) requirePrivilege();
  const labs = await Promise.all(states.filter((state) => !isAbandoned(state)).map(readStatus));
  if (json) console.log(JSON.stringify({ labs }, null, 2));
  else if (labs.length === 0) console.log('No lab is up. Bring one up: selvage lab up');
  else console.log(labs.map(renderStatus).join('\n\n'));
}

export async function exec(
  name: string | undefined,
  node: string,
  command: readonly string[],
): Promise<void> {
  const lab = Lab.open(name);
  const env = { ...process.env, [RUNTIME_DIR_VARIABLE]: join(lab.runFolder, node) };
  const child = await lab.exec(node, command, {
    stdio: 'inherit',
    ...(lab.node(node).role === 'host' && { env }),
  });
  process.exitCode = await followChild(child);
}

export async function set(name: string | undefined, link: string, texts: ConditionTexts): Promise<void> {
  const lab = Lab.open(name);
  const ends = lab.link(link);
  const change = parseConditions(texts, ends);
  if (Object.keys(change).length === 0) {
    throw new SelvageError('bad-input', `Nothing was said of what to do with ${link}.`, {
      hint: 'Give a fault, such as --loss 1%; selvage lab set --help lists them.',
    });
  }
  const conditions = await lab.setLink(link, change);
  console.log(`${link}: ${formatConditions(conditions, ends) || 'healthy'}`);
}

export async function reset(name: string | undefined, link: string): Promise<void> {
  const lab = Lab.open(name);
  const conditions = await lab.resetLink(link);
  console.log(`${link}: ${formatConditions(conditions, lab.link(link)) || 'healthy'}`);
}

function progress(line: string): void {
  process.stderr.write(`${line}\n`);
}
