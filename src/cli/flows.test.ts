// The texts made of connections and paths.
import { describe, expect, test } from 'vitest';
import type { FlowSlotStatus, FlowStatus, PathStatus } from '../agent/reports/status.ts';
import { renderFlow, renderFlows } from './flows-text.ts';
import { renderPaths } from './paths-text.ts';
import { age, bytes, duration, micros } from './quantities.ts';

const slots: readonly FlowSlotStatus[] = Array.from({ length: 8 }, (_, slot) => ({
  slot,
  state: slot === 5 ? 'bad' : 'healthy',
  sprayed: slot < 3,
  cwndBytes: slot === 1 ? 12_400 : 92_700,
  inFlightPackets: slot === 0 ? 36 : 0,
  inFlightBytes: slot === 0 ? 51_700 : 0,
  rttMicros: slot === 5 ? 0 : 81 + slot * 300,
  fabricMicros: slot === 5 ? 0 : 60 + slot * 300,
  endpointMicros: slot === 5 ? 0 : 190,
  pacedMicros: slot === 1 ? 4100 : 0,
  timeouts: slot === 5 ? 2 : 0,
}));

const busy: FlowStatus = {
  cid: '0012ab3f',
  remoteCid: '00c40e21',
  vni: 77,
  localMac: '02:00:00:00:77:01',
  remoteMac: '02:00:00:00:77:03',
  thread: 0,
  remoteThread: 0,
  vtep: '10.0.2.1',
  state: 'established',
  congestion: 'swift',
  ccType: 2,
  heardSecondsAgo: 0.012,
  psn: { una: 3_735_928_559, transmit: 3_735_928_595, next: 3_735_928_596, base: 99, end: 104 },
  window: { packets: 37, limit: 512 },
  inFlightBytes: 53_132,
  waiting: { frames: 3, bytes: 190_412 },
  sent: { packets: 120_934, bytes: 171_004_512, frames: 3011 },
  received: { packets: 1, bytes: 100, frames: 1 },
  lost: { gap: 9, time: 2, timeout: 1 },
  resent: 11,
  spurious: 1,
  duplicates: 1,
  outOfOrder: { packets: 40, depth: 5, most: 61 },
  opened: 2,
  resets: 1,
  fallbacks: 0,
  dropped: { queueFull: 2, vnicFull: 0 },
  rejected: { beyondWindow: 1, badAck: 0 },
  slots,
};

const resting: FlowStatus = {
  ...busy,
  cid: '00000007',
  remoteCid: undefined,
  state: 'requested',
  heardSecondsAgo: undefined,
  congestion: 'constant',
  ccType: 0,
  psn: { una: 0, transmit: 0, next: 0, base: 0, end: 0 },
  window: { packets: 0, limit: 512 },
  inFlightBytes: 0,
  waiting: { frames: 1, bytes: 110 },
  sent: { packets: 0, bytes: 0, frames: 0 },
  received: { packets: 0, bytes: 0, frames: 0 },
  lost: { gap: 0, time: 0, timeout: 0 },
  resent: 0,
  spurious: 0,
  duplicates: 0,
  outOfOrder: { packets: 0, depth: 0, most: 0 },
  opened: 0,
  resets: 0,
  dropped: {},
  rejected: {},
  slots: [],
};

