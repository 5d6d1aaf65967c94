// Changing what an executor runs, between turns: engines replaced, added, removed, connected otherwise, any number at
// once and all or nothing (mRPC §3.4.3). Everything that can fail is done before anything is in force: a factory that
// refuses leaves all old engines where they were.

import { SelvageError } from '../base/errors.ts';
import type { AnyFactory } from './engine.ts';
import type { Executor } from './executor.ts';
import type { InputPort, OutputPort } from './ports.ts';
import { DEFAULT_BUDGET, type Loaded, Slot } from './slot.ts';

export type Change =
  | { readonly type: 'replace'; readonly engine: string; readonly factory: AnyFactory }
  | {
      readonly type: 'add';
      readonly engine: string;
      readonly factory: AnyFactory;
      readonly given?: unknown;
      readonly budget?: number;
    }
  /** It passes on what it holds, and is gone. What fed it must be connected elsewhere, or be removed too. */
  | { readonly type: 'remove'; readonly engine: string }
  /** `ENGINE.OUTPUT` to `ENGINE.INPUT`; both may be connected already. */
  | { readonly type: 'connect'; readonly from: string; readonly to: string };

export interface Replaced {
  readonly engine: string;
  readonly from: number;
  readonly to: number;
  /** From the old engine's last turn until the new one could have its first. */
  readonly gapMicros: number;
}

interface Prepared {
  readonly slot: Slot;
  readonly loaded: Loaded;
  readonly isNew: boolean;
}

/** Carries out all changes or, throwing SelvageError, none. */
export function applyChanges(executor: Executor, changes: readonly Change[]): Replaced[] {
  const prepared = changes.flatMap((change) => {
    if (change.type === 'replace') return [prepareReplacement(executor, change)];
    if (change.type === 'add') return [prepareAddition(executor, changes, change)];
    return [];
  });
  const removed = changes.flatMap((change) =>
    change.type === 'remove' ? [need(executor, change.engine)] : [],
  );
  const links = planLinks(executor, changes, prepared, removed);
  // From here on nothing fails.
  const replaced = prepared.map((each) => ({ ...each, from: each.isNew ? 0 : each.slot.factory.version }));
  for (const each of prepared) install(executor, each);
  for (const { output, input } of links) input.connect(output);
  // All at once: what one of them hands to another still goes that way.
  for (const slot of removed) slot.leaving = true;
  for (const slot of removed) cutOff(executor, slot, links);
  const gapMicros = executor.clock() - executor.nowMicros;
  return replaced
    .filter(({ isNew }) => !isNew)
    .map(({ slot, from }) => {
      slot.lastGapMicros = gapMicros;
      return { engine: slot.name, from, to: slot.factory.version, gapMicros };
    });
}

function prepareReplacement(
  executor: Executor,
  { engine, factory }: Extract<Change, { type: 'replace' }>,
): Prepared {
  const slot = need(executor, engine);
  const old = slot.lastState();
  const loaded = load(executor, slot, factory, old);
  for (const [kind, had, has] of [
    ['input', slot.inputs, loaded.inputs],
    ['output', slot.outputs, loaded.outputs],
  ] as const) {
    for (const [name, port] of had) {
      if (has.has(name) || !isConnected(port)) continue;
      throw new SelvageError(
        'failed',
        `Version ${factory.version} of ${engine} has no ${kind} ${name}, which is connected.`,
        { hint: 'Connect it elsewhere first.' },
      );
    }
  }
  return { slot, loaded, isNew: false };
}

function prepareAddition(
  executor: Executor,
  changes: readonly Change[],
  { engine, factory, given, budget = DEFAULT_BUDGET }: Extract<Change, { type: 'add' }>,
): Prepared {
  const goes = changes.some((change) => change.type === 'remove' && change.engine === engine);
  if (!goes && executor.find(engine) !== undefined) {
    throw new SelvageError('in-use', `There is an engine ${engine} in executor ${executor.name} already.`);
  }
  const slot = new Slot(engine, given, budget);
  return { slot, loaded: load(executor, slot, factory, undefined), isNew: true };
}

