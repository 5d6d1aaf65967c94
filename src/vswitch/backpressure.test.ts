// Where there is no room: frames wait in order, up to caps, and whatever is dropped then is counted.

import { describe, expect, it } from 'vitest';
import { digests } from '../../test/support/digest.ts';
import { checkConservation, checkIdle } from '../../test/vswitch/conservation.ts';
import { encapsulate } from '../../test/vswitch/plain-packets.ts';
import { frameBetween, type Layout, vtepOf, withOffload } from '../../test/vswitch/tenants.ts';
import { CHUNKS, worldOf } from '../../test/vswitch/world.ts';
import { numbered } from '../../test/wire/frames.ts';

const layout: Layout = { vni: 77, reliable: true, hosts: [[1, 3], [2]] };

/** Frames with a number each, from tenant 1 to tenant `to`. */
function numberedFrames(count: number, payloadBytes: number, to = 2): Uint8Array[] {
  return Array.from({ length: count }, (_, i) =>
    frameBetween(1, to, {
      udp: { sourcePort: 1 + (i & 0xfff), destinationPort: 1 + (i >> 12) },
      payload: numbered(payloadBytes),
    }),
  );
}

describe('a vNIC whose tenant takes nothing', () => {
  it('gets what waited, in order and without a new frame, once it takes again', () => {
    const { world, hosts } = worldOf([layout]);
    const frames = numberedFrames(100, 300);
    const [vnic] = hosts[1]!.vnics;
    vnic!.room = 10;
    hosts[0]!.send(0, ...frames.slice(0, 60));
    world.pass(100_000);
    expect(hosts[1]!.received[0]!.length).toBe(10);
    expect(hosts[1]!.vswitch.framesWaiting).toBe(50);
    hosts[0]!.send(0, ...frames.slice(60));
    world.pass(100_000);
    vnic!.room = 25;
    world.pass(10_000);
    expect(hosts[1]!.received[0]).toEqual(frames.slice(0, 35));
    vnic!.room = Number.POSITIVE_INFINITY;
    world.pass(10_000);
    expect(digests(hosts[1]!.received[0]!)).toEqual(digests(frames));
    for (const { vswitch, region } of hosts) checkIdle(vswitch, region);
  });

  it('holds up nobody else', () => {
    const { world, hosts } = worldOf([
      {
        ...layout,
        hosts: [
          [1, 3],
          [2, 4],
        ],
      },
    ]);
    hosts[1]!.vnics[0]!.room = 0;
    const stuck = numberedFrames(40, 300);
    const others = numberedFrames(40, 300, 4);
    hosts[0]!.send(0, ...stuck.flatMap((frame, i) => [frame, others[i]!]));
    world.pass(100_000);
    expect(hosts[1]!.received).toEqual([[], others]);
  });

  it('loses, counted, what its backlog has no room for, and the rest stays whole', () => {
    const { world, hosts } = worldOf([layout]);
    hosts[1]!.vnics[0]!.room = 1;
    hosts[0]!.send(0, frameBetween(1, 2, { udp: {}, payload: numbered(1) }));
    world.pass(100_000);
    const frames = numberedFrames(1100, 5000);
    for (let sent = 0; sent < frames.length; sent += 100) {
      hosts[0]!.send(0, ...frames.slice(sent, sent + 100));
      world.pass(50_000);
    }
    const { vswitch, region } = hosts[1]!;
    const missing = vswitch.counters.dropped.vnicFull;
    expect(missing).toBeGreaterThan(0);
    expect(vswitch.framesWaiting).toBe(1100 - missing);
    // However much it was sent, there is memory for others.
    expect(region.free).toBeGreaterThan(CHUNKS / 4);
    checkConservation(vswitch);
    hosts[1]!.vnics[0]!.room = Number.POSITIVE_INFINITY;
    world.pass(10_000);
    const received = digests(hosts[1]!.received[0]!.slice(1));
    expect(received).toHaveLength(1100 - missing);
    expect(received.slice(0, 500)).toEqual(digests(frames.slice(0, 500)));
    for (const host of hosts) checkIdle(host.vswitch, host.region);
  });

  it('keeps local frames and plain ones in order with the others', () => {
    const { world, hosts } = worldOf([layout]);
    const [, three] = hosts[0]!.vnics;
    three!.room = 0;
    const local = frameBetween(1, 3, { udp: {}, payload: numbered(10) });
    const plain = frameBetween(2, 3, { udp: {}, payload: numbered(20) });
    const crossed = frameBetween(2, 3, { udp: {}, payload: numbered(30) });
    hosts[0]!.send(0, local);
    world.pass(1000);
    hosts[0]!.arrive({ from: vtepOf(1), slot: 0, bytes: encapsulate(77, plain.subarray(10)) });
    world.pass(1000);
    hosts[1]!.send(0, crossed);
    world.pass(100_000);
    three!.room = Number.POSITIVE_INFINITY;
    // One more in the turn in which there is room again.
    hosts[0]!.arrive({ from: vtepOf(1), slot: 0, bytes: encapsulate(77, plain.subarray(10)) });
    world.pass(10_000);
    expect(hosts[0]!.received[1]).toEqual([local, plain, crossed, plain]);
    checkIdle(hosts[0]!.vswitch, hosts[0]!.region);
  });
});