describe('connections', () => {
  test('are a row each', () => {
    expect(renderFlows([busy, resting], false)).toMatchInlineSnapshot(`
      "CID       VNI  FROM               TO                 PEER      STATE        CC               UNA        NEXT  BASE  WINDOW  CWND                                IN FLIGHT  WAITING  SENT             RECEIVED   LOST   RESENT  SPURIOUS  DUPLICATES  REORDERED     DROPPED
      0012ab3f   77  02:00:00:00:77:01  02:00:00:00:77:03  10.0.2.1  established  swift     3735928559  3735928596    99  37/512  0: 92.7 KB, 1: 12.4 KB, 2: 92.7 KB  53.1 KB          3  120934 (171 MB)  1 (100 B)  9/2/1      11         1           1  40 (5 of 61)  2 frames queueFull, 1 packet beyondWindow
      00000007   77  02:00:00:00:77:01  02:00:00:00:77:03  10.0.2.1  requested    constant           0           0     0  0/512   -                                   0 B              1  -                -          0/0/0       0         0           0  -             -"
    `);
  });

  test('whose windows are the same on each slot say it once', () => {
    const alike = slots.map((slot) => ({ ...slot, cwndBytes: 741_376 }));
    expect(renderFlows([{ ...busy, slots: alike }], false)).toContain('  37/512  741 KB  ');
    const unbounded = slots.map((slot) => ({ ...slot, cwndBytes: undefined }));
    expect(renderFlows([{ ...busy, slots: unbounded }], false)).toContain('  37/512  any   ');
  });

  test('that there are none of are not a table', () => {
    expect(renderFlows([], false)).toBe('There are no connections.');
    expect(renderFlows([], true)).toBe('No connection is like that.');
  });

  test('are told of in full', () => {
    expect(renderFlow(busy)).toMatchInlineSnapshot(`
      "connection 0012ab3f of network 77: 02:00:00:00:77:01 to 02:00:00:00:77:03 at 10.0.2.1, whose CID is 00c40e21
      established, heard 12 ms ago; opened 2 times, given up and begun anew 1 time

      sending
        3011 frames in 120934 packets, 171 MB
        PSN 3735928559 is the oldest unacknowledged, 3735928595 the next to transmit, 3735928596 the next to give
        window 37 of 512 packets, 53.1 KB in flight
        3 frames waiting in front of it, 190 KB
        12 packets given up: 9 for a gap, 2 overtaken too long ago, 1 unanswered
        11 packets sent again, 1 of them to no purpose

      receiving
        1 frame in 1 packet, 100 B
        PSN 99 is the first missing, 104 follows the newest
        40 packets out of order: up to 61 ahead, now 5
        1 duplicate

      dropped: 2 frames queueFull, 1 packet beyondWindow

      congestion control: swift (CC type 2)
      SLOT  STATE    SPRAYED  CWND     PACED    IN FLIGHT     RTT      FABRIC   ENDPOINT  TIMEOUTS
         0  healthy  yes      92.7 KB  -        36 (51.7 KB)  81 µs    60 µs    190 µs           0
         1  healthy  yes      12.4 KB  4.10 ms  -             381 µs   360 µs   190 µs           0
         2  healthy  yes      92.7 KB  -        -             681 µs   660 µs   190 µs           0
         3  healthy  -        92.7 KB  -        -             981 µs   960 µs   190 µs           0
         4  healthy  -        92.7 KB  -        -             1.28 ms  1.26 ms  190 µs           0
         5  bad      -        92.7 KB  -        -             -        -        -                2
         6  healthy  -        92.7 KB  -        -             1.88 ms  1.86 ms  190 µs           0
         7  healthy  -        92.7 KB  -        -             2.18 ms  2.16 ms  190 µs           0"
    `);
    expect(renderFlow(resting)).toMatchInlineSnapshot(`
      "connection 00000007 of network 77: 02:00:00:00:77:01 to 02:00:00:00:77:03 at 10.0.2.1, whose CID is not known yet
      requested, never heard; opened 0 times

      sending
        0 frames in 0 packets, 0 B
        PSN 0 is the oldest unacknowledged, 0 the next to transmit, 0 the next to give
        window 0 of 512 packets, 0 B in flight
        1 frame waiting in front of it, 110 B
        0 packets given up: 0 for a gap, 0 overtaken too long ago, 0 unanswered
        0 packets sent again, 0 of them to no purpose

      receiving
        0 frames in 0 packets, 0 B
        PSN 0 is the first missing, 0 follows the newest
        0 packets out of order: up to 0 ahead, now 0
        0 duplicates

      dropped: nothing

      congestion control: constant (CC type 0)"
    `);
  });
});

