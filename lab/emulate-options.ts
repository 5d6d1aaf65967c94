// From what people write behind `selvage emulate` to the two directions of the link. One value is for both directions,
// two with a comma between are for what leaves the program and for what comes to it: `--rate 5mbit,50mbit`.
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { SelvageError } from '../src/base/errors.ts';
import { scaled } from '../src/base/rate.ts';
import { dropsEarly } from './emulator/model/parameters.ts';
import { DISCIPLINES, type Discipline, FULL_FRAME_BYTES } from './emulator/model/queue.ts';
import { meanBitsPerSecond, parseTrace } from './emulator/model/trace.ts';
import type { WrittenDirection } from './emulator/spec.ts';
import { DEFAULT_QUEUE_PACKETS } from './faults.ts';
import { unknownName } from './names.ts';
import { parseCount, parseMicros, parsePartsPerMillion, parseRateBitsPerSecond } from './units.ts';

export interface LinkTexts {
  readonly rate?: string;
  readonly trace?: string;
  readonly delay?: string;
  readonly loss?: string;
  readonly queue?: string;
  readonly qdisc?: string;
  /** Marks instead of early drops, in each direction whose discipline has those. */
  readonly ecn?: true;
  /** The length of a queue above which packets are marked. */
  readonly mark?: string;
}

type DirectionTexts = Omit<LinkTexts, 'ecn'>;

export interface EmulatedLinkDescription {
  /** From the program. */
  readonly up: WrittenDirection;
  /** To the program. */
  readonly down: WrittenDirection;
}

/** CoDel keeps its queue short by other means than the limit: as in Linux. */
const CODEL_QUEUE_PACKETS = 1000;
const MAX_SEED = 0xffff_ffff;

/** `outerRttMicros` is the round trip of the links around this one. */
export function readLink({ ecn, ...texts }: LinkTexts, outerRttMicros: number): EmulatedLinkDescription {
  const [upTexts, downTexts] = [directionTexts(texts, 0), directionTexts(texts, 1)];
  const [upDelay, downDelay] = [delayOf(upTexts), delayOf(downTexts)];
  const rttMicros = outerRttMicros + upDelay + downDelay;
  const up = readDirection(upTexts, upDelay, rttMicros);
  const down = readDirection(downTexts, downDelay, rttMicros);
  for (const option of ['queue', 'qdisc', 'mark'] as const) refuseIdle(option, texts[option], [up, down]);
  return ecn ? marking({ up, down }) : { up, down };
}

function marking({ up, down }: EmulatedLinkDescription): EmulatedLinkDescription {
  const marks = ({ discipline }: WrittenDirection) => discipline !== undefined && dropsEarly(discipline);
  if (!marks(up) && !marks(down)) {
    throw new SelvageError('bad-input', 'No queue here drops packets early, to mark them instead.', {
      hint: 'Give --qdisc codel, fq_codel or red as well, or for others --mark with a length.',
    });
  }
  const marked = (direction: WrittenDirection) =>
    marks(direction) ? { ...direction, ecn: true as const } : direction;
  return { up: marked(up), down: marked(down) };
}

export function parseSeed(text: string): number {
  const seed = /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN;
  if (seed <= MAX_SEED) return seed;
  throw new SelvageError('bad-input', `“${text}” is not a seed.`, {
    hint: `Write a whole number from 0 to ${MAX_SEED}.`,
  });
}

/** A queue fills only where packets take time to send. */
function refuseIdle(
  option: 'queue' | 'qdisc' | 'mark',
  text: string | undefined,
  directions: readonly [WrittenDirection, WrittenDirection],
): void {
  if (text === undefined) return;
  const parts = text.split(',');
  const isIdle = directions.map(({ discipline }) => discipline === undefined);
  if (parts.length === 1 && parts[0] !== 'none' && !isIdle.includes(false)) {
    throw new SelvageError('bad-input', 'A queue without a rate would never fill.', {
      hint: 'Give a rate or a trace as well.',
    });
  }
  const idle = parts.length < 2 ? -1 : parts.findIndex((part, i) => part !== 'none' && isIdle[i]);
  if (idle < 0) return;
  throw new SelvageError(
    'bad-input',
    `--${option} ${text}: the way ${idle === 0 ? 'up' : 'down'} has no rate, so its queue would never fill.`,
    { hint: 'Write none for it, or give it a rate or a trace as well.' },
  );
}

/** What was written for one direction; "none" is as if it was not written. */
function directionTexts(texts: DirectionTexts, direction: 0 | 1): DirectionTexts {
  const entries = Object.entries(texts).map(([option, text]: [string, string]) => {
    const parts = text.split(',');
    if (parts.length > 2) {
      throw new SelvageError('bad-input', `--${option} has ${parts.length} values: ${text}.`, {
        hint: 'Give one for both directions, or two: the way up from the program, and the way down to it.',
      });
    }
    return [option, parts[direction] ?? parts[0]!];
  });
  return Object.fromEntries(entries.filter(([, text]) => text !== 'none'));
}

