// Every listing of the thesis compiles as printed and does what the text says of it (CCP §4.4).
import { describe, expect, test } from 'vitest';
import { start } from '../interpreter/run.testing.ts';
import { bbrPulse, listing41, listing42, listing43, rateSlowStart } from './listings.testing.ts';

test('listing 4.1 reports both counters upon a loss, and they start over', () => {
  const run = start(listing41);
  expect(run.ack(10, { 'Ack.bytes_acked': 1000 })).toBeUndefined();
  expect(run.ack(20, { 'Ack.bytes_acked': 500 })).toBeUndefined();
  expect(run.ack(30, { 'Ack.bytes_acked': 1, 'Ack.lost_pkts_sample': 2 })).toEqual({ acked: 1501, lost: 2 });
  expect(run.ack(40, { 'Ack.bytes_acked': 7 })).toBeUndefined();
  expect(run.ack(50, { 'Ack.lost_pkts_sample': 1 })).toEqual({ acked: 7, lost: 1 });
});

test('listing 4.2 reports once a round trip what was acknowledged in it', () => {
  const run = start(listing42);
  const sample = { 'Ack.bytes_acked': 1000, 'Flow.rtt_sample_us': 100 };
  expect([50, 100, 101, 150, 201, 202].map((now) => run.ack(now, sample))).toEqual([
    undefined,
    undefined,
    { acked: 3000, loss: 0 },
    undefined,
    undefined,
    { acked: 3000, loss: 0 },
  ]);
});

test('listing 4.3 grows the window by what is acknowledged, and reports nothing before the first loss', () => {
  const run = start(listing43);
  run.machine.set(run.program.registers.get('Cwnd')!, 14_600);
  expect(run.ack(1, { 'Ack.bytes_acked': 1460 })).toBeUndefined();
  expect(run.machine.cwnd).toBe(16_060);
  expect(run.ack(2, { 'Ack.bytes_acked': 1460, 'Ack.lost_pkts_sample': 1 })).toEqual({ loss: 0 });
});

test('slow start by rate doubles it once a round trip', () => {
  const run = start(rateSlowStart);
  run.machine.set(run.program.registers.get('Rate')!, 1000);
  const rates = [50, 101, 150, 202, 303].map((now) => {
    run.ack(now, { 'Flow.rtt_sample_us': 100 });
    return run.machine.rate;
  });
  expect(rates).toEqual([1000, 2000, 2000, 4000, 8000]);
});

describe("BBR's excerpts", () => {
  test('keep the least round trip and the largest rate, whichever scope the round trip is asked of', () => {
    const run = start(
      `${bbrPulse} (when true (report))`
        .replace('(minrtt', '(Report.minrtt')
        .replaceAll(' minrtt', ' Report.minrtt'),
    );
    run.ack(1, { 'Flow.rtt_sample_us': 300, 'Flow.rate_incoming': 9 });
    expect(run.ack(2, { 'Flow.rtt_sample_us': 200, 'Flow.rate_incoming': 8 })).toEqual({ minrtt: 200 });
  });

  test('step through the pulse by the timer', () => {
    const run = start(bbrPulse);
    run.machine.set(run.program.registers.get('pulseState')!, 0);
    const sample = { 'Flow.rtt_sample_us': 100, 'Flow.rate_incoming': 1000 };
    const rates = [100, 101, 150, 200, 201, 300].map((now) => {
      run.ack(now, sample);
      return run.machine.rate;
    });
    expect(rates).toEqual([0, 750, 750, 750, 1000, 1000]);
  });
});