describe('paths', () => {
  const healthy: PathStatus = {
    vtep: '10.0.2.1',
    slot: 0,
    thread: 0,
    sourcePort: 49_152,
    route: 2,
    hops: ['10.0.1.254', '', '10.1.0.2'],
    hopCount: 3,
    state: 'healthy',
    sprayed: true,
    rttMicros: 81,
    fabricMicros: 60,
    endpointMicros: 190,
    timeoutMicros: 412,
    sinceSecondsAgo: 11_045.3,
    timeouts: 0,
    probes: { sent: 0, answered: 0 },
    changes: { suspected: 0, failed: 0, recovered: 0, rebound: 1 },
  };

  test('are a row each, with why they were left', () => {
    const left = (because: 'silence' | 'unanswered probe', badBecause?: 'silence' | 'unanswered probe') => ({
      ...healthy,
      sprayed: false,
      route: 0,
      hops: [],
      hopCount: 0,
      rttMicros: 1234,
      timeouts: 3,
      probes: { sent: 9, answered: 2 },
      changes: { suspected: 2, failed: 1, recovered: 1, rebound: 0 },
      lastLeft: { secondsAgo: 4.123, because, badBecause },
    });
    const bad = { state: 'bad' as const, sinceSecondsAgo: 4.118 };
    const paths: PathStatus[] = [
      healthy,
      { ...left('silence'), slot: 1, sinceSecondsAgo: 4.1 },
      { ...left('silence', 'unanswered probe'), ...bad, slot: 2 },
      { ...left('silence', 'silence'), ...bad, slot: 3 },
      { ...left('unanswered probe', 'unanswered probe'), ...bad, slot: 4 },
    ];
    expect(renderPaths(paths, false)).toMatchInlineSnapshot(`
      "PEER      SLOT   PORT  ROUTE                    STATE    SINCE      SPRAYED  RTT      FABRIC  ENDPOINT  HOPS  TIMEOUTS  PROBES  LEFT  FAILED  BACK  MOVED  LEFT LAST
      10.0.2.1     0  49152  2 10.0.1.254 ? 10.1.0.2  healthy  3 h 4 min  yes      81 µs    60 µs   190 µs    3            0  -          0       0     0      1  -
      10.0.2.1     1  49152  -                        healthy  4.1 s      -        1.23 ms  60 µs   190 µs    -            3  2/9        2       1     1      0  4.1 s ago: silence
      10.0.2.1     2  49152  -                        bad      4.1 s      -        1.23 ms  60 µs   190 µs    -            3  2/9        2       1     1      0  4.1 s ago: silence, then a probe not answered
      10.0.2.1     3  49152  -                        bad      4.1 s      -        1.23 ms  60 µs   190 µs    -            3  2/9        2       1     1      0  4.1 s ago: silence, then more of it
      10.0.2.1     4  49152  -                        bad      4.1 s      -        1.23 ms  60 µs   190 µs    -            3  2/9        2       1     1      0  4.1 s ago: a probe not answered, then another"
    `);
  });

  test('of several data threads say which thread saw it so', () => {
    const text = renderPaths([healthy, { ...healthy, thread: 1, state: 'bad' }], false);
    const columns = text.split('\n').map((line) => line.trim().split(/ {2,}/));
    expect(columns.map((cells) => [cells[0], cells[1]!, cells[5]])).toEqual([
      ['THREAD', 'PEER', 'STATE'],
      ['0', '10.0.2.1', 'healthy'],
      ['1', '10.0.2.1', 'bad'],
    ]);
  });

  test('that there are none of are not a table', () => {
    expect(renderPaths([], false)).toBe('There are no peers.');
    expect(renderPaths([], true)).toBe('There is no such peer.');
  });
});

test('quantities have three digits or two units', () => {
  expect([0, 999, 1000, 9994, 9996, 99_949, 99_951, 999_499, 999_500, 7.5e15].map(bytes)).toEqual([
    '0 B',
    '999 B',
    '1.00 KB',
    '9.99 KB',
    '10.0 KB',
    '99.9 KB',
    '100 KB',
    '999 KB',
    '1.00 MB',
    '7.50 PB',
  ]);
  expect([0, 0.34, 9.96, 81.4, 999, 1234].map(micros)).toEqual([
    '-',
    '0.3 µs',
    '10 µs',
    '81 µs',
    '999 µs',
    '1.23 ms',
  ]);
  expect([0, 0.4, 59, 61, 3600, 90_061].map(duration)).toEqual([
    '0 s',
    '0 s',
    '59 s',
    '1 min 1 s',
    '1 h 0 min',
    '1 d 1 h',
  ]);
  expect([0, 0.0124, 1, 9.96, 75].map(age)).toEqual(['0 ms', '12 ms', '1.0 s', '10.0 s', '1 min 15 s']);
});
