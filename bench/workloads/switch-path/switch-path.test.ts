// The path from host to host: all frames arrive, and those wait that are to.
import { expect, test } from 'vitest';
import { switchPath } from './switch-path.ts';

test.each([
  [1500, 256, false],
  [1500, 1024, true],
  [65_000, 8, false],
  [65_000, 20, true],
])('frames of %i bytes, %i at once: waiting %s', (frameBytes, framesAtOnce, waits) => {
  const { framesPerSecond, waited, drops } = switchPath({
    frameBytes,
    framesAtOnce,
    warmUpMillis: 20,
    millis: 20,
  });
  expect([drops, waited > 0.3]).toEqual([0, waits]);
  expect(waited === 0).toBe(!waits);
  expect(framesPerSecond).toBeGreaterThan(0);
});
