// What is made of a receiver's lines, and of the kernel's counters.
import { expect, test } from 'vitest';
import { receiveErrors } from './drops.ts';
import { fedAfterMillis } from './fed-after.ts';

/** A line each 10 ms: 80 packets at first, and so many from `fedAt` on; it is faster since 1000. */
function timeline(fedAt: number, then: number) {
  let packets = 0;
  return Array.from({ length: 200 }, (_, i) => {
    const atMillis = i * 10;
    packets += atMillis > fedAt ? then : 80;
    return { atMillis, packets, ...(atMillis >= 1000 && { fasterSinceMillis: 1000 }) };
  });
}

test('a receiver is fed from when on it gets what it can take', () => {
  expect(fedAfterMillis(timeline(1030, 160), 16_000)).toBe(30);
  expect(fedAfterMillis(timeline(1000, 160), 16_000)).toBe(0);
});

test('one that never gets it, or never became faster, is never fed', () => {
  expect(fedAfterMillis(timeline(1000, 140), 16_000)).toBe(Number.POSITIVE_INFINITY);
  expect(fedAfterMillis([{ atMillis: 1, packets: 5 }], 16_000)).toBe(Number.POSITIVE_INFINITY);
});

test('errors of UDP are found by their name', () => {
  const text =
    'Tcp: InErrs\nTcp: 7\nUdp: InDatagrams NoPorts InErrors OutDatagrams\nUdp: 5 0 3 2\nUdpLite: InErrors\n';
  expect(receiveErrors(text)).toBe(3);
});
