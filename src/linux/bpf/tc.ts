// Programs on the way of a device's packets (tc-bpf(8)). Where the kernel has it (Linux 6.6), at the newer place (tcx), in
// front of everybody else's; before, as a filter of a number of our own, of the first priority. Both stay when the process
// is gone, until they are removed or the device is. Neither touches what others have put there: our programs end with
// “next”. The device is one of the caller's network namespace.

import { spawnSync } from 'node:child_process';
import { SelvageError } from '../../base/errors.ts';
import { EINVAL, ENOENT, EPERM, errnoName } from '../libc.ts';
import { mapMemory } from '../memory.ts';
import { libbpf } from './libbpf.ts';
import { listen } from './messages.ts';
import { openProgram } from './program-info.ts';

export const DIRECTIONS = ['ingress', 'egress'] as const;
export type Direction = (typeof DIRECTIONS)[number];
/** `clsact` is the queue that filters belong to. */
export type TcHook = 'tcx' | 'clsact';

export interface TcPlace {
  /** Index of the device. */
  readonly device: number;
  readonly direction: Direction;
  /** The filter's number among all of the device; other numbers are others'. */
  readonly handle: number;
}

export interface AttachedProgram {
  readonly hook: TcHook;
  /** To be closed. */
  readonly fd: number;
}

const TCX = { ingress: 46, egress: 47 } as const;
const CLSACT = { ingress: 1, egress: 2 } as const;
const BPF_F_REPLACE = 1 << 2;
const BPF_F_BEFORE = 1 << 3;
const FILTER_REPLACE = 1;
const PRIORITY = 1;
const ENODEV = 19;
const EEXIST = 17;
const MAX_PROGRAMS = 64;

/** struct bpf_tc_hook, struct bpf_tc_opts, struct bpf_prog_attach_opts, and a list of program ids. */
const HOOK_BYTES = 24;
const OPTIONS_AT = 64;
const OPTIONS_BYTES = 32;
const COUNT_AT = 128;
const IDS_AT = 256;

const { u32, address, bytes } = mapMemory(4096);

/** What hangs there, ours or another's; of filters only the one with our number. */
export function attachedPrograms(place: TcPlace): AttachedProgram[] {
  const tcx = tcxPrograms(place).map((id) => ({ hook: 'tcx' as const, id }));
  const filter = filterProgram(place);
  const all = filter === undefined ? tcx : [...tcx, { hook: 'clsact' as const, id: filter }];
  return all.flatMap(({ hook, id }) => {
    const fd = openProgram(id);
    return fd === undefined ? [] : [{ hook, fd }];
  });
}

/** Puts a program there, in the place of another in one step if there is one; where, and whether that place was made for it. */
export function attachProgram(
  place: TcPlace,
  program: number,
  old: AttachedProgram | undefined,
  wanted: TcHook = 'tcx',
): { readonly hook: TcHook; readonly isHookNew: boolean } {
  if ((old?.hook ?? wanted) === 'tcx') {
    const code = attachTcx(place, program, old);
    if (code === 0) return { hook: 'tcx', isHookNew: false };
    if (code !== -EINVAL || old !== undefined) throw notAttached(place, code);
  }
  const isHookNew = old === undefined && createHook(place);
  writeHook(place);
  writeFilter(place, program, old === undefined ? 0 : FILTER_REPLACE);
  const code = quietly(() => libbpf().attachTc(address, address + OPTIONS_AT));
  if (code < 0) throw notAttached(place, code);
  return { hook: 'clsact', isHookNew };
}

/** Nothing happens when it or the device is gone. */
export function detachProgram(place: TcPlace, { hook, fd }: AttachedProgram): void {
  if (hook === 'tcx') {
    libbpf().detach(fd, place.device, TCX[place.direction]);
    return;
  }
  writeHook(place);
  writeFilter(place, 0, 0);
  quietly(() => libbpf().detachTc(address, address + OPTIONS_AT));
}

/** Removes the queue that filters of both directions belong to, unless there are some of others. */
export function removeEmptyHook({ name, index }: { readonly name: string; readonly index: number }): void {
  const isEmpty = DIRECTIONS.every((direction) => {
    const { stdout, status } = spawnSync('tc', ['filter', 'show', 'dev', name, direction]);
    return status === 0 && stdout.length === 0;
  });
  if (!isEmpty) return;
  writeHook({ device: index, direction: 'ingress', handle: 0 });
  bytes.view.setUint32(12, CLSACT.ingress | CLSACT.egress, true);
  quietly(() => libbpf().destroyHook(address));
}

function tcxPrograms({ device, direction }: TcPlace): number[] {
  u32[COUNT_AT / 4] = MAX_PROGRAMS;
  const code = libbpf().query(device, TCX[direction], 0, 0, address + IDS_AT, address + COUNT_AT);
  return code < 0 ? [] : [...u32.subarray(IDS_AT / 4, IDS_AT / 4 + u32[COUNT_AT / 4]!)];
}

function filterProgram(place: TcPlace): number | undefined {
  writeHook(place);
  writeFilter(place, 0, 0);
  const code = quietly(() => libbpf().queryTc(address, address + OPTIONS_AT));
  return code < 0 ? undefined : bytes.view.getUint32(OPTIONS_AT + 16, true);
}

function attachTcx(
  { device, direction }: TcPlace,
  program: number,
  old: AttachedProgram | undefined,
): number {
  const { view } = bytes;
  view.setBigUint64(OPTIONS_AT, 16n, true);
  view.setUint32(OPTIONS_AT + 8, old === undefined ? BPF_F_BEFORE : BPF_F_REPLACE, true);
  view.setInt32(OPTIONS_AT + 12, old?.fd ?? 0, true);
  return libbpf().attach(program, device, TCX[direction], address + OPTIONS_AT);
}

/** Whether it was not there before. */
function createHook(place: TcPlace): boolean {
  writeHook(place);
  const code = quietly(() => libbpf().createHook(address));
  if (code < 0 && code !== -EEXIST) throw notAttached(place, code);
  return code === 0;
}

function writeHook({ device, direction }: TcPlace): void {
  bytes.u8.fill(0, 0, HOOK_BYTES);
  bytes.view.setBigUint64(0, BigInt(HOOK_BYTES), true);
  bytes.view.setInt32(8, device, true);
  bytes.view.setUint32(12, CLSACT[direction], true);
}

function writeFilter({ handle }: TcPlace, program: number, flags: number): void {
  bytes.u8.fill(0, OPTIONS_AT, OPTIONS_AT + OPTIONS_BYTES);
  bytes.view.setBigUint64(OPTIONS_AT, BigInt(OPTIONS_BYTES), true);
  bytes.view.setInt32(OPTIONS_AT + 8, program, true);
  bytes.view.setUint32(OPTIONS_AT + 12, flags, true);
  bytes.view.setUint32(OPTIONS_AT + 20, handle, true);
  bytes.view.setUint32(OPTIONS_AT + 24, PRIORITY, true);
}

/** What libbpf would print of an answer that we expect. */
function quietly(call: () => number): number {
  return listen(call, () => new SelvageError('failed', 'libbpf gave no answer.'));
}

function notAttached({ device, direction }: TcPlace, code: number): SelvageError {
  const what = `A BPF program could not be attached to ${direction} of device ${device}: ${errnoName(-code)}.`;
  if (code === -EPERM) return new SelvageError('no-privilege', what, { hint: 'Run it as root.' });
  const isGone = code === -ENODEV || code === -ENOENT;
  return new SelvageError(
    isGone ? 'not-running' : 'failed',
    what,
    isGone ? { hint: 'The device is gone.' } : {},
  );
}
