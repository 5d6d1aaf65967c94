import { describe, expect, it } from 'vitest';
import { noControl } from './constant-window.ts';
import { PolicedRate, policed } from './policed-rate.ts';

const STEP_MICROS = 1000;
const RTT = 100;

/** A sender with always more to send, `share` of what its rate allows, beside a bucket of `limit` that marks what is over it. */
function run(policed: PolicedRate, limit: number, offered: number, fromMicros: number, micros: number) {
  const burst = limit / 10;
  let tokens = burst;
  let passed = 0;
  let sent = 0;
  for (let now = fromMicros; now < fromMicros + micros; now += STEP_MICROS) {
    const bytes = (Math.min(policed.bytesPerSecond, offered) * STEP_MICROS) / 1e6;
    tokens = Math.min(burst, tokens + (limit * STEP_MICROS) / 1e6);
    sent += bytes;
    const fits = tokens > 0;
    if (fits) {
      tokens -= bytes;
      passed += bytes;
    }
    policed.onAck(now, bytes, !fits, RTT);
  }
  return { passedPerSecond: (passed * 1e6) / micros, lost: 1 - passed / sent };
}

describe('a policed rate', () => {
  it('is none until the first mark', () => {
    const policed = new PolicedRate();
    for (let now = 0; now < 1e6; now += 1000) policed.onAck(now, 100_000, false, RTT);
    expect(policed.bytesPerSecond).toBe(Number.POSITIVE_INFINITY);
  });

  it.each([1e5, 1e6, 12.5e6, 1e9])(
    'keeps near a limit of %d bytes a second, whatever is offered',
    (limit) => {
      const policed = new PolicedRate();
      run(policed, limit, 100 * limit, 1e6, 1e6);
      const { passedPerSecond, lost } = run(policed, limit, 100 * limit, 2e6, 10e6);
      expect(passedPerSecond / limit).toBeGreaterThan(0.85);
      expect(lost).toBeLessThan(0.05);
    },
  );

  it('is not nothing when a mark comes before what was acknowledged', () => {
    const policed = new PolicedRate();
    policed.onAck(1e6, 0, true, RTT);
    expect(policed.bytesPerSecond).toBe(Number.POSITIVE_INFINITY);
    policed.onAck(1e6, 20_000, true, RTT);
    expect(policed.bytesPerSecond).toBeCloseTo(0.7e6, -5);
  });

  it('is lowered once for what was on its way together', () => {
    const policed = new PolicedRate();
    for (let now = 0; now <= 40_000; now += 1000) policed.onAck(now, 1000, false, RTT);
    policed.onAck(41_000, 1000, true, RTT);
    const once = policed.bytesPerSecond;
    expect(once).toBeCloseTo(0.7e6, -5);
    policed.onAck(42_000, 1000, true, RTT);
    expect(policed.bytesPerSecond / once).toBeCloseTo(1, 1);
    policed.onAck(47_000, 1000, true, RTT);
    expect(policed.bytesPerSecond / once).toBeCloseTo(0.7, 1);
  });

  it('is forgotten when marks stay away', () => {
    const policed = new PolicedRate();
    run(policed, 1e6, 1e8, 1e6, 1e6);
    expect(policed.bytesPerSecond).toBeLessThan(5e6);
    policed.onAck(2e6 + 6e6, 1000, false, RTT);
    expect(policed.bytesPerSecond).toBe(Number.POSITIVE_INFINITY);
  });
});

describe('an algorithm within a policed rate', () => {
  const ack = (controller: ReturnType<ReturnType<typeof policed>['create']>) => {
    return (slot: number, nowMicros: number, markedPackets: number) =>
      controller.onAck({
        nowMicros,
        slot,
        ackedBytes: 1400,
        rttMicros: RTT,
        fabricMicros: 50,
        endpointMicros: 50,
        hops: 0,
        markedPackets,
        inFlightBytes: 0,
      });
  };

  it('governs alone until there are marks', () => {
    const controller = policed(noControl()).create();
    ack(controller)(0, 1000, 0);
    expect(controller.cwndBytes(0)).toBe(Number.POSITIVE_INFINITY);
    expect(controller.pacingBytesPerSecond(0)).toBe(Number.POSITIVE_INFINITY);
  });

  it('divides the rate that marks tell of among the slots in use', () => {
    const controller = policed(noControl()).create();
    for (let now = 1000; now < 21_000; now += 1000) ack(controller)(now % 4000 === 0 ? 1 : 0, now, 0);
    ack(controller)(0, 21_000, 1);
    // A packet each millisecond, less 30 %, over two slots.
    const share = (1.4e6 * 0.7) / 2;
    for (const slot of [0, 1, 5]) {
      expect(controller.pacingBytesPerSecond(slot)).toBeCloseTo(share, -5);
      expect(controller.cwndBytes(slot)).toBeCloseTo((share * RTT) / 1e6, -1);
    }
  });
});

it('asks for the rate of each frame only what has one', () => {
  expect(policed(noControl()).create().rateBytesPerSecond).toBeUndefined();
  const paced = { ...noControl(), create: () => ({ ...noControl().create(), rateBytesPerSecond: () => 5 }) };
  expect(policed(paced).create().rateBytesPerSecond?.(0)).toBe(5);
});