describe('a connection that takes nothing', () => {
  it('keeps 64 frames while it is being opened, and drops and counts the others', () => {
    const { world, hosts } = worldOf([layout]);
    world.loses = ({ from }) => from === vtepOf(1);
    const frames = numberedFrames(100, 300);
    hosts[0]!.send(0, ...frames);
    world.pass(10_000);
    const { vswitch } = hosts[0]!;
    expect(vswitch.framesQueued).toBe(64);
    expect(vswitch.counters.dropped.queueFull).toBe(36);
    checkConservation(vswitch);
    world.loses = () => false;
    world.pass(500_000);
    expect(hosts[1]!.received[0]).toEqual(frames.slice(0, 64));
    for (const host of hosts) checkIdle(host.vswitch, host.region);
  });

  it('keeps frames behind a full window in order, and those of a pair alone', () => {
    const { world, hosts } = worldOf(
      [
        {
          ...layout,
          hosts: [
            [1, 3],
            [2, 4],
          ],
        },
      ],
      { windowPackets: 64 },
    );
    hosts[0]!.send(0, frameBetween(1, 2, { udp: {}, payload: numbered(1) }));
    hosts[0]!.send(0, frameBetween(1, 4, { udp: {}, payload: numbered(1) }));
    world.pass(300_000);
    world.loses = ({ to }) => to === vtepOf(0);
    const frames = numberedFrames(500, 1000);
    hosts[0]!.send(0, ...frames);
    world.pass(200);
    expect(hosts[0]!.vswitch.framesQueued).toBe(500 - 64);
    const other = frameBetween(1, 4, { udp: {}, payload: numbered(2) });
    hosts[0]!.send(0, other);
    world.pass(200);
    expect(hosts[1]!.received[1]!.at(-1)).toEqual(other);
    world.loses = () => false;
    world.pass(2_000_000);
    expect(digests(hosts[1]!.received[0]!.slice(1))).toEqual(digests(frames));
    for (const host of hosts) checkIdle(host.vswitch, host.region);
  });

  it('drops and counts what its queue of 8 MB has no room for', () => {
    const { world, hosts } = worldOf([layout], { windowPackets: 64 });
    hosts[0]!.send(0, frameBetween(1, 2, { udp: {}, payload: numbered(1) }));
    world.pass(300_000);
    world.loses = () => true;
    // The chunks that 64 KB frames lie in are three times as many as their bytes.
    const frame = withOffload(frameBetween(1, 2, { udp: {}, payload: numbered(15_000) }).subarray(10));
    for (let sent = 0; sent < 700; sent += 50) {
      hosts[0]!.send(0, ...Array.from({ length: 50 }, () => frame));
      world.pass(20);
    }
    const { vswitch, vnics } = hosts[0]!;
    const { dropped } = vswitch.counters;
    const missing = dropped.queueFull + vnics[0]!.dropped;
    expect(missing).toBeGreaterThan(0);
    expect(vswitch.framesQueued * frame.length).toBeLessThanOrEqual(8 << 20);
    checkConservation(vswitch);
    world.loses = () => false;
    world.pass(3_000_000);
    expect(hosts[1]!.received[0]!.length).toBe(1 + 700 - missing);
    for (const host of hosts) checkIdle(host.vswitch, host.region);
  });
});

it('a region without memory for frames drops them at the vNIC and still receives', () => {
  const { world, hosts } = worldOf([layout]);
  const { region, vnics } = hosts[0]!;
  hosts[1]!.send(0, frameBetween(2, 1, { udp: {}, payload: numbered(1) }));
  world.pass(300_000);
  // What vNICs read leaves a quarter to others; the rest is somebody else's now.
  const taken: number[] = [];
  while (region.free > CHUNKS / 4) taken.push(region.take());
  hosts[0]!.send(
    1,
    ...Array.from({ length: 30 }, () => frameBetween(3, 2, { udp: {}, payload: numbered(60_000) })),
  );
  hosts[1]!.send(0, frameBetween(2, 1, { udp: {}, payload: numbered(2) }));
  world.pass(300_000);
  expect(vnics[1]!.dropped).toBeGreaterThan(0);
  expect(hosts[0]!.received[0]!.length).toBe(2);
  for (const chunk of taken) region.release(chunk);
  world.pass(300_000);
  for (const host of hosts) checkIdle(host.vswitch, host.region);
});
