// What a link's log and a sender's windows say of a run.
import { expect, test } from 'vitest';
import { cumulative } from '../harness/distribution.ts';
import { periods } from './backlogged.ts';
import { type LinkRow, parseLinkLog } from './emulated-link.ts';
import { firstMegabyteMillis } from './slow-starts.ts';

const LOG = `time_ms,direction,queue_packets,queue_bytes,queue_peak_bytes,sent_packets,sent_bytes,capacity_bytes,mean_queueing_delay_ms,max_queueing_delay_ms,dropped_packets,lost_packets
0.0,down,0,0,0,0,0,0,,,0,0
0.0,up,0,0,74,1,74,0,0.006,0.006,0,0
10.0,down,0,0,0,0,0,100,,,0,0
10.0,up,0,0,0,0,0,,,,0,0
`;

test('the log of a link: the rows of one direction, without what was not measured', () => {
  expect(parseLinkLog(LOG, 'up')).toEqual([
    { atMillis: 0, sentBytes: 74, capacityBytes: 0, sentPackets: 1, queueingMillis: 0.006 },
    {
      atMillis: 10,
      sentBytes: 0,
      capacityBytes: Number.POSITIVE_INFINITY,
      sentPackets: 0,
      queueingMillis: Number.NaN,
    },
  ]);
});

const row = (atMillis: number, sentPackets: number, queueingMillis: number): LinkRow => ({
  atMillis,
  sentBytes: sentPackets * 1000,
  capacityBytes: 0,
  sentPackets,
  queueingMillis,
});

test('periods: throughput, and the delay of a packet and not of a row', () => {
  const rows = [row(10, 1, 4), row(20, 3, 8), row(30, 0, Number.NaN), row(40, 0, Number.NaN), row(50, 9, 9)];
  expect(periods(rows, 2)).toEqual([
    { mbitPerSecond: 1.6, queueingMillis: 7 },
    { mbitPerSecond: 0, queueingMillis: Number.NaN },
  ]);
});

test('the first megabyte, from the first window on', () => {
  const rows = [row(10, 2, 1), row(20, 600, 1), row(30, 300, 1), row(40, 100, 1), row(50, 5, 1)];
  expect(firstMegabyteMillis(rows)).toBe(20);
  expect(firstMegabyteMillis(rows.slice(0, 3))).toBeNaN();
});

test('a distribution goes from the least value to the largest, and never back', () => {
  expect(cumulative([3, 1, 2])).toEqual([
    [1, 0],
    [1, 1 / 3],
    [2, 2 / 3],
    [3, 1],
  ]);
  expect(cumulative([])).toEqual([]);
  expect(cumulative(Array.from({ length: 10_000 }, (_, i) => i))).toHaveLength(101);
});
