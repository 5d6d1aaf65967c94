// Where things lie in the memory that we share with the kernel's half: bpf/layout.h has the same, and asserts the sizes.

export const LAYOUT = 1;

/** Words of `struct control`. */
export const control = {
  bytes: 64,
  layout: 0,
  isAttended: 1,
  beat: 2,
  nextFlow: 3,
  nextGeneration: 4,
  missed: 5,
  unserved: 6,
  slotsMap: 7,
  noticesMap: 8,
  entries: 9,
  nameAt: 40,
  nameBytes: 16,
} as const;

/** Words of `struct slot`; those of its mailbox follow. */
export const slot = {
  bytes: 2792,
  flow: 1,
  mssBytes: 2,
  cwndBytes: 3,
  sourceAt: 16,
  destinationAt: 32,
  sourcePortAt: 48,
  destinationPortAt: 50,
} as const;

/** Words from the slot's beginning, and places in bytes. */
export const mailbox = {
  state: 16,
  flow: 17,
  commands: 18,
  generation: 19,
  values: 21,
  answered: 22,
  kept: 23,
  valuesAt: 96,
  registersAt: 880,
  programAt: 984,
} as const;

export const mailboxStates = { empty: 0, full: 1, taken: 2 } as const;

export const commands = { renew: 1, install: 2, failed: 4, refused: 8, absurd: 16 } as const;

/** Words of `struct notice`. */
export const notice = {
  kind: 0,
  flow: 1,
  nowLow: 2,
  nowHigh: 3,
  detail: 4,
  more: 5,
  values: 6,
  words: 10,
} as const;

export const noticeKinds = { open: 0, close: 1, report: 2, installed: 3, fallback: 4 } as const;

export const fallbackReasons = ['silent', 'absurd', 'failed'] as const;

/** In the order of `enum refusal` in bpf/program.h. */
export const refusals = [
  'accepted',
  'magic',
  'header',
  'value',
  'opcode',
  'register',
  'jump',
  'ending',
] as const;

/** The constants of the kernel's half, in bytes. */
export const settings = {
  answerTimeoutAt: 0,
  reportIntervalAt: 8,
  mssRegisterAt: 16,
  ssthreshRegisterAt: 20,
  fallbackAt: 24,
} as const;

/** In the object's bytes, to be replaced; the flags are in the word behind it. */
export const NAME_PLACEHOLDER = 'SelvageNameHere';
export const NOTICES_BYTES = 1 << 20;
