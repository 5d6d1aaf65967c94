// The building blocks of the schema: a field says what it is and shows an example, and every complaint about it is made
// from those two. Schemas carry the example as metadata, for the complaint that a field is missing.
import * as v from 'valibot';
import { shown } from './problems.ts';

/** Returned by a reader that can say more about what is wrong than "is not …". */
export class Complaint {
  readonly sentence: string;

  constructor(sentence: string) {
    this.sentence = sentence;
  }
}

/**
 * A single value: `read` turns what stands in the file into what the program uses, or returns undefined, which becomes
 * `"x" is not <what>; write it like <example>`.
 */
export function field<T>(what: string, example: string, read: (value: unknown) => T | Complaint | undefined) {
  return v.pipe(
    v.unknown(),
    v.rawTransform<unknown, T>(({ dataset, addIssue, NEVER }) => {
      const value = read(dataset.value);
      if (value instanceof Complaint) addIssue({ message: value.sentence });
      else if (value !== undefined) return value;
      else addIssue({ message: `${isNot(dataset.value, what)}; write it like ${example}` });
      return NEVER;
    }),
    v.metadata({ example }),
  );
}

export function text<T>(what: string, example: string, read: (value: string) => T | Complaint | undefined) {
  return field(what, example, (value) => (typeof value === 'string' ? read(value) : undefined));
}

export function wholeNumber(least: number, most: number, example: number) {
  return field(`a whole number from ${least} to ${most}`, String(example), (value) =>
    typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most
      ? value
      : undefined,
  );
}

export function yesOrNo() {
  return field('true or false', 'true', (value) => (typeof value === 'boolean' ? value : undefined));
}

/** Fields below a name; `example` is shown when the whole is missing. Unknown fields are not its affair. */
export function mapping<Entries extends v.ObjectEntries>(entries: Entries, example: string) {
  return v.pipe(
    // To v.object a list is an object too.
    v.custom<v.InferInput<v.ObjectSchema<Entries, undefined>>>(
      isMapping,
      ({ input }) => `${isNot(input, 'a mapping')}; write ${example}`,
    ),
    v.object(entries, ({ path }) => {
      const missing = String(path?.[0].key);
      return `is missing; write ${missing}: ${exampleOf(entries[missing])}`;
    }),
    v.metadata({ example }),
  );
}

export function list<Item extends v.GenericSchema>(item: Item, example: string) {
  return v.pipe(
    v.array(item, (issue) => `${isNot(issue.input, 'a list')}; write it like ${example}`),
    v.metadata({ example }),
  );
}

function isMapping(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isNot(value: unknown, what: string): string {
  return value === null ? 'has no value' : `${shown(value)} is not ${what}`;
}

function exampleOf(schema: v.ObjectEntries[string] | undefined): string {
  return schema === undefined ? '…' : String(v.getMetadata(schema)['example']);
}
