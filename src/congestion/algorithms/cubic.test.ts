import { expect, test } from 'vitest';
import { CubicLaw } from './cubic.ts';

const MSS = 1000;

/** The window over time, in segments, a round trip at a time. */
function grow(law: CubicLaw, segments: number, rounds: number, rttMicros: number, nowMicros = 0): number[] {
  let cwndBytes = segments * MSS;
  return Array.from({ length: rounds }, (_, i) => {
    const times = { nowMicros: nowMicros + i * rttMicros, rttMicros };
    const round = { ...times, ackedBytes: cwndBytes, usedBytes: cwndBytes };
    cwndBytes = law.increased(cwndBytes, { ...round, markedBytes: 0, lostPackets: 0, wasTimeout: false });
    return cwndBytes / MSS;
  });
}

test('after a loss at 1000 segments the window is back there in K seconds, flat on both sides (RFC 9438 §4.2)', () => {
  const law = new CubicLaw(MSS);
  expect(law.decreased(1000 * MSS)).toBe(700 * MSS);
  const windows = grow(law, 700, 200, 100_000);
  const k = Math.cbrt((1000 * 0.3) / 0.4);
  expect(windows[Math.round(k * 10) - 1]).toBeCloseTo(1000, 0);
  const steps = windows.map((window, i) => window - (windows[i - 1] ?? 700));
  expect(steps[5]).toBeGreaterThan(10 * steps[85]!);
  expect(steps[175]).toBeGreaterThan(10 * steps[95]!);
});

test('on a short path it is no slower than Reno (§4.3)', () => {
  const law = new CubicLaw(MSS);
  law.decreased(20 * MSS);
  const windows = grow(law, 14, 100, 1000);
  // Reno with this decrease: 0.53 of a segment a round trip.
  expect(windows[99]! - 14).toBeGreaterThan(0.9 * 53);
});

test('a flow that loses below its last window aims lower still (§4.7)', () => {
  const law = new CubicLaw(MSS);
  law.decreased(1000 * MSS);
  law.decreased(800 * MSS);
  const plateau = 1e6 * Math.cbrt((800 * 0.85 - 560) / 0.4);
  const windows = grow(law, 560, Math.round(plateau / 100_000), 100_000, 1_000_000);
  expect(windows.at(-1)).toBeCloseTo(680, -1);
});

test('its time begins when the loss has been made good, not when it was seen (§4.2)', () => {
  const windows = [0, 5_000_000].map((firstMicros) => {
    const law = new CubicLaw(MSS);
    law.decreased(1000 * MSS);
    return grow(law, 700, 50, 100_000, firstMicros);
  });
  expect(windows[1]).toEqual(windows[0]);
});
