// Fields that the schema does not know, each with the name that was probably meant.
import type { Path, Problem } from './problems.ts';

/** The parts of a valibot schema that say what it is made of. */
interface SchemaLike {
  readonly type: string;
  readonly entries?: Readonly<Record<string, SchemaLike>>;
  readonly item?: SchemaLike;
  readonly wrapped?: SchemaLike;
  readonly pipe?: readonly object[];
}

export function unknownFields(schema: SchemaLike, value: unknown, path: Path = []): Problem[] {
  if (schema.wrapped !== undefined) return unknownFields(schema.wrapped, value, path);
  if (schema.item !== undefined && Array.isArray(value)) {
    const { item } = schema;
    return value.flatMap((element, index) => unknownFields(item, element, [...path, index]));
  }
  const entries = entriesOf(schema);
  if (entries === undefined || typeof value !== 'object' || value === null || Array.isArray(value)) return [];
  return Object.entries(value).flatMap(([name, inner]) => {
    const known = Object.hasOwn(entries, name) ? entries[name] : undefined;
    if (known !== undefined) return unknownFields(known, inner, [...path, name]);
    const absent = Object.keys(entries).filter((candidate) => !(candidate in value));
    return [
      { path: [...path, name], atKey: true, sentence: unknownField(name, absent, Object.keys(entries)) },
    ];
  });
}

/** A mapping's schema is a pipe of which one part is the object (fields.ts), and may be part of another pipe. */
function entriesOf(schema: SchemaLike): SchemaLike['entries'] {
  if (schema.pipe === undefined) return schema.entries;
  for (const part of schema.pipe as readonly SchemaLike[]) {
    const entries = entriesOf(part);
    if (entries !== undefined) return entries;
  }
  return undefined;
}

function unknownField(name: string, absent: readonly string[], all: readonly string[]): string {
  const meant = nearest(name, absent);
  return meant === undefined
    ? `there is no such field; there are ${all.join(', ')}`
    : `there is no such field; did you mean ${meant}?`;
}

/** The candidate that a slip of the keyboard would turn into `name`, if there is one. */
export function nearest(name: string, candidates: readonly string[]): string | undefined {
  const ranked = candidates
    .map((candidate) => ({ candidate, distance: editDistance(name.toLowerCase(), candidate.toLowerCase()) }))
    .sort((a, b) => a.distance - b.distance);
  const best = ranked[0];
  return best !== undefined && best.distance <= Math.max(1, best.candidate.length / 3)
    ? best.candidate
    : undefined;
}

/** Levenshtein's distance where two neighbours that changed places count as one slip, like a wrong letter. */
function editDistance(a: string, b: string): number {
  const rows = [Array.from({ length: b.length + 1 }, (_, j) => j)];
  for (let i = 1; i <= a.length; i++) {
    const above = rows[i - 1]!;
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = above[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      row.push(
        Math.min(replaced, above[j]! + 1, row[j - 1]! + 1, swapped ? rows[i - 2]![j - 2]! + 1 : replaced),
      );
    }
    rows.push(row);
  }
  return rows[a.length]![b.length]!;
}
