// Takes a program's bytes in (CCP §4.5.2). They may come from anyone and change while they are read: every word is read
// once, and judged in the copy. What is accepted ends, because jumps go forward only; touches no register that
// does not exist; and writes no signal.

import {
  CODE_AT,
  FIRST_VALUE,
  INSTRUCTIONS_AT,
  isReadable,
  isWritable,
  LAST_OPCODE,
  MAGIC,
  MAX_INSTRUCTIONS,
  MAX_VALUES,
  opcodes,
  PROGRAM_BYTES,
  REPORT_COUNT_AT,
  RESERVED_AT,
  VALUE_COUNT_AT,
  VALUES_AT,
  VOLATILE_END_AT,
  VOLATILE_FIRST_AT,
} from '../language/instructions.ts';

export interface LoadedProgram {
  readonly code: Uint32Array;
  /** Of registers 32…, as many as there are; only the first `valueCount` are the program's. */
  readonly values: Float64Array;
  readonly valueCount: number;
  readonly reports: number;
  readonly volatileFirst: number;
  readonly volatileEnd: number;
}

export type Refusal = 'length' | 'magic' | 'header' | 'value' | 'opcode' | 'register' | 'jump' | 'ending';

/** The program, or why it is none. */
export function loadProgram(source: Uint8Array): LoadedProgram | Refusal {
  if (source.length !== PROGRAM_BYTES) return 'length';
  const view = new DataView(source.buffer, source.byteOffset, source.byteLength);
  if (view.getUint32(0, true) !== MAGIC) return 'magic';
  const instructions = view.getUint16(INSTRUCTIONS_AT, true);
  const valueCount = view.getUint8(VALUE_COUNT_AT);
  const reports = view.getUint8(REPORT_COUNT_AT);
  const volatileFirst = view.getUint8(VOLATILE_FIRST_AT);
  const volatileEnd = view.getUint8(VOLATILE_END_AT);
  const isSound =
    instructions > 0 &&
    instructions <= MAX_INSTRUCTIONS &&
    valueCount <= MAX_VALUES &&
    reports <= valueCount &&
    volatileFirst <= volatileEnd &&
    volatileEnd <= valueCount &&
    view.getUint32(RESERVED_AT, true) === 0 &&
    view.getUint16(RESERVED_AT + 4, true) === 0;
  if (!isSound) return 'header';
  const values = readValues(view, valueCount);
  if (values === undefined) return 'value';
  const code = new Uint32Array(instructions);
  for (let i = 0; i < instructions; i++) code[i] = view.getUint32(CODE_AT + i * 4, true);
  return refusalOf(code) ?? { code, values, valueCount, reports, volatileFirst, volatileEnd };
}

function readValues(view: DataView, count: number): Float64Array | undefined {
  const values = new Float64Array(MAX_VALUES);
  for (let i = 0; i < count; i++) {
    const high = view.getUint32(VALUES_AT + i * 8 + 4, true);
    if (high >= 2 ** 21) return undefined;
    values[i] = high * 2 ** 32 + view.getUint32(VALUES_AT + i * 8, true);
  }
  return values;
}

function refusalOf(code: Uint32Array): Refusal | undefined {
  for (let i = 0; i < code.length; i++) {
    const word = code[i]!;
    const opcode = word & 255;
    const target = (word >>> 8) & 255;
    if (opcode > LAST_OPCODE) return 'opcode';
    if (!isReadable((word >>> 16) & 255) || !isReadable(word >>> 24)) return 'register';
    if (opcode === opcodes.jump || opcode === opcodes.jumpIfZero) {
      if (target <= i || target >= code.length) return 'jump';
    } else if (opcode !== opcodes.end && opcode !== opcodes.report && !isWritable(target)) return 'register';
  }
  return (code.at(-1)! & 255) === opcodes.end ? undefined : 'ending';
}

/** Is this a variable's or a constant's register, which can be set from outside? */
export function isVariable(program: LoadedProgram, register: number): boolean {
  return Number.isInteger(register) && register >= FIRST_VALUE && register < FIRST_VALUE + program.valueCount;
}
