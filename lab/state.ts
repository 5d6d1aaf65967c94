// What the machine remembers of each lab while it is up: one JSON file a lab in a folder that a reboot clears, so
// that any later command can use it, and clean up after an owner that crashed. A file appears before the first
// namespace of its lab and goes after the last; it is written by rename, under the lab's lock.
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SelvageError } from '../src/base/errors.ts';
import type { LinkConditions } from './conditions.ts';
import { withLock } from './lock.ts';
import { isAlive, type ProcessId } from './process.ts';
import type { Topology } from './topology.ts';

/** A process that the lab keeps running and that does not live in one of its namespaces alone. */
export interface LabProcess extends ProcessId {
  readonly kind: 'agent' | 'emulator';
  /** The host of an agent, the link of an emulator. */
  readonly subject: string;
}

export interface LabState {
  readonly name: string;
  /** The process the lab lives and dies with; none: it stays up until it is taken down. */
  readonly owner: ProcessId | undefined;
  readonly topology: Topology;
  /** By link name; links that are not named are healthy. */
  readonly conditions: Readonly<Record<string, LinkConditions>>;
  /** The kernel's gso_max_segs of interfaces that we changed, by `node/interface`. */
  readonly segmentLimits: Readonly<Record<string, number>>;
  /** Tenants with an interface to the kernel's VXLAN. */
  readonly kernelTenants: readonly string[];
  readonly processes: readonly LabProcess[];
}

const LOCK_WAIT_MILLIS = 60_000;

/** Names have no hyphen, so that no lab's prefix begins another's. */
export const LAB_NAME = /^[a-z0-9]{1,16}$/;

export function netnsPrefix(lab: string): string {
  return `selvage-${lab}-`;
}

/** The folder with all of this user's labs. */
export function labsFolder(): string {
  const runtime = process.env['XDG_RUNTIME_DIR'];
  if (process.geteuid?.() === 0) return '/run/selvage/labs';
  return runtime
    ? join(runtime, 'selvage', 'labs')
    : join(tmpdir(), `selvage-${process.geteuid?.()}`, 'labs');
}

/** The folder for sockets, configurations and logs of one lab. */
export function runFolder(lab: string): string {
  return join(labsFolder(), lab);
}

export function readStates(): LabState[] {
  return readNames()
    .map(readState)
    .filter((state) => state !== undefined);
}

export function readState(lab: string): LabState | undefined {
  try {
    return JSON.parse(readFileSync(stateFile(lab), 'utf8'));
  } catch {
    return undefined;
  }
}

export function writeState(state: LabState): void {
  mkdirSync(runFolder(state.name), { recursive: true });
  const file = stateFile(state.name);
  writeFileSync(`${file}.new`, `${JSON.stringify(state, null, 2)}\n`);
  renameSync(`${file}.new`, file);
}

export function removeState(lab: string): void {
  rmSync(runFolder(lab), { recursive: true, force: true });
  rmSync(stateFile(lab), { force: true });
}

/** The lab of that name, or the only one. */
export function chooseState(lab: string | undefined): LabState {
  const states = readStates();
  if (lab === undefined && states.length > 1) throw severalLabs(states);
  const names = states.map((state) => state.name);
  const state = readState(lab ?? names[0] ?? '');
  if (state !== undefined) return state;
  // Names may be numbers, which “there are 3” would not tell.
  const hint = names.length > 0 ? `Labs that are up: ${names.join(', ')}.` : 'Bring one up: selvage lab up';
  throw new SelvageError('not-running', lab === undefined ? 'No lab is up.' : `The lab ${lab} is not up.`, {
    hint,
  });
}

/**
 * Which lab is meant to go where none is named, if there is one: of those that belong to no process, the only one. What a
 * bench, a demo or a test runs in is taken from it only by name.
 */
export function chooseToEnd(states: readonly LabState[]): string | undefined {
  const [first, ...others] = states.filter(({ owner }) => owner === undefined);
  if (others.length > 0) throw severalLabs([first!, ...others]);
  const [owned] = states;
  if (first !== undefined || owned === undefined) return first?.name;
  throw new SelvageError(
    'in-use',
    `Lab ${owned.name} belongs to process ${owned.owner!.pid}, and goes with it.`,
    {
      hint: `To take it from that process all the same: selvage lab down --lab ${owned.name}`,
    },
  );
}

function severalLabs(states: readonly Pick<LabState, 'name'>[]): SelvageError {
  const names = states.map(({ name }) => name).join(', ');
  return new SelvageError('bad-input', `Several labs are up: ${names}.`, { hint: 'Say which: --lab NAME.' });
}

export function isAbandoned(state: LabState): boolean {
  return state.owner !== undefined && !isAlive(state.owner);
}

/** Held while labs come and go. */
export function withLabsLock<T>(work: () => Promise<T>): Promise<T> {
  return withLock(join(labsFolder(), '.lock'), LOCK_WAIT_MILLIS, work);
}

/** Held while one lab changes; `work` gets its state as it is then. */
export function withLabState<T>(lab: string, work: (state: LabState) => Promise<T>): Promise<T> {
  return withLabLock(lab, () => work(chooseState(lab)));
}

export function withLabLock<T>(lab: string, work: () => Promise<T>): Promise<T> {
  return withLock(join(labsFolder(), `.lock-${lab}`), LOCK_WAIT_MILLIS, work);
}

function stateFile(lab: string): string {
  return join(labsFolder(), `${lab}.json`);
}

function readNames(): string[] {
  try {
    const files = readdirSync(labsFolder()).filter((name) => name.endsWith('.json') && !name.startsWith('.'));
    return files.map((name) => name.slice(0, -'.json'.length)).sort();
  } catch {
    return [];
  }
}
