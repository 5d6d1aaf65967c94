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

/** What a mailbox can be told. Values are numbers of the language, registers such as may be set. */
export type Mail =
  | { readonly kind: 'renew' }
  | { readonly kind: 'install'; readonly generation: number; readonly bytes: Uint8Array }
  | { readonly kind: 'set'; readonly register: number; readonly value: number }
  | { readonly kind: 'failed' }
  | { readonly kind: 'absurd'; readonly register: number };

/** False when the kernel was reading: to be tried again soon. */
export function post(slots: Slots, slot: number, flow: number, mail: readonly Mail[]): boolean {
  const base = slot * WORDS;
  const { words } = slots;
  if (!takeBack(words, base)) return false;
  if (words[base + place.flow] !== (flow | 0)) clear(words, base, flow);
  for (const each of mail) write(slots, slot, each);
  Atomics.store(words, base + place.state, full);
  return true;
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
}

function write(slots: Slots, slot: number, mail: Mail): void {
  const { words } = slots;
  const base = slot * WORDS;
  const before = words[base + place.commands]!;
  if (mail.kind === 'renew') {
    words[base + place.commands] = commands.renew;
    words[base + place.values] = 0;
    return;
  }
  // It is on its own already: the kernel would not listen either.
  if (before & (commands.failed | commands.absurd)) return;
  switch (mail.kind) {
    case 'install':
      words[base + place.commands] = before | commands.install;
      words[base + place.generation] = mail.generation;
      slots.bytes.set(mail.bytes.subarray(0, PROGRAM_BYTES), slot * slotPlace.bytes + place.programAt);
      keepWindow(slots, slot);
      return;
    case 'set':
      set(slots, slot, mail.register, mail.value);
      return;
    default:
      words[base + place.commands] = before | commands[mail.kind];
      words[base + place.reason] = mail.kind === 'absurd' ? mail.register : 0;
  }
}

/** Of what was to be set, a new program leaves the window and the rate. */
function keepWindow(slots: Slots, slot: number): void {
  const { words, bytes, view } = slots;
  const at = slot * slotPlace.bytes;
  const count = words[slot * WORDS + place.values]!;
  words[slot * WORDS + place.values] = 0;
  for (let i = 0; i < count; i++) {
    const register = bytes[at + place.registersAt + i]!;
    if (register !== CWND && register !== RATE) continue;
    const from = at + place.valuesAt + i * 8;
    set(slots, slot, register, view.getUint32(from, true) + view.getUint32(from + 4, true) * TWO_32);
  }
}

function set(slots: Slots, slot: number, register: number, value: number): void {
  const { words, bytes, view } = slots;
  const at = slot * slotPlace.bytes;
  const count = words[slot * WORDS + place.values]!;
  let index = 0;
  while (index < count && bytes[at + place.registersAt + index] !== register) index++;
  if (index === count) words[slot * WORDS + place.values] = count + 1;
  bytes[at + place.registersAt + index] = register;
  view.setUint32(at + place.valuesAt + index * 8, value % TWO_32, true);
  view.setUint32(at + place.valuesAt + index * 8 + 4, Math.floor(value / TWO_32), true);
}
