// Names that people type: when one is unknown, say which was probably meant.
import { SelvageError } from '../src/base/errors.ts';

/** The candidate fewest edits away, if that is close enough to have been meant. */
export function nearestName(typed: string, candidates: Iterable<string>): string | undefined {
  let best: string | undefined;
  let bestEdits = Math.max(2, Math.floor(typed.length / 3)) + 1;
  for (const candidate of candidates) {
    const edits = editDistance(typed, candidate);
    if (edits < bestEdits) {
      best = candidate;
      bestEdits = edits;
    }
  }
  return best;
}

export function unknownName(kind: string, typed: string, candidates: readonly string[]): SelvageError {
  const nearest = nearestName(typed, candidates);
  const hint = nearest === undefined ? `There are: ${candidates.join(', ')}.` : `Did you mean ${nearest}?`;
  return new SelvageError('bad-input', `There is no ${kind} ${typed}.`, { hint });
}

/** Levenshtein's distance, a row at a time. */
function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = previous[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      row.push(Math.min(replaced, previous[j]! + 1, row[j - 1]! + 1));
    }
    previous = row;
  }
  return previous[b.length]!;
}
