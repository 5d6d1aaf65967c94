// Quantities as people write them on a command line or in a topology file, and back: rates in bits per second
// (48mbit), durations (10ms), shares (1%), counts. What cannot be read is one sentence with an example.
import { SelvageError } from '../src/base/errors.ts';
import { RATE_UNITS, rateBitsPerSecond, scaled } from '../src/base/rate.ts';

const DURATION_UNITS: Readonly<Record<string, number>> = { us: 1, ms: 1e3, s: 1e6 };

export function parseRateBitsPerSecond(text: string): number {
  const bits = rateBitsPerSecond(text);
  if (bits === undefined || bits < 1000)
    throw unreadable('a rate', text, '48mbit, 500kbit or 1gbit (at least 1kbit)');
  return bits;
}

export function parseMicros(text: string): number {
  const micros = scaled(text, DURATION_UNITS);
  if (micros === undefined || micros > 60e6)
    throw unreadable('a delay', text, '10ms, 200us or 1.5s (at most 60s)');
  return Math.round(micros);
}

/** Parts per million, so that shares down to 0.0001 % are exact. */
export function parsePartsPerMillion(text: string): number {
  const percent = /^(\d+(?:\.\d+)?|\.\d+)%$/.exec(text.trim())?.[1];
  const ppm = percent === undefined ? Number.NaN : Math.round(Number(percent) * 1e4);
  if (!(ppm <= 1_000_000)) throw unreadable('a share', text, '1%, 0.05% or 100%');
  return ppm;
}

export function parseCount(text: string): number {
  const count = /^\d{1,7}$/.test(text.trim()) ? Number(text) : 0;
  if (count < 1) throw unreadable('a number of packets', text, '100 (at least 1)');
  return count;
}

export function formatRate(bitsPerSecond: number): string {
  return formatScaled(bitsPerSecond, RATE_UNITS);
}

export function formatMicros(micros: number): string {
  return formatScaled(micros, DURATION_UNITS);
}

export function formatPartsPerMillion(ppm: number): string {
  return `${ppm / 1e4}%`;
}

/** In the largest unit that gives at least 1. */
function formatScaled(value: number, units: Readonly<Record<string, number>>): string {
  let best = Object.keys(units)[0]!;
  for (const [unit, scale] of Object.entries(units)) if (value >= scale) best = unit;
  return `${Number((value / units[best]!).toFixed(3))}${best}`;
}

function unreadable(what: string, text: string, examples: string): SelvageError {
  return new SelvageError('bad-input', `“${text}” is not ${what}.`, { hint: `Write it like ${examples}.` });
}
