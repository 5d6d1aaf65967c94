// `selvage emulate --make-trace`: a trace for --trace, made up from a seed.
import { randomInt } from 'node:crypto';
import { SelvageError } from '../src/base/errors.ts';
import { scaled } from '../src/base/rate.ts';
import { SeededRng } from '../src/base/rng.ts';
import { parseSeed } from './emulate-options.ts';
import { makeCellularTrace } from './emulator/model/cellular.ts';
import { meanBitsPerSecond, OPPORTUNITY_BYTES } from './emulator/model/trace.ts';
import { unknownName } from './names.ts';
import { formatRate, parseRateBitsPerSecond } from './units.ts';

export interface TraceTexts {
  readonly seed?: string;
  readonly duration?: string;
  readonly rate?: string;
  readonly quiet?: true;
}

const KINDS = ['cellular'];
const MAX_SECONDS = 24 * 3600;
/** 200 MB of text. */
const MAX_OPPORTUNITIES = 20e6;

/** Prints the trace, and beside it how to make it again. */
export function makeTrace(
  kind: string,
  { seed: seedText, duration = '60s', rate = '12mbit', quiet }: TraceTexts,
): void {
  if (!KINDS.includes(kind)) throw unknownName('kind of trace', kind, KINDS);
  const seed = seedText === undefined ? randomInt(2 ** 32) : parseSeed(seedText);
  const seconds = parseSeconds(duration);
  const ceilingBitsPerSecond = parseRateBitsPerSecond(rate);
  checkSize(seconds, ceilingBitsPerSecond);
  const trace = makeCellularTrace({ seconds, ceilingBitsPerSecond }, new SeededRng(seed));
  process.stdout.write(`${trace.join('\n')}\n`);
  if (quiet) return;
  const mean = formatRate(meanBitsPerSecond(trace));
  process.stderr.write(
    `${kind}, ${seconds} s, at most ${formatRate(ceilingBitsPerSecond)}, on average ${mean}; --seed ${seed} makes it again.\n`,
  );
}

/** `options` are those given that a trace is not made of. */
export function refuseBesideMakeTrace(command: readonly string[], options: object): void {
  const hint =
    'A trace is made of --rate, --duration and --seed; what is made is for --trace in another run.';
  const [option] = Object.keys(options);
  if (option !== undefined) {
    throw new SelvageError('bad-input', `--${option} does nothing beside --make-trace.`, { hint });
  }
  if (command.length === 0) return;
  throw new SelvageError('bad-input', `--make-trace runs no program: ${command.join(' ')}.`, { hint });
}

function checkSize(seconds: number, ceilingBitsPerSecond: number): void {
  const most = (seconds * ceilingBitsPerSecond) / (OPPORTUNITY_BYTES * 8);
  if (most <= MAX_OPPORTUNITIES) return;
  const rate = formatRate(ceilingBitsPerSecond);
  throw new SelvageError(
    'bad-input',
    `A trace of ${seconds} s at up to ${rate} may have ${Math.ceil(most / 1e6)} million lines.`,
    {
      hint: `At most ${MAX_OPPORTUNITIES / 1e6} million: make it shorter, as it begins again after its end.`,
    },
  );
}

function parseSeconds(text: string): number {
  const seconds = scaled(text, { s: 1, min: 60, h: 3600 });
  if (seconds !== undefined && seconds >= 1 && seconds <= MAX_SECONDS) return seconds;
  throw new SelvageError('bad-input', `“${text}” is not a length of a trace.`, {
    hint: 'Write it like 60s or 10min (from 1s to 24h).',
  });
}
