// The form in which programs reach a datapath: fixed width, little-endian, 1808 bytes, meant to be copied whole into a
// BPF map. docs/congestion-language.md has the layout and the meaning of each instruction.
//
//   header (16)  magic u32 · instructions u16 · values u8 · reports u8 · first volatile u8 · end of volatiles u8 · zeros
//   values (96 × u64)  what registers 32… hold at first: variables, constants
//   code (256 × u32)   opcode u8 · target u8 · a u8 · b u8

/** "CCP1". */
export const MAGIC = 0x31504343;

export const HEADER_BYTES = 16;
export const MAX_VALUES = 96;
export const MAX_INSTRUCTIONS = 256;
export const VALUES_AT = HEADER_BYTES;
export const CODE_AT = VALUES_AT + MAX_VALUES * 8;
export const PROGRAM_BYTES = CODE_AT + MAX_INSTRUCTIONS * 4;

/** Where the header's fields lie. */
export const INSTRUCTIONS_AT = 4;
export const VALUE_COUNT_AT = 6;
export const REPORT_COUNT_AT = 7;
export const VOLATILE_FIRST_AT = 8;
export const VOLATILE_END_AT = 9;
export const RESERVED_AT = 10;

/** Registers 0 to 23 are signals and cannot be written; 24 to 31 belong to the datapath; the rest to the program. */
export const SIGNAL_REGISTERS = 24;
export const CWND = 24;
export const RATE = 25;
export const TIMER = 26;
export const FIRST_VALUE = 32;
export const REGISTERS = FIRST_VALUE + MAX_VALUES;

export const opcodes = {
  /** Ends the run. */
  end: 0,
  /** target ← a */
  move: 1,
  add: 2,
  subtract: 3,
  multiply: 4,
  divide: 5,
  min: 6,
  max: 7,
  equal: 8,
  notEqual: 9,
  less: 10,
  lessOrEqual: 11,
  /** target ← 1 if both are true, else 0 */
  and: 12,
  or: 13,
  /** target ← b if a is true; unchanged otherwise */
  select: 14,
  /** target ← a tenths of target and the rest of b */
  ewma: 15,
  isqrt: 16,
  /** Goes on at instruction `target`, which lies ahead, if a is 0. */
  jumpIfZero: 17,
  jump: 18,
  /** A report is due when the run ends. */
  report: 19,
} as const;

export const LAST_OPCODE = opcodes.report;

/** May the program write it? */
export function isWritable(register: number): boolean {
  return (register >= FIRST_VALUE && register < REGISTERS) || (register >= CWND && register <= TIMER);
}

/** Is there anything to be read? */
export function isReadable(register: number): boolean {
  return register < SIGNAL_REGISTERS || isWritable(register);
}

export function instruction(opcode: number, target: number, a: number, b: number): number {
  return (opcode | (target << 8) | (a << 16) | (b << 24)) >>> 0;
}
