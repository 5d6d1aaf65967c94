// What may be wrong with a link, as data: parsed from what people write, merged, checked and printed.
// Loss, rate, delay and queue hold in each direction for itself. Absent means healthy.
import { SelvageError } from '../src/base/errors.ts';
import {
  formatMicros,
  formatPartsPerMillion,
  formatRate,
  parseCount,
  parseMicros,
  parsePartsPerMillion,
  parseRateBitsPerSecond,
} from './units.ts';

export type Blackhole = 'a>b' | 'b>a' | 'both';

/** One of so many classes, counted from 1, that a hash of addresses and ports puts flows into. */
export interface Bucket {
  readonly which: number;
  readonly of: number;
}

export interface LinkConditions {
  /** Directions in which every packet vanishes without a word; a is the link's first node. */
  readonly blackhole?: Blackhole;
  /** The blackhole takes the flows of this class alone, as a broken entry of a switch's hash table does. */
  readonly bucket?: Bucket;
  /** Both ends see the cable cut, and the kernel withdraws the routes over it. */
  readonly carrier?: 'down';
  readonly lossPpm?: number;
  readonly rateBitsPerSecond?: number;
  readonly delayMicros?: number;
  /** Each packet takes longer by a random part of this; none overtakes another. */
  readonly jitterMicros?: number;
  /** Packets that may wait for a rate-limited link. */
  readonly queuePackets?: number;
  /** Packets leave with their checksums computed and cut to the MTU, as on a wire between machines. */
  readonly realWire?: true;
}

/** The same as people write them; 'none' heals that aspect. */
export interface ConditionTexts {
  readonly blackhole?: string | undefined;
  readonly bucket?: string | undefined;
  readonly carrier?: string | undefined;
  readonly loss?: string | undefined;
  readonly rate?: string | undefined;
  readonly delay?: string | undefined;
  readonly jitter?: string | undefined;
  readonly queue?: string | undefined;
}

/** The ends of a link: a is named first. */
export interface LinkEnds {
  readonly name: string;
  readonly a: string;
  readonly b: string;
}

/** One aspect, or undefined to heal it. */
export type ConditionChange = { readonly [K in keyof LinkConditions]?: LinkConditions[K] | undefined };

export function parseConditions(texts: ConditionTexts, link: LinkEnds): ConditionChange {
  const change: Record<string, unknown> = {};
  const read = (aspect: keyof LinkConditions, text: string | undefined, parse: (text: string) => unknown) => {
    if (text !== undefined) change[aspect] = text === 'none' ? undefined : parse(text);
  };
  read('blackhole', texts.blackhole, (text) => parseBlackhole(text, link));
  read('bucket', texts.bucket, parseBucket);
  read('carrier', texts.carrier, parseCarrier);
  read('lossPpm', texts.loss, (text) => parsePartsPerMillion(text) || undefined);
  read('rateBitsPerSecond', texts.rate, parseRateBitsPerSecond);
  read('delayMicros', texts.delay, (text) => parseMicros(text) || undefined);
  read('jitterMicros', texts.jitter, (text) => parseMicros(text) || undefined);
  read('queuePackets', texts.queue, parseCount);
  return change;
}

/** The conditions with the change made; aspects that the change does not name stay as they are. */
export function mergeConditions(old: LinkConditions, change: ConditionChange): LinkConditions {
  const entries = Object.entries({ ...old, ...change }).filter(([, value]) => value !== undefined);
  const merged: LinkConditions = withoutIdleBucket(Object.fromEntries(entries), change);
  if (merged.rateBitsPerSecond !== undefined || merged.queuePackets === undefined) return merged;
  if (change.queuePackets !== undefined) {
    throw new SelvageError('bad-input', 'A queue without a rate would never fill.', {
      hint: 'Give a rate as well.',
    });
  }
  // The rate was healed: its queue goes with it.
  const { queuePackets: _, ...rest } = merged;
  return rest;
}

function withoutIdleBucket(merged: LinkConditions, change: ConditionChange): LinkConditions {
  if (merged.bucket === undefined || merged.blackhole !== undefined) return merged;
  if (change.bucket !== undefined) {
    throw new SelvageError('bad-input', 'A bucket without a blackhole would lose nothing.', {
      hint: 'Give a blackhole as well.',
    });
  }
  // The blackhole was healed: its bucket goes with it.
  const { bucket: _, ...rest } = merged;
  return rest;
}

/** In the words of the command line; empty for a healthy link. */
export function formatConditions(conditions: LinkConditions, link: LinkEnds): string {
  const { blackhole, bucket, carrier, lossPpm, rateBitsPerSecond } = conditions;
  const { delayMicros, jitterMicros, queuePackets, realWire } = conditions;
  const words: string[] = [];
  if (blackhole !== undefined) words.push(`blackhole ${formatBlackhole(blackhole, link)}`);
  if (bucket !== undefined) words.push(`bucket ${bucket.which}/${bucket.of}`);
  if (carrier !== undefined) words.push(`carrier ${carrier}`);
  if (lossPpm !== undefined) words.push(`loss ${formatPartsPerMillion(lossPpm)}`);
  if (rateBitsPerSecond !== undefined) words.push(`rate ${formatRate(rateBitsPerSecond)}`);
  if (delayMicros !== undefined) words.push(`delay ${formatMicros(delayMicros)}`);
  if (jitterMicros !== undefined) words.push(`jitter ${formatMicros(jitterMicros)}`);
  if (queuePackets !== undefined) words.push(`queue ${queuePackets}`);
  if (realWire) words.push('as on a real wire');
  return words.join(', ');
}

function formatBlackhole(blackhole: Blackhole, { a, b }: LinkEnds): string {
  if (blackhole === 'both') return 'both ways';
  return blackhole === 'a>b' ? `${a}>${b}` : `${b}>${a}`;
}

function parseBlackhole(text: string, { name, a, b }: LinkEnds): Blackhole {
  if (text === 'both') return 'both';
  if (text === 'a>b' || text === `${a}>${b}`) return 'a>b';
  if (text === 'b>a' || text === `${b}>${a}`) return 'b>a';
  throw new SelvageError('bad-input', `“${text}” is not a direction of ${name}.`, {
    hint: `Write "a>b" (or "${a}>${b}"), "b>a" (or "${b}>${a}") or both, in quotes: the shell reads > otherwise.`,
  });
}

function parseBucket(text: string): Bucket {
  const [, which, of] = (/^(\d{1,4})\/(\d{1,4})$/.exec(text.trim()) ?? []).map(Number);
  if (which !== undefined && of !== undefined && which >= 1 && which <= of) return { which, of };
  throw new SelvageError('bad-input', `“${text}” is not a bucket.`, {
    hint: 'Write which of how many, such as 3/8.',
  });
}

function parseCarrier(text: string): 'down' | undefined {
  if (text === 'down') return 'down';
  if (text === 'up') return undefined;
  throw new SelvageError('bad-input', `“${text}” is not a state of a carrier.`, {
    hint: 'Write down or up.',
  });
}
