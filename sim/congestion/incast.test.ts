// Rare reports cost an incast little, and only where windows matter (CCP §4.6.3, figure 4.9).
import { expect, test } from 'vitest';
import { type IncastOptions, incastMicros } from './incast.ts';

const options: IncastOptions = {
  bitsPerSecond: 40e9,
  senders: 50,
  packetsEach: 100,
  rttMicros: 20,
  queuePackets: 800,
  jitterMicros: 2.5,
  staleMicros: 20,
  leastTimeoutMicros: 200,
  seed: 1,
};
/** All packets over the link, one behind the other. */
const idealMicros = (50 * 100 * 1500 * 8) / 40e3;

test('in the datapath and with a report every round trip the last flow ends when the link has carried all', () => {
  for (const run of [options, { ...options, reportMicros: 20 }]) {
    expect(incastMicros(run)).toBeGreaterThan(idealMicros);
    expect(incastMicros(run)).toBeLessThan(1.05 * idealMicros);
  }
});

test('with a report every millisecond flows of 100 packets are late, those of 10 are not', () => {
  const rare = { ...options, reportMicros: 1000 };
  expect(incastMicros(rare)).toBeGreaterThan(1.2 * idealMicros);
  const short = { ...options, packetsEach: 10 };
  expect(incastMicros({ ...short, reportMicros: 1000 })).toBe(incastMicros(short));
});
