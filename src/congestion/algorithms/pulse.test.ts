import { expect, test } from 'vitest';
import { PULSE_HERTZ, pulseAt, pulseSumAt } from './pulse.ts';

const PERIOD_MICROS = 1e6 / PULSE_HERTZ;

test('the sum is what the pulse has added since its period began, and nothing at its end', () => {
  const stepMicros = 10;
  let sum = 0;
  for (let at = 0; at < PERIOD_MICROS; at += stepMicros) {
    expect(pulseSumAt(3 * PERIOD_MICROS + at)).toBeCloseTo(sum, 5);
    sum += (pulseAt(at + stepMicros / 2) * stepMicros) / 1e6;
  }
  expect(sum).toBeCloseTo(0, 6);
});

test('it goes up by its height and down by a third of it', () => {
  const values = Array.from({ length: 2000 }, (_, i) => pulseAt((i * PERIOD_MICROS) / 2000));
  expect(Math.max(...values)).toBeCloseTo(1, 4);
  expect(Math.min(...values)).toBeCloseTo(-1 / 3, 4);
});
