// How the ways to a peer are found: hop by hop, as traceroute does, from all candidate source ports. Written as one
// sequence of inquiries, each decided by the answers to those before; whoever runs it sends the probes.
//
// Six probes that meet the same router say that there is no other at that distance (at 95 %, as in the multipath
// detection of Augustin et al., 2007): so a leaf that all ways pass costs six probes, and only where ways part is
// every candidate asked. Candidates that have a route of their own need no further telling apart.

import { groupByRoute, type Hops, UNKNOWN_HOP } from './hops.ts';
import { Inquiry, PATIENT, type Patience } from './inquiry.ts';
import { SLOTS } from './path-table.ts';

/** Probes that rule out a second router. */
const SAMPLE = 6;
const MAX_HOPS = 16;
/** Two distances without an answer are the peer itself, and what would lie behind it. */
const SILENT_HOPS = 2;
/** The first looks are made when no router has a reason yet to hold its answer back. */
const BRIEF: Patience = { roundMicros: 300_000, tries: 2 };
const TWICE: Patience = { ...PATIENT, tries: 2 };
/** Other candidates than the slots' own that are looked at, in turn. */
const EXTRA = 4;

/**
 * Finds the hops of every candidate; `known` is how far routers answered before. Others are sampled in each `turn`, so
 * that what one sample missed, the next finds. More than `enough` routes are not told apart.
 */
export function* discover(
  candidates: readonly number[],
  known: number,
  turn: number,
  enough = SLOTS,
): Generator<Inquiry, Hops, void> {
  const [first] = rotated(candidates, turn);
  const ruler = yield* measure(first!);
  const hops = new Map<number, string[]>(candidates.map((candidate) => [candidate, []]));
  for (let ttl = 1; ttl <= Math.max(ruler.length, known); ttl++) {
    const groups = groupByRoute(hops);
    const open = groups.filter((group) => group.length > 1).map((group) => rotated(group, turn * SAMPLE));
    if (open.length === 0 || groups.length >= enough) break;
    const router = ruler[ttl - 1] ?? UNKNOWN_HOP;
    const answers = new Map(router === UNKNOWN_HOP ? [] : [[first!, router]]);
    yield* tellApart(ttl, open, answers);
    for (const candidate of open.flat()) hops.get(candidate)!.push(answers.get(candidate)!);
  }
  return hops;
}

/** `unclear`: too few answered to say. */
export type Verdict = 'same' | 'changed' | 'unclear';

/** Looks whether ways are as they were found: those of `bound` where ways part, some others in each `turn` everywhere. */
export function* verify(
  hops: Hops,
  bound: readonly number[],
  turn: number,
): Generator<Inquiry, Verdict, void> {
  const others = [...hops.keys()].filter((candidate) => !bound.includes(candidate));
  const some = rotated(others, turn * EXTRA).slice(0, EXTRA);
  let expected = 0;
  let seen = 0;
  for (const { ttl, parts } of distances(hops)) {
    const asked = (parts ? [...bound, ...some] : some).filter(
      (candidate) => hops.get(candidate)![ttl - 1] !== undefined,
    );
    const inquiry = new Inquiry(ttl, asked, TWICE);
    yield inquiry;
    for (const [candidate, hop] of inquiry.answers) {
      const before = hops.get(candidate)![ttl - 1]!;
      if (hop !== UNKNOWN_HOP && hop !== before) return 'changed';
      if (before !== UNKNOWN_HOP) expected++;
      if (hop !== UNKNOWN_HOP) seen++;
    }
  }
  return seen * 2 < expected ? 'unclear' : 'same';
}

/** How far it is known, and where candidates meet different routers. */
function distances(hops: Hops): { ttl: number; parts: boolean }[] {
  const lists = [...hops.values()];
  const longest = Math.max(0, ...lists.map((list) => list.length));
  return Array.from({ length: longest }, (_, i) => ({
    ttl: i + 1,
    parts: new Set(lists.flatMap((list) => list[i] ?? [])).size > 1,
  }));
}

/** The routers on the way of one candidate, up to the last that answers. */
export function* measure(candidate: number): Generator<Inquiry, string[], void> {
  const routers: string[] = [];
  for (let silent = 0; silent < SILENT_HOPS && routers.length < MAX_HOPS; ) {
    const inquiry = new Inquiry(routers.length + 1, [candidate], BRIEF);
    yield inquiry;
    const router = inquiry.answers.get(candidate)!;
    routers.push(router);
    silent = router === UNKNOWN_HOP ? silent + 1 : 0;
  }
  while (routers.at(-1) === UNKNOWN_HOP) routers.pop();
  return routers;
}

/** Adds to `answers` the router of every candidate at `ttl`, asking no more of them than it takes. */
function* tellApart(
  ttl: number,
  groups: readonly (readonly number[])[],
  answers: Map<number, string>,
): Generator<Inquiry, void, void> {
  const all = groups.flat();
  yield* ask(ttl, acrossGroups(groups, SAMPLE), answers);
  if (inferred(all, answers)) return;
  yield* ask(
    ttl,
    groups.flatMap((group) => group.slice(0, SAMPLE)),
    answers,
  );
  const apart = groups.filter((group) => !inferred(group, answers));
  yield* ask(ttl, apart.flat(), answers);
}

function* ask(
  ttl: number,
  candidates: readonly number[],
  answers: Map<number, string>,
): Generator<Inquiry, void, void> {
  const inquiry = new Inquiry(
    ttl,
    candidates.filter((candidate) => !answers.has(candidate)),
  );
  yield inquiry;
  for (const [candidate, router] of inquiry.answers) answers.set(candidate, router);
}

/** When all that answered met one router, so do the others: they are given its answer. */
function inferred(group: readonly number[], answers: Map<number, string>): boolean {
  const seen = new Set(group.flatMap((candidate) => answers.get(candidate) ?? []));
  if (seen.size !== 1) return false;
  const [router] = seen;
  for (const candidate of group) answers.set(candidate, router!);
  return true;
}

function rotated<T>(list: readonly T[], by: number): T[] {
  const from = by % Math.max(1, list.length);
  return [...list.slice(from), ...list.slice(0, from)];
}

/** The first of each group, the second of each, and so on, `count` in all. */
function acrossGroups(groups: readonly (readonly number[])[], count: number): number[] {
  const longest = Math.max(...groups.map((group) => group.length));
  const inTurn: number[] = [];
  for (let i = 0; i < longest && inTurn.length < count; i++) {
    for (const group of groups) if (group[i] !== undefined) inTurn.push(group[i]!);
  }
  return inTurn.slice(0, count);
}
