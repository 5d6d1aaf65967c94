// What is wrong with a configuration file: where, and one sentence that says what is wrong and what would work.

/** Field names and list indices from the top of the file. */
export type Path = readonly (string | number)[];

export interface Problem {
  readonly path: Path;
  /** The field's name itself is wrong, not its value. */
  readonly atKey?: boolean;
  /** "what is wrong; what would work" */
  readonly sentence: string;
}

/** `vnis[0].vnics[1].mac` */
export function formatPath(path: Path): string {
  let text = '';
  for (const step of path) {
    if (typeof step === 'number') text += `[${step}]`;
    else text += text === '' ? step : `.${step}`;
  }
  return text;
}

const shownLength = 40;

/** A value as it can stand in a sentence. */
export function shown(value: unknown): string {
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object' && value !== null) return 'a mapping';
  if (typeof value !== 'string') return String(value);
  return JSON.stringify(value.length <= shownLength ? value : `${value.slice(0, shownLength)}…`);
}
