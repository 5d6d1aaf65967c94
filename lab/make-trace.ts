// `selvage emulate --make-trace`: a trace for --trace, made up from a seed.
import { randomInt } from 'node:crypto';
import { SelvageError } from '../src/base/errors.ts';
import { scaled } from '../src/base/rate.ts';
import { SeededRng } from '../src/base/rng.ts';
import { parseSeed } from './emulate-options.ts';
import { makeCellularTrace } from './emulator/model/cellular.ts';
import { meanBitsPerSecond } from './emulator/model/trace.ts';
import { unknownName } from './names.ts';
import { formatRate, parseRateBitsPerSecond } from './units.ts';

export interface TraceTexts {
  readonly seed?: string;
  readonly duration?: string;
  readonly rate?: string;
}

const KINDS = ['cellular'];
const MAX_SECONDS = 24 * 3600;

/** Prints the trace, and beside it how to make it again. */
export function makeTrace(
  kind: string,
  { seed: seedText, duration = '60s', rate = '12mbit' }: TraceTexts,
): void {
  if (!KINDS.includes(kind)) throw unknownName('kind of trace', kind, KINDS);
  const seed = seedText === undefined ? randomInt(2 ** 32) : parseSeed(seedText);
  const seconds = parseSeconds(duration);
  const ceilingBitsPerSecond = parseRateBitsPerSecond(rate);
  const trace = makeCellularTrace({ seconds, ceilingBitsPerSecond }, new SeededRng(seed));
  process.stdout.write(`${trace.join('\n')}\n`);
  const mean = formatRate(meanBitsPerSecond(trace));
  process.stderr.write(
    `${kind}, ${seconds} s, at most ${formatRate(ceilingBitsPerSecond)}, on average ${mean}; --seed ${seed} makes it again.\n`,
  );
}

function parseSeconds(text: string): number {
  const seconds = scaled(text, { s: 1, min: 60, h: 3600 });
  if (seconds !== undefined && seconds >= 1 && seconds <= MAX_SECONDS) return seconds;
  throw new SelvageError('bad-input', `“${text}” is not a length of a trace.`, {
    hint: 'Write it like 60s or 10min (from 1s to 24h).',
  });
}
