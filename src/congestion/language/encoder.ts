// Writes a compiled program into its fixed form (instructions.ts).

import {
  CODE_AT,
  INSTRUCTIONS_AT,
  MAGIC,
  PROGRAM_BYTES,
  REPORT_COUNT_AT,
  VALUE_COUNT_AT,
  VALUES_AT,
  VOLATILE_END_AT,
  VOLATILE_FIRST_AT,
} from './instructions.ts';

export interface ProgramParts {
  readonly code: readonly number[];
  /** Initial values of registers 32…: the first `reports` are what reports carry. */
  readonly values: readonly number[];
  readonly reports: number;
  /** Those from the first to before the end are volatile. */
  readonly volatileFirst: number;
  readonly volatileEnd: number;
}

export function encode({ code, values, reports, volatileFirst, volatileEnd }: ProgramParts): Uint8Array {
  const bytes = new Uint8Array(PROGRAM_BYTES);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, MAGIC, true);
  view.setUint16(INSTRUCTIONS_AT, code.length, true);
  view.setUint8(VALUE_COUNT_AT, values.length);
  view.setUint8(REPORT_COUNT_AT, reports);
  view.setUint8(VOLATILE_FIRST_AT, volatileFirst);
  view.setUint8(VOLATILE_END_AT, volatileEnd);
  for (const [index, value] of values.entries()) {
    view.setUint32(VALUES_AT + index * 8, value >>> 0, true);
    view.setUint32(VALUES_AT + index * 8 + 4, Math.floor(value / 2 ** 32), true);
  }
  for (const [index, word] of code.entries()) view.setUint32(CODE_AT + index * 4, word, true);
  return bytes;
}
