// The demo's table and its sentences, whichever way it went.
import { expect, test } from 'vitest';
import { renderTold, whatWasSeen } from './render.ts';
import type { Row, Situation, Teller } from './story.ts';

function row(situation: Situation, peer: Teller, p99Millis: number, rest: Partial<Row> = {}): Row {
  const load = {
    requests: 1000,
    requestsPerSecond: 25_000,
    p50Millis: 0.047,
    p99Millis,
    p999Millis: p99Millis * 2,
    maxMillis: p99Millis * 3,
  };
  return { situation, peer, load, watched: 1250, failed: 0, longestGapMillis: 6, ...rest };
}

const WATCHERS = 'the 8 connections that watched';

const rows: Row[] = [
  row('healthy', 'kernelVxlan', 1.5),
  row('healthy', 'selvage', 1.6),
  row('loss', 'kernelVxlan', 207),
  row('loss', 'selvage', 2),
  row('silent-spine', 'kernelVxlan', 3, {
    load: undefined,
    watched: 984,
    failed: 4,
    longestGapMillis: 3350,
    spine: 'spine1',
  }),
  row('silent-spine', 'selvage', 3, { longestGapMillis: 17.7, spine: 'spine2' }),
];

test('situations stand over their rows, and what did not end in time has no figures', () => {
  expect(
    renderTold({ stage: 'in a test', quick: true, watchers: WATCHERS, rows, notes: ['A note.'] }),
  ).toBe(`Redis GET, 16 clients, tenant to tenant; in a test (quick: fewer requests)

                           requests/s  p50 ms  p99 ms  p99.9 ms  max ms  failed  longest gap ms
healthy
  kernel VXLAN                 25,000   0.047    1.50      3.00    4.50       0            6.00
  Selvage                      25,000   0.047    1.60      3.20    4.80       0            6.00
1 % loss each way
  kernel VXLAN                 25,000   0.047     207       414     621       0            6.00
  Selvage                      25,000   0.047    2.00      4.00    6.00       0            6.00
a spine silent in mid-run
  kernel VXLAN (spine1)             –       –       –         –       –       4           3,350
  Selvage (spine2)             25,000   0.047    3.00      6.00    9.00       0            17.7

With 1 % loss, one request in a hundred waited 207 ms or more over kernel VXLAN and 2.00 ms over Selvage.
When a spine fell silent, the longest wait of a connection was at least 3.35 s over kernel VXLAN and 17.7 ms
over Selvage.
Of the requests of the 8 connections that watched, 4 of 984 failed over kernel VXLAN and none of 1,250 over
Selvage.

A note.`);
});

test('only what was seen is said', () => {
  expect(whatWasSeen(rows.slice(0, 2), WATCHERS)).toBe('');
  expect(whatWasSeen([...rows.slice(0, 3), ...rows.slice(4)], WATCHERS)).not.toContain('1 % loss');
});

test('the longest wait is that of any connection', () => {
  const waits = whatWasSeen(
    [
      row('silent-spine', 'kernelVxlan', 700, { failed: 1, longestGapMillis: 6 }),
      row('silent-spine', 'selvage', 10),
    ],
    WATCHERS,
  ).replace(/\n/g, ' ');
  expect(waits).toContain('was 2.10 s over kernel VXLAN and 30.0 ms over Selvage');
  expect(waits).toContain('1 of 1,250 failed over kernel VXLAN and none of 1,250 over Selvage');
});
