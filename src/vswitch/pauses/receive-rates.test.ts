import { describe, expect, it } from 'vitest';
import { ReceiveRates } from './receive-rates.ts';

const FLOW = 2;

/** An owner who takes `bytes` every so often while something always waits. */
function read(rates: ReceiveRates, from: number, until: number, everyMicros: number, bytes: number): void {
  for (let now = from + everyMicros; now <= until; now += everyMicros) rates.taken(now, FLOW, bytes, false);
}

describe('the rate of an owner', () => {
  it('is not known before something waited for a millisecond', () => {
    const rates = new ReceiveRates();
    rates.begin(0, FLOW);
    read(rates, 0, 900, 300, 1500);
    expect(rates.bytesPerSecond(950, FLOW)).toBe(Number.POSITIVE_INFINITY);
    rates.taken(1200, FLOW, 1500, false);
    expect(rates.bytesPerSecond(1200, FLOW)).toBe(5e6);
  });

  it.each([
    [10, 1000],
    [800, 80_000],
    [30_000, 3_000_000],
  ])('is the same in batches every %i µs', (everyMicros, bytes) => {
    const rates = new ReceiveRates();
    rates.begin(0, FLOW);
    read(rates, 0, 300_000, everyMicros, bytes);
    expect(rates.bytesPerSecond(300_000, FLOW)).toBeCloseTo(100e6, -5);
  });

  it.each([300, 1500, 2000, 7000])('is the same at any time between batches every %i µs', (everyMicros) => {
    const rates = new ReceiveRates();
    rates.begin(0, FLOW);
    for (let batch = 1; batch < 100; batch++) {
      const from = batch * everyMicros;
      // As the switch gives them, some at a time.
      rates.taken(from, FLOW, everyMicros * 40, false);
      rates.taken(from, FLOW, everyMicros * 10, false);
      for (let now = from; batch > 60 && now < from + everyMicros; now += everyMicros / 10)
        expect(Math.abs(rates.bytesPerSecond(now, FLOW) / 50e6 - 1)).toBeLessThan(0.05);
    }
  });

  it('counts no time in which nothing waited', () => {
    const rates = new ReceiveRates();
    for (let now = 0; now < 100_000; now += 1000) {
      rates.begin(now, FLOW);
      rates.taken(now + 100, FLOW, 10_000, true);
    }
    expect(rates.bytesPerSecond(100_000, FLOW)).toBeCloseTo(100e6, -5);
  });

  it('follows an owner that doubles its speed', () => {
    const rates = new ReceiveRates();
    rates.begin(0, FLOW);
    read(rates, 0, 50_000, 500, 25_000);
    read(rates, 50_000, 80_000, 500, 50_000);
    expect(rates.bytesPerSecond(80_000, FLOW)).toBeGreaterThan(95e6);
  });

  it('sinks while nothing is taken, and is not lost by it', () => {
    const rates = new ReceiveRates();
    rates.begin(0, FLOW);
    read(rates, 0, 50_000, 500, 25_000);
    const stopped = [51_000, 60_000, 100_000].map((now) => rates.bytesPerSecond(now, FLOW));
    expect(stopped[0]).toBeLessThan(50e6);
    expect(stopped[1]).toBeLessThan(25e6);
    expect(stopped[2]).toBeLessThan(8e6);
    expect(rates.bytesPerSecond(50_100, FLOW)).toBe(50e6);
  });

  it('is zero for an owner that never took anything', () => {
    const rates = new ReceiveRates();
    rates.begin(0, FLOW);
    expect(rates.bytesPerSecond(5000, FLOW)).toBe(0);
  });

  it('is forgotten with its flow', () => {
    const rates = new ReceiveRates();
    rates.begin(0, FLOW);
    read(rates, 0, 50_000, 500, 25_000);
    rates.forget(FLOW);
    rates.forget(10_000);
    rates.begin(60_000, FLOW);
    expect(rates.bytesPerSecond(60_000, FLOW)).toBe(Number.POSITIVE_INFINITY);
  });
});
