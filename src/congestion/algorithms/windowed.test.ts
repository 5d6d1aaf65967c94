import fc from 'fast-check';
import { expect, test } from 'vitest';
import { WindowedMin } from './windowed.ts';

test('is the least of the last while, give or take a tenth of it', () => {
  const steps = fc.array(fc.tuple(fc.nat(300), fc.nat(100)), { minLength: 1, maxLength: 60 });
  const property = fc.property(steps, (each) => {
    const filter = new WindowedMin(1000);
    const seen: { at: number; value: number }[] = [];
    let at = 5000;
    for (const [wait, value] of each) {
      at += wait;
      filter.add(at, value);
      seen.push({ at, value });
      const since = (age: number) =>
        Math.min(...seen.filter((sample) => sample.at > at - age).map((sample) => sample.value));
      expect(filter.value).toBeLessThanOrEqual(since(900));
      expect(filter.value).toBeGreaterThanOrEqual(since(1001));
    }
  });
  fc.assert(property);
});
