// The campaign of faults (ZooRoute §7.3, table 1): so many of each kind, in an order and of strengths that a seed gives.
// Which links a fault befalls is chosen when it is its turn, by where the traffic goes (ways.ts). Pure.
import { below, type Rng, SeededRng } from '../../src/base/rng.ts';

export const FAULT_KINDS = [
  'blackhole both ways',
  'blackhole one way',
  'hash bucket',
  'loss 30–80 %',
  'low-rate loss',
  'line card',
  'router death',
  'flapping',
  'jitter',
] as const;
export type FaultKind = (typeof FAULT_KINDS)[number];

/** Which packets of a leaf's uplinks: those to the spines, those from them, or both. */
export type Course = 'up' | 'down' | 'both';

export type Fault =
  | { readonly kind: 'blackhole both ways' }
  | { readonly kind: 'blackhole one way'; readonly leaf: number; readonly course: Course }
  /** Of all that a leaf sends to its spines. */
  | { readonly kind: 'hash bucket'; readonly leaf: number }
  | { readonly kind: 'loss 30–80 %' | 'low-rate loss'; readonly lossPpm: number }
  /** Half of a leaf's uplinks. */
  | { readonly kind: 'line card'; readonly leaf: number; readonly course: Course }
  /** A spine. */
  | { readonly kind: 'router death' }
  | { readonly kind: 'flapping'; readonly brokenMillis: number; readonly healedMillis: number }
  | { readonly kind: 'jitter'; readonly jitterMicros: number };

/** Sixty. */
export const FULL_CAMPAIGN: Readonly<Record<FaultKind, number>> = {
  'blackhole both ways': 8,
  'blackhole one way': 8,
  'hash bucket': 7,
  'loss 30–80 %': 9,
  'low-rate loss': 6,
  'line card': 6,
  'router death': 6,
  flapping: 5,
  jitter: 5,
};

/** Six. */
export const QUICK_CAMPAIGN: Readonly<Record<FaultKind, number>> = {
  'blackhole both ways': 1,
  'blackhole one way': 1,
  'hash bucket': 1,
  'loss 30–80 %': 1,
  'low-rate loss': 0,
  'line card': 1,
  'router death': 1,
  flapping: 0,
  jitter: 0,
};

export function planCampaign(
  numbers: Readonly<Record<FaultKind, number>>,
  leaves: number,
  seed: number,
): Fault[] {
  const rng = new SeededRng(seed);
  const faults = FAULT_KINDS.flatMap((kind) =>
    Array.from({ length: numbers[kind] }, () => makeFault(kind, leaves, rng)),
  );
  return shuffled(faults, rng);
}

/** Of ZooRoute's table 1: how long such faults last, in seconds; the least is jitter's, the most a fibre's. */
export const DURATIONS_SECONDS = [8.8, 150, 300] as const;

/** How much longer than others a fault must last, to tell whether it is got over: what it does comes and goes. */
export function patienceOf({ kind }: Fault): number {
  return kind === 'flapping' || kind === 'low-rate loss' ? 2 : 1;
}

/** Those that take, while they last and of the packets that they befall, at least 30 %. */
export function isHeavy({ kind }: Fault): boolean {
  return kind !== 'low-rate loss' && kind !== 'jitter';
}

function makeFault(kind: FaultKind, leaves: number, rng: Rng): Fault {
  const leaf = below(rng, leaves);
  const oneWay: Course = below(rng, 2) === 0 ? 'up' : 'down';
  switch (kind) {
    case 'blackhole one way':
      return { kind, leaf, course: oneWay };
    case 'hash bucket':
      return { kind, leaf };
    case 'loss 30–80 %':
      return { kind, lossPpm: between(rng, 300_000, 800_000) };
    case 'low-rate loss':
      return { kind, lossPpm: between(rng, 1000, 20_000) };
    case 'line card':
      return { kind, leaf, course: below(rng, 2) === 0 ? 'both' : oneWay };
    case 'flapping':
      return { kind, brokenMillis: between(rng, 300, 1000), healedMillis: between(rng, 300, 1000) };
    case 'jitter':
      return { kind, jitterMicros: between(rng, 20_000, 80_000) };
    default:
      return { kind };
  }
}

function between(rng: Rng, least: number, most: number): number {
  return least + below(rng, most - least + 1);
}

/** Fisher and Yates. */
export function shuffled<T>(items: readonly T[], rng: Rng): T[] {
  const result = [...items];
  for (let last = result.length - 1; last > 0; last--) {
    const other = below(rng, last + 1);
    [result[last], result[other]] = [result[other]!, result[last]!];
  }
  return result;
}
