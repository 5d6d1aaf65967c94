// What is said of flows that wait: to people, page by page, and true.

import { describe, expect, it } from 'vitest';
import { NativeVnic } from '../../../test/vswitch/native-vnic.ts';
import { frameBetween, type Layout } from '../../../test/vswitch/tenants.ts';
import { CHUNKS, type WorldHost, worldOf } from '../../../test/vswitch/world.ts';
import { numbered } from '../../../test/wire/frames.ts';
import { SelvageError } from '../../base/errors.ts';
import { ChunkWriter } from '../../packet/writer.ts';
import { VIRTIO_NET_HDR_F_FLOW } from '../../wire/virtio-net-header.ts';
import { filteredQueues } from './filters.ts';
import { type QueuePage, queuePage } from './queue-report.ts';
import type { ThreadQueues } from './queue-status.ts';
import type { QueuesStatus } from './status.ts';

const PAIR: Layout = { vni: 77, reliable: true, hosts: [[1, 3], [2]] };

function pagesOf(host: WorldHost, nowMicros: number): QueuePage[] {
  const pages: QueuePage[] = [];
  for (let from: number | undefined = 0; from !== undefined; from = pages.at(-1)!.next)
    pages.push(queuePage(host.vswitch, from, nowMicros));
  return pages;
}

function queuesOf(host: WorldHost, nowMicros: number): ThreadQueues {
  const pages = pagesOf(host, nowMicros);
  return { totals: pages[0]!.totals!, queues: pages.flatMap(({ queues }) => queues) };
}

function statusOf(host: WorldHost, nowMicros: number, filter = ''): Promise<QueuesStatus> {
  return filteredQueues(new URLSearchParams(filter), async () => [queuesOf(host, nowMicros)]);
}

describe('flows that wait', () => {
  it('for a connection are told of, as many as there are, and what found no room', async () => {
    const { world, hosts } = worldOf([PAIR]);
    world.loses = () => true;
    for (let i = 0; i < 70; i++) {
      const payload = numbered(100 + (i % 4));
      hosts[0]!.send(0, frameBetween(1, 2, { udp: { sourcePort: 5000 + i, destinationPort: 53 }, payload }));
    }
    world.pass(1000);
    const now = world.clock.nowMicros;
    const status = await statusOf(hosts[0]!, now);
    expect(status).toMatchObject({
      scheduler: 'drr',
      flows: { out: 64, in: 0 },
      rings: { used: 64, limit: 32_768 },
      sharedFrames: 0,
      dropped: { queueFull: 6, noRing: 0, vnicFull: 0, noReceiveRing: 0 },
      pauses: { pauses: 0, obeyed: 0 },
    });
    expect(status.queues).toHaveLength(64);
    expect(status.queues[3]).toEqual({
      direction: 'out',
      vni: 77,
      localMac: '02:00:00:00:00:01',
      remoteMac: '02:00:00:00:00:02',
      vtep: '192.0.2.1',
      thread: 0,
      flow: 'udp 10.0.0.1:5003 > 10.0.0.2:53',
      frames: 1,
      bytes: 10 + 42 + 103,
      priority: 0,
      weight: 1,
      pausedMicros: 0,
      rateBytesPerSecond: undefined,
      takenBytesPerSecond: undefined,
      asked: false,
    });
    const pages = pagesOf(hosts[0]!, now);
    expect(pages.map(({ totals }) => totals !== undefined)).toEqual(pages.map((_, i) => i === 0));
    expect(pages.every(({ queues }) => queues.length <= 64)).toBe(true);
  });

  it('for a vNIC are told of, and can be asked for', async () => {
    const { world, hosts } = worldOf([PAIR]);
    hosts[0]!.vnics[1]!.room = 0;
    const payload = numbered(100);
    hosts[0]!.send(0, frameBetween(1, 3, { tcp: {}, payload }));
    hosts[1]!.send(0, frameBetween(2, 3, { udp: {}, payload }), frameBetween(2, 3, { udp: {}, payload }));
    world.pass(100_000);
    const now = world.clock.nowMicros;
    const { queues } = await statusOf(hosts[0]!, now, 'direction=in&vnic=02:00:00:00:00:03');
    expect(queues.map(({ remoteMac, vtep, frames }) => [remoteMac, vtep, frames])).toEqual([
      ['02:00:00:00:00:01', undefined, 1],
      ['02:00:00:00:00:02', '192.0.2.1', 2],
    ]);
    for (const filter of ['direction=out', 'vni=78', 'vnic=02:00:00:00:00:01'])
      expect((await statusOf(hosts[0]!, now, filter)).queues).toEqual([]);
    for (const filter of ['direction=up', 'vnic=me', 'speed=7'])
      await expect(statusOf(hosts[0]!, now, filter)).rejects.toThrow(SelvageError);
  });

  it('are said to be paused, by whom, and what their receivers take', async () => {
    const { world, hosts } = worldOf(
      [PAIR],
      {},
      {
        vnic: (_, region) =>
          new NativeVnic(region, new ChunkWriter(region, CHUNKS / 4), { queues: 4, room: 16 }),
      },
    );
    const [sender, receiver] = hosts as [WorldHost, WorldHost];
    const frame = frameBetween(1, 2, { udp: {}, payload: numbered(1200) });
    frame[0] = VIRTIO_NET_HDR_F_FLOW;
    frame[6] = 9;
    for (let i = 0; i < 1500; i++) sender.native(0).send(4, frame);
    sender.native(0).rank(4, 3, 7);
    for (let i = 0; i < 200; i++) {
      receiver.native(0).read(0, 1);
      receiver.ring();
      sender.ring();
      world.pass(100);
    }
    const now = world.clock.nowMicros;
    const out = await statusOf(sender, now);
    const [paused] = out.queues;
    expect(paused).toMatchObject({ direction: 'out', priority: 3, weight: 7 });
    expect(paused!.flow).toMatch(/ flow 9$/);
    expect(paused!.pausedMicros + (paused!.rateBytesPerSecond ?? 0)).toBeGreaterThan(0);
    expect(out.pauses['obeyed']).toBeGreaterThan(0);
    const waiting = await statusOf(receiver, now);
    // A frame in 100 µs.
    expect(waiting.queues[0]).toMatchObject({ direction: 'in', vtep: '192.0.2.0', asked: true });
    expect(waiting.queues[0]!.takenBytesPerSecond! / (frame.length * 10_000)).toBeCloseTo(1, 0);
    expect(waiting.pauses['pauses']).toBe(out.pauses['obeyed']);
  });
});
