// Where a fault strikes: of all the places it could, one on the way of as many systems as possible. Pure.
import type { ConditionChange } from '../../lab/conditions.ts';
import type { Topology } from '../../lab/topology.ts';
import type { Rng } from '../../src/base/rng.ts';
import { type Course, type Fault, shuffled } from './campaign.ts';
import { BUCKETS, type Way, type WaysInUse } from './ways.ts';

/** A fault with its place: what is done to which links, and whose traffic that is. */
export interface Strike {
  readonly fault: Fault;
  /** For people. */
  readonly where: string;
  readonly links: readonly string[];
  readonly change: ConditionChange;
  /** Traffic that takes one of these meets the fault. */
  readonly ways: readonly Way[];
}

/** A system's two hosts. */
export interface HostPair {
  readonly client: string;
  readonly server: string;
}

/** Of equals the random first one. */
export function chooseStrike(
  fault: Fault,
  topology: Topology,
  pairs: readonly HostPair[],
  ways: WaysInUse,
  rng: Rng,
): Strike {
  const places = shuffled(placesOf(fault, topology), rng);
  const hit = (strike: Strike) => pairs.filter((pair) => isHit(strike, pair, ways)).length;
  return places.reduce((best, each) => (hit(each) > hit(best) ? each : best));
}

export function isHit({ ways: struck }: Strike, { client, server }: HostPair, ways: WaysInUse): boolean {
  return struck.some((way) => ways.isUsed(way, client) || ways.isUsed(way, server));
}

function placesOf(fault: Fault, { racks, spines }: Topology): Strike[] {
  const leaves = racks.map(({ leaf }) => leaf);
  const links = leaves.flatMap((leaf) => spines.map((spine) => ({ leaf, spine })));
  const atLink = (link: Link, course: Course, change: ConditionChange): Strike => ({
    fault,
    where: `${link.leaf}-${link.spine}`,
    links: [nameOf(link)],
    change,
    ways: waysOf(link, course),
  });
  switch (fault.kind) {
    case 'blackhole both ways':
      return links.map((link) => atLink(link, 'both', { blackhole: 'both' }));
    case 'blackhole one way':
      return links
        .filter(({ leaf }) => leaf === leaves[fault.leaf])
        .map((link) => atLink(link, fault.course, blackhole(fault.course)));
    case 'loss 30–80 %':
    case 'low-rate loss':
      return links.map((link) => atLink(link, 'both', { lossPpm: fault.lossPpm }));
    case 'flapping':
      return links.map((link) => atLink(link, 'both', { blackhole: 'both' }));
    case 'jitter':
      return links.map((link) => atLink(link, 'both', { jitterMicros: fault.jitterMicros }));
    case 'line card':
      return pairsOf(spines).map((cardSpines) => card(fault, leaves[fault.leaf]!, cardSpines));
    case 'router death':
      return spines.map((spine) => {
        const dead = leaves.map((leaf) => ({ leaf, spine }));
        const ways = dead.flatMap((link) => waysOf(link, 'both'));
        return { fault, where: spine, links: dead.map(nameOf), change: { blackhole: 'both' }, ways };
      });
    case 'hash bucket':
      return bucketsOf(fault, leaves[fault.leaf]!, spines);
  }
}

interface Link {
  readonly leaf: string;
  readonly spine: string;
}

function nameOf({ leaf, spine }: Link): string {
  return `${leaf}-${spine}`;
}

/** A link's first end is its leaf. */
function blackhole(course: Course): ConditionChange {
  return { blackhole: course === 'both' ? 'both' : course === 'up' ? 'a>b' : 'b>a' };
}

function waysOf({ leaf, spine }: Link, course: Course): Way[] {
  const courses = course === 'both' ? (['up', 'down'] as const) : [course];
  return courses.map((each) => ({ course: each, leaf, part: spine }));
}

function card(
  fault: Fault & { readonly kind: 'line card' },
  leaf: string,
  spines: readonly string[],
): Strike {
  const links = spines.map((spine) => ({ leaf, spine }));
  return {
    fault,
    where: `${leaf} to ${spines.join(' and ')}`,
    links: links.map(nameOf),
    change: blackhole(fault.course),
    ways: links.flatMap((link) => waysOf(link, fault.course)),
  };
}

function bucketsOf(fault: Fault, leaf: string, spines: readonly string[]): Strike[] {
  return Array.from({ length: BUCKETS }, (_, bucket) => ({
    fault,
    where: `${leaf}, bucket ${bucket + 1} of ${BUCKETS}`,
    links: spines.map((spine) => nameOf({ leaf, spine })),
    change: { blackhole: 'a>b', bucket: { which: bucket + 1, of: BUCKETS } } as const,
    ways: [{ course: 'bucket', leaf, part: String(bucket) } as const],
  }));
}

/** Half of four, all ways to choose them. */
function pairsOf(spines: readonly string[]): string[][] {
  const half = Math.floor(spines.length / 2);
  const choose = (from: readonly string[], count: number): string[][] =>
    count === 0
      ? [[]]
      : from.flatMap((first, index) =>
          choose(from.slice(index + 1), count - 1).map((rest) => [first, ...rest]),
        );
  return choose(spines, half);
}