function load(executor: Executor, slot: Slot, factory: AnyFactory, old: Parameters<Slot['load']>[1]): Loaded {
  try {
    return slot.load(factory, old, executor.clock());
  } catch (cause) {
    const { message } = SelvageError.from(cause);
    const sentence = `Version ${factory.version} of ${slot.name} refused to load: ${message}`;
    throw new SelvageError('failed', sentence.replace(/\.?$/, '.'), { cause });
  }
}

function install(executor: Executor, { slot, loaded, isNew }: Prepared): void {
  const { waiter } = executor;
  // One that failed is watched by nobody.
  const watched = slot.state === 'running' ? slot.watches : new Map<number, never>();
  for (const [fd, watch] of watched) if (!loaded.watches.has(fd)) waiter.remove(watch);
  for (const [fd, watch] of loaded.watches) if (!watched.has(fd)) waiter.add(watch);
  if (isNew) executor.slots.push(slot);
  else {
    slot.previous = slot.factory;
    slot.replacedAt = executor.nowMicros;
    slot.replacements++;
    slot.failures = 0;
  }
  slot.install(loaded);
  slot.state = 'running';
}

interface Link {
  readonly output: OutputPort;
  readonly input: InputPort;
}

/** Every input is fed by one engine at a time; those whose engine goes feed nothing any more. */
function planLinks(
  executor: Executor,
  changes: readonly Change[],
  prepared: readonly Prepared[],
  removed: readonly Slot[],
): Link[] {
  const portsOf = (name: string): Pick<Loaded, 'inputs' | 'outputs'> =>
    prepared.find(({ slot }) => slot.name === name)?.loaded ?? need(executor, name);
  const links = changes.flatMap((change) => {
    if (change.type !== 'connect') return [];
    const [from, output] = split(change.from);
    const [to, input] = split(change.to);
    const link = { output: portsOf(from).outputs.get(output), input: portsOf(to).inputs.get(input) };
    if (link.output === undefined) throw noPort(from, 'output', output);
    if (link.input === undefined) throw noPort(to, 'input', input);
    return [{ output: link.output, input: link.input, to: change.to }];
  });
  for (const { input, output, to } of links) {
    const others = executor.slots
      .filter((slot) => !slot.leaving && !removed.includes(slot))
      .flatMap((slot) => [...slot.outputs.values()])
      .filter(({ ring }) => ring !== undefined && input.has(ring))
      .filter((feeding) => !links.some((link) => link.output === feeding));
    const twice = links.some((link) => link.input === input && link.output !== output);
    if (others.length > 0 || twice) {
      throw new SelvageError('in-use', `${to} would be fed by two engines.`, {
        hint: 'Connect the other one elsewhere, or remove it, in the same change.',
      });
    }
  }
  return links;
}

/** Nobody who stays feeds it any more; it runs until it has passed on all that it holds. */
function cutOff(executor: Executor, slot: Slot, links: readonly Link[]): void {
  for (const other of executor.slots) {
    if (other.leaving) continue;
    for (const output of other.outputs.values()) {
      const feeds = output.ring !== undefined && slot.inputList.some((input) => input.has(output.ring!));
      if (feeds && !links.some((link) => link.output === output)) output.disconnect();
    }
  }
  slot.woken = true;
  // One that failed for good can pass nothing on.
  if (slot.state === 'stopped') executor.drop(slot);
}

function need(executor: Executor, name: string): Slot {
  const slot = executor.find(name);
  if (slot !== undefined) return slot;
  const names = executor.slots.map((each) => each.name).join(', ');
  throw new SelvageError('bad-input', `There is no engine ${name} in executor ${executor.name}.`, {
    hint: names === '' ? 'It has none.' : `It has: ${names}.`,
  });
}

function isConnected(port: InputPort | OutputPort): boolean {
  return 'ring' in port ? port.ring !== undefined : !port.isFinished;
}

function split(end: string): readonly [string, string] {
  const dot = end.lastIndexOf('.');
  return [end.slice(0, dot), end.slice(dot + 1)];
}

function noPort(engine: string, kind: string, name: string): SelvageError {
  return new SelvageError('bad-input', `The engine ${engine} has no ${kind} ${name}.`);
}
