import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Arrival, drive, parameters, spaced, steady, UNLIMITED } from './model.testing.ts';
import { meanBitsPerSecond, OPPORTUNITY_BYTES, OpportunitySchedule, parseTrace } from './trace.ts';

describe('a trace is read', () => {
  test('with a time on each line, also from other systems', () => {
    expect(parseTrace('0\n0\n5\n12\n', 'x')).toEqual([0, 0, 5, 12]);
    expect(parseTrace('1\r\n2\r\n', 'x')).toEqual([1, 2]);
  });

  test.each([
    ['', 'The trace x is empty.'],
    ['\n\n', 'The trace x is empty.'],
    ['1\n2a\n', 'Line 2 of the trace x is no time in milliseconds: “2a”.'],
    ['1\n\n3\n', 'Line 2 of the trace x is no time in milliseconds: “”.'],
    ['-1\n', 'Line 1 of the trace x is no time'],
    ['1.5\n', 'Line 1 of the trace x is no time'],
    ['5\n7\n6\n', 'Line 3 of the trace x goes back in time, from 7 to 6 ms.'],
    ['0\n0\n', 'The trace x is over at 0 ms.'],
  ])('and refused with a sentence: %j', (text, sentence) => {
    expect(() => parseTrace(text, 'x')).toThrow(sentence);
  });

  test('and has a rate on average', () => {
    expect(meanBitsPerSecond([1, 2, 3, 4])).toBe(1504 * 8 * 1000);
  });
});

const trace = fc
  .array(fc.nat(40), { minLength: 1, maxLength: 30 })
  .map((times) => times.sort((a, b) => a - b))
  .filter((times) => times[times.length - 1]! > 0);

test('opportunities come at their times and again after the last, also when many are skipped at once', () => {
  fc.assert(
    fc.property(trace, fc.nat(5000), fc.array(fc.nat(30_000), { maxLength: 30 }), (times, start, gaps) => {
      const period = times[times.length - 1]! * 1000;
      const nth = (n: number) =>
        start + Math.floor(n / times.length) * period + times[n % times.length]! * 1000;
      const schedule = new OpportunitySchedule(times, start);
      let used = 0;
      let now = start;
      for (const gap of gaps) {
        now += gap;
        let expected = 0;
        while (nth(used + expected) <= now) expected++;
        expect(schedule.skip(now)).toBe(expected);
        used += expected;
        expect(schedule.nextMicros).toBe(nth(used));
        schedule.use();
        used++;
        now = Math.max(now, nth(used - 1));
        expect(schedule.nextMicros).toBe(nth(used));
      }
    }),
  );
});

/** Mahimahi's link queue, byte for byte: opportunities before arrivals of the same time, unused ones are lost. */
function plainLink(times: readonly number[], arrivals: readonly Arrival[]): number[] {
  const left = arrivals.map(({ bytes }) => bytes - 10);
  const sentAt: number[] = [];
  let first = 0;
  for (let n = 0; first < arrivals.length; n++) {
    const at = (Math.floor(n / times.length) * times[times.length - 1]! + times[n % times.length]!) * 1000;
    for (let room = OPPORTUNITY_BYTES; room > 0; ) {
      if (first === arrivals.length || arrivals[first]!.at >= at) break;
      const part = Math.min(room, left[first]!);
      room -= part;
      left[first]! -= part;
      if (left[first] === 0) sentAt[first++] = at;
    }
  }
  return sentAt;
}

test('packets leave as they do from Mahimahi', () => {
  const load = fc.array(fc.record({ gap: fc.nat(9000), bytes: fc.integer({ min: 60, max: 1514 }) }), {
    minLength: 1,
    maxLength: 100,
  });
  fc.assert(
    fc.property(trace, load, (times, gaps) => {
      // Never at the time of an opportunity: which comes first then is the driver's choice.
      const arrivals = spaced(gaps, 0.5);
      const { out } = drive(parameters({ link: { trace: times }, limit: UNLIMITED }), arrivals);
      expect(out.map(({ at }) => at)).toEqual(plainLink(times, arrivals));
    }),
  );
});

test('a full packet takes one opportunity, and small ones share it', () => {
  const link = { trace: [1, 2, 3, 4] };
  expect(drive(parameters({ link }), steady(3, 0)).out.map(({ at }) => at)).toEqual([1000, 2000, 3000]);
  // 66 bytes, an acknowledgement: 26.9 of them.
  const acks = drive(parameters({ link }), steady(27, 0, { bytes: 66 }));
  expect(acks.out.map(({ at }) => at)).toEqual([...Array(26).fill(1000), 2000]);
});

test('capacity is what the trace offered from the first arrival to the last departure, used or not', () => {
  const { direction } = drive(parameters({ link: { trace: [10, 20, 30] } }), [
    { at: 15_000, bytes: 1514 },
    { at: 45_000, bytes: 1514 },
  ]);
  expect(direction.capacityOfferedBytes).toBe(4 * OPPORTUNITY_BYTES);
  expect(direction.counters.sentBytes).toBe(2 * OPPORTUNITY_BYTES);
});