function delayOf({ delay }: DirectionTexts): number {
  return delay === undefined ? 0 : parseMicros(delay);
}

function readDirection(texts: DirectionTexts, delayMicros: number, rttMicros: number): WrittenDirection {
  const link = linkOf(texts);
  const lossPpm = texts.loss === undefined ? 0 : parsePartsPerMillion(texts.loss);
  const discipline = parseDiscipline(texts.qdisc ?? 'fifo');
  const described = { delayMicros, ...(lossPpm > 0 && { lossPpm }) };
  if (link === undefined) return described;
  const limit = limitOf(texts.queue, discipline, { ...link, rttMicros });
  const { rateBitsPerSecond, traceMillis } = link;
  const carrier = traceMillis === undefined ? { rateBitsPerSecond } : { traceMillis };
  const mark = texts.mark === undefined ? {} : markOf(texts.mark, { ...link, rttMicros });
  return { ...described, ...carrier, discipline, ...limit, ...mark };
}

/** The rate, of a trace on average; undefined when it is unlimited. */
function linkOf({
  rate,
  trace,
}: DirectionTexts): { rateBitsPerSecond: number; traceMillis?: readonly number[] } | undefined {
  if (rate !== undefined && trace !== undefined) {
    throw new SelvageError('bad-input', 'A link has either a rate or a trace.', {
      hint: 'Leave one out, or give each for another direction: --rate none,50mbit --trace cell.up,none.',
    });
  }
  if (rate !== undefined) return { rateBitsPerSecond: parseRateBitsPerSecond(rate) };
  if (trace === undefined) return undefined;
  const traceMillis = parseTrace(readTrace(trace), basename(trace));
  return { rateBitsPerSecond: meanBitsPerSecond(traceMillis), traceMillis };
}

function readTrace(file: string): string {
  try {
    return readFileSync(file, 'latin1');
  } catch (cause) {
    throw new SelvageError('bad-input', `The trace ${file} cannot be read.`, {
      hint: `${cause instanceof Error ? cause.message : cause}; selvage emulate --make-trace cellular makes one.`,
      cause,
    });
  }
}

function parseDiscipline(text: string): Discipline {
  if ((DISCIPLINES as readonly string[]).includes(text)) return text as Discipline;
  throw unknownName('queue discipline', text, DISCIPLINES);
}

const LENGTH_FORMS = 'packets (100), bytes (64kB) or products of bandwidth and delay (2bdp)';

interface Product {
  readonly rateBitsPerSecond: number;
  readonly rttMicros: number;
}

type Limit = Pick<WrittenDirection, 'queuePackets' | 'queueBytes'>;

function limitOf(text: string | undefined, discipline: Discipline, link: Product): Limit {
  const isCodel = discipline === 'codel' || discipline === 'fq_codel';
  if (text === undefined) return { queuePackets: isCodel ? CODEL_QUEUE_PACKETS : DEFAULT_QUEUE_PACKETS };
  if (text === 'unlimited') {
    if (discipline !== 'red') return {};
    throw new SelvageError(
      'bad-input',
      'red needs a queue with a limit: its thresholds are shares of that.',
      {
        hint: 'Give a --queue such as 100 or 2bdp.',
      },
    );
  }
  if (/^\d+$/.test(text)) return { queuePackets: parseCount(text) };
  return { queueBytes: Math.round(queueBytes(text, link)) };
}

function markOf(text: string, link: Product): Pick<WrittenDirection, 'markAbovePackets' | 'markAboveBytes'> {
  if (/^\d+$/.test(text)) return { markAbovePackets: parseCount(text) };
  return { markAboveBytes: Math.round(queueBytes(text, link)) };
}

function queueBytes(text: string, { rateBitsPerSecond, rttMicros }: Product): number {
  const isProduct = text.toLowerCase().endsWith('bdp');
  if (isProduct && rttMicros === 0) {
    throw new SelvageError('bad-input', `A queue of ${text} needs a delay to be a multiple of.`, {
      hint: 'Give --delay here, or put this link inside one that has it.',
    });
  }
  const bdp = (rateBitsPerSecond / 8) * (rttMicros / 1e6);
  const bytes = scaled(text, { b: 1, kb: 1e3, mb: 1e6, bdp });
  if (bytes === undefined) {
    throw new SelvageError('bad-input', `“${text}” is not a length of a queue.`, {
      hint: `Write it in ${LENGTH_FORMS}; a --queue may be unlimited.`,
    });
  }
  if (bytes >= FULL_FRAME_BYTES) return bytes;
  throw new SelvageError(
    'bad-input',
    `A queue of ${text} is ${Math.round(bytes)} bytes: no packet would ever fit.`,
    {
      hint: `It takes ${FULL_FRAME_BYTES} bytes to hold a full packet.`,
    },
  );
}
