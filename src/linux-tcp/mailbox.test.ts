import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CWND, PROGRAM_BYTES, RATE } from '../congestion/language/instructions.ts';
import { commands, mailboxStates, mailbox as place, slot as slotPlace } from './layout.ts';
import { type Mail, post } from './mailbox.ts';
import { Slots } from './slots.ts';

const SLOT = 1;
const BASE = (SLOT * slotPlace.bytes) / 4;
const FLOW = 7;

function newSlots(): Slots {
  return new Slots(new ArrayBuffer(2 * slotPlace.bytes), 2);
}

/** What a flow has in the end. */
interface State {
  isControlled: boolean;
  isLost: boolean;
  generation: number;
  readonly registers: Map<number, number>;
}

function newState(): State {
  return { isControlled: false, isLost: false, generation: 0, registers: new Map() };
}

function begin(state: State, generation: number): void {
  state.generation = generation;
  state.isControlled = true;
  for (const register of state.registers.keys()) if (register >= 32) state.registers.delete(register);
}

/** One message at once, as FlowDatapath would. */
function happen(state: State, mail: Mail): void {
  if (mail.kind === 'renew') {
    state.isLost = false;
    return;
  }
  if (state.isLost) return;
  if (mail.kind === 'install') begin(state, mail.generation);
  else if (mail.kind === 'set') {
    if (state.isControlled) state.registers.set(mail.register, mail.value);
  } else if (mail.kind !== 'absurd' || state.isControlled) {
    state.isLost = true;
    state.isControlled = false;
  }
}

/** Everything in the mailbox, as the kernel's half reads it (bpf/commands.h). */
function read(slots: Slots, state: State): void {
  const { words, bytes, view } = slots;
  if (words[BASE + place.state] !== mailboxStates.full) return;
  words[BASE + place.state] = mailboxStates.empty;
  if (words[BASE + place.flow] !== FLOW) return;
  const asked = words[BASE + place.commands]!;
  if (asked & commands.renew) state.isLost = false;
  if (state.isLost) return;
  const first = state.isControlled ? 0 : words[BASE + place.kept]!;
  if (asked & commands.install) begin(state, words[BASE + place.generation]!);
  for (let i = first; i < words[BASE + place.values]! && state.isControlled; i++) {
    const at = SLOT * slotPlace.bytes;
    const value = Number(view.getBigUint64(at + place.valuesAt + i * 8, true));
    state.registers.set(bytes[at + place.registersAt + i]!, value);
  }
  if (asked & (commands.failed | commands.refused) || (asked & commands.absurd && state.isControlled)) {
    state.isLost = true;
    state.isControlled = false;
  }
}

const mail: fc.Arbitrary<Mail> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('set' as const),
      register: fc.constantFrom(CWND, RATE, 32, 33, 127),
      value: fc.maxSafeNat(),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.nat(1000).map((generation) => ({
      kind: 'install' as const,
      generation,
      theirs: 0,
      bytes: new Uint8Array(PROGRAM_BYTES),
    })),
  },
  {
    weight: 1,
    arbitrary: fc
      .constantFrom('failed' as const, 'absurd' as const, 'refused' as const)
      .map((kind): Mail => (kind === 'absurd' ? { kind, why: 'because' } : { kind })),
  },
  { weight: 1, arbitrary: fc.constant({ kind: 'renew' as const }) },
);

describe('a mailbox', () => {
  test('that is read now and then brings about what one that is read at once does', () => {
    const steps = fc.array(
      fc.oneof({ weight: 4, arbitrary: mail }, { weight: 1, arbitrary: fc.constant('read' as const) }),
    );
    const property = fc.property(steps, (steps) => {
      const slots = newSlots();
      const [expected, state] = [newState(), newState()];
      const waiting: Mail[] = [];
      const send = () => waiting.splice(0, post(slots, SLOT, FLOW, waiting));
      const settle = () => {
        for (; waiting.length > 0; send()) read(slots, state);
        read(slots, state);
      };
      for (const step of steps) {
        // What waits when somebody else takes over does not count: the next test.
        if (step === 'read') read(slots, state);
        else {
          if (step.kind === 'renew') settle();
          happen(expected, step);
          waiting.push(step);
        }
        send();
      }
      settle();
      expect(state).toEqual(expected);
    });
    fc.assert(property, { numRuns: 1000 });
  });

  test('forgets what it holds when somebody else takes over', () => {
    const [slots, state] = [newSlots(), newState()];
    post(slots, SLOT, FLOW, [
      { kind: 'install', generation: 1, theirs: 0, bytes: new Uint8Array(PROGRAM_BYTES) },
      { kind: 'failed' },
    ]);
    post(slots, SLOT, FLOW, [{ kind: 'renew' }, { kind: 'set', register: CWND, value: 1 }]);
    read(slots, state);
    expect(state).toEqual(newState());
  });

  test('is left alone while it is being read', () => {
    const slots = newSlots();
    slots.words[BASE + place.state] = mailboxStates.taken;
    const before = slots.bytes.slice();
    expect(post(slots, SLOT, FLOW, [{ kind: 'failed' }])).toBe(0);
    expect(slots.bytes).toEqual(before);
  });

  test('holds nothing that was meant for the flow before', () => {
    const slots = newSlots();
    post(slots, SLOT, 3, [{ kind: 'failed' }]);
    post(slots, SLOT, FLOW, [{ kind: 'set', register: CWND, value: 5 }]);
    expect(slots.words[BASE + place.flow]).toBe(FLOW);
    expect(slots.words[BASE + place.commands]).toBe(0);
    expect(slots.words[BASE + place.values]).toBe(1);
  });
});
