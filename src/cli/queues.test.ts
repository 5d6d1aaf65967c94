// The texts made of what waits.
import { describe, expect, test } from 'vitest';
import type { QueueStatus, QueuesStatus } from '../agent/reports/status.ts';
import { renderQueues } from './queues-text.ts';

const paused: QueueStatus = {
  direction: 'out',
  vni: 77,
  localMac: '02:00:00:00:77:01',
  remoteMac: '02:00:00:00:77:03',
  vtep: '10.0.2.1',
  thread: 0,
  flow: 'udp 192.168.77.1:5000 > 192.168.77.3:7000 flow 9',
  frames: 201,
  bytes: 251_000,
  priority: 2,
  weight: 4,
  pausedMicros: 3150,
  rateBytesPerSecond: 12_500_000,
  takenBytesPerSecond: undefined,
  asked: false,
};

const waiting: QueueStatus = {
  ...paused,
  direction: 'in',
  remoteMac: '02:00:00:00:77:02',
  vtep: undefined,
  flow: 'tcp 192.168.77.2:33000 > 192.168.77.1:80',
  priority: 0,
  weight: 1,
  pausedMicros: 0,
  rateBytesPerSecond: undefined,
  takenBytesPerSecond: 1_250_000,
  asked: true,
};

const shared: QueueStatus = {
  ...waiting,
  remoteMac: undefined,
  flow: undefined,
  takenBytesPerSecond: undefined,
};

const status: QueuesStatus = {
  scheduler: 'drr',
  flows: { out: 1, in: 2 },
  rings: { used: 9, limit: 32_768 },
  sharedFrames: 3,
  dropped: { queueFull: 2, noRing: 0, vnicFull: 0, noReceiveRing: 1 },
  pauses: { pauses: 12, renewed: 3, releases: 1, unsaid: 0, obeyed: 40, released: 2, old: 1, held: 5 },
  queues: [paused, waiting, shared],
};

describe('flows that wait', () => {
  test('are a row each, behind what is true of all', () => {
    expect(renderQueues(status, false)).toMatchInlineSnapshot(`
      "1 flow to other hosts and 2 to vNICs, in 9 of 32768 rings; 3 frames had to share a queue with other flows
      scheduler: drr
      dropped: 2 frames queueFull, 1 frame noReceiveRing
      pauses asked for: 12 (renewed 3, releases 1), senders on this host held: 5
      pauses obeyed: 40 (released 2, old 1)

      FOR   VNI  VNIC               OTHER END                      FLOW                                              FRAMES  BYTES   PRIORITY  WEIGHT  PAUSED   RATE       TAKEN      SENDER
      host   77  02:00:00:00:77:01  02:00:00:00:77:03 at 10.0.2.1  udp 192.168.77.1:5000 > 192.168.77.3:7000 flow 9     201  251 KB         2       4  3.15 ms  12.5 MB/s  -          -
      vNIC   77  02:00:00:00:77:01  02:00:00:00:77:02              tcp 192.168.77.2:33000 > 192.168.77.1:80             201  251 KB         0       1  -        -          1.25 MB/s  asked
      vNIC   77  02:00:00:00:77:01  -                              several                                              201  251 KB         0       1  -        -          -          asked"
    `);
  });

  test('that there are none of are not a table, and pauses may be off', () => {
    const idle = { ...status, sharedFrames: 0, dropped: {}, pauses: {}, queues: [] };
    expect(renderQueues(idle, false)).toMatchInlineSnapshot(`
      "1 flow to other hosts and 2 to vNICs, in 9 of 32768 rings
      scheduler: drr
      dropped: nothing
      pauses: off

      No flow waits."
    `);
    expect(renderQueues(idle, true)).toContain('No flow that waits is like that.');
  });
});
