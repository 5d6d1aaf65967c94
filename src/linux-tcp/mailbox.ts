// Commands for one flow, left where the kernel's half looks at its next acknowledgement. The mailbox is ours while it is
// empty; a full one is taken back to add to it; only while the kernel is just reading it, some microseconds, it is not
// to be had. So nothing is ever half written when it is read, and nothing is done twice.

import { CWND, PROGRAM_BYTES, RATE } from '../congestion/language/instructions.ts';
import { commands, mailboxStates, mailbox as place, slot as slotPlace } from './layout.ts';
import type { Slots } from './slots.ts';

const { empty, full } = mailboxStates;
const WORDS = slotPlace.bytes / 4;
const TWO_32 = 2 ** 32;
/** Each a few tens of nanoseconds. */
const ATTEMPTS = 200;

/** What a mailbox can be told, in the order in which it is to happen. */
export type Mail =
  /** Somebody else's commands begin: those before do not count. */
  | { readonly kind: 'renew' }
  /** `theirs` is the algorithm's own number for the program, of which the kernel knows nothing. */
  | {
      readonly kind: 'install';
      readonly generation: number;
      readonly theirs: number;
      readonly bytes: Uint8Array;
    }
  /** A register and a number of the language. */
  | { readonly kind: 'set'; readonly register: number; readonly value: number }
  /** The algorithm threw, or its program is none. */
  | { readonly kind: 'failed' | 'refused' }
  /** It wanted something set that cannot be, which does not count for a flow that it does not control. */
  | { readonly kind: 'absurd'; readonly why: string };

/**
 * How many of the messages could be left; the rest is to be tried again soon. The kernel may just be reading, or it must
 * have read what depends on whether the algorithm controls the flow before more can be said.
 */
export function post(slots: Slots, slot: number, flow: number, mail: readonly Mail[]): number {
  const base = slot * WORDS;
  const { words } = slots;
  if (!takeBack(words, base)) return 0;
  if (words[base + place.flow] !== (flow | 0)) clear(words, base, flow);
  let left = 0;
  for (const each of mail) {
    if (each.kind !== 'renew' && words[base + place.commands]! & commands.absurd) break;
    write(slots, slot, each);
    left++;
  }
  Atomics.store(words, base + place.state, full);
  return left;
}

/** Says that the flow's reports up to this one have been dealt with. */
export function answer(slots: Slots, slot: number, serial: number): void {
  Atomics.store(slots.words, slot * WORDS + place.answered, serial);
}

function takeBack(words: Int32Array, base: number): boolean {
  for (let i = 0; i < ATTEMPTS; i++) {
    const state = Atomics.compareExchange(words, base + place.state, full, empty);
    if (state === full) return true;
    if (state !== empty) continue;
    // What was in it has been read.
    words[base + place.flow] = 0;
    return true;
  }
  return false;
}

function clear(words: Int32Array, base: number, flow: number): void {
  words[base + place.flow] = flow;
  words[base + place.commands] = 0;
  words[base + place.values] = 0;
  words[base + place.kept] = 0;
}

function write(slots: Slots, slot: number, mail: Mail): void {
  const { words, bytes } = slots;
  const base = slot * WORDS;
  if (mail.kind === 'renew') clear(words, base, words[base + place.flow]!);
  const before = words[base + place.commands]!;
  // Afterwards the flow is on its own: the kernel would not listen either.
  if (before & (commands.failed | commands.refused)) return;
  if (mail.kind === 'set') {
    setLast(slots, slot, mail.register, mail.value);
    return;
  }
  words[base + place.commands] = before | commands[mail.kind];
  if (mail.kind !== 'install') return;
  words[base + place.generation] = mail.generation;
  bytes.set(mail.bytes.subarray(0, PROGRAM_BYTES), slot * slotPlace.bytes + place.programAt);
  keepWindow(slots, slot);
  if ((before & commands.install) === 0) words[base + place.kept] = words[base + place.values]!;
}

/** Of what was to be set, a new program leaves the window and the rate. */
function keepWindow(slots: Slots, slot: number): void {
  const { words, bytes } = slots;
  const base = slot * WORDS;
  const registers = slot * slotPlace.bytes + place.registersAt;
  const count = words[base + place.values]!;
  words[base + place.values] = 0;
  for (let i = 0; i < count; i++) {
    const register = bytes[registers + i]!;
    if (register === CWND || register === RATE) move(slots, slot, i, words[base + place.values]!++);
  }
}

/** Also a value from before the program was to be installed counts no more. */
function setLast(slots: Slots, slot: number, register: number, value: number): void {
  const { words, bytes, view } = slots;
  const base = slot * WORDS;
  const at = slot * slotPlace.bytes;
  const count = words[base + place.values]!;
  let index = 0;
  while (index < count && bytes[at + place.registersAt + index] !== register) index++;
  if (index < words[base + place.kept]!) {
    const last = words[base + place.kept]! - 1;
    words[base + place.kept] = last;
    move(slots, slot, last, index);
    index = last;
  } else if (index === count) words[base + place.values] = count + 1;
  bytes[at + place.registersAt + index] = register;
  view.setUint32(at + place.valuesAt + index * 8, value % TWO_32, true);
  view.setUint32(at + place.valuesAt + index * 8 + 4, Math.floor(value / TWO_32), true);
}

function move({ bytes }: Slots, slot: number, from: number, to: number): void {
  const at = slot * slotPlace.bytes;
  const value = at + place.valuesAt;
  bytes[at + place.registersAt + to] = bytes[at + place.registersAt + from]!;
  bytes.copyWithin(value + to * 8, value + from * 8, value + from * 8 + 8);
}
