// What is not taken, and which counter says why; and memory that runs short.

import { describe, expect, it } from 'vitest';
import { checkIdle, checkState } from '../../sim/invariants.ts';
import { settle } from '../../test/support/random-network.ts';
import { story } from '../../test/support/story.ts';
import { newCounters, type TransportCounters } from './types.ts';

const AT = 8;
/** Where fields of a packet behind its VXLAN header lie, and the reject that another value leads to. */
const PSN = AT + 4;
const DESTINATION_CID = AT + 8;
const PSN_BASE = AT + 28;

type Reject = keyof TransportCounters &
  ('malformed' | 'otherVersion' | 'unknownCid' | 'wrongPeer' | 'beyondWindow' | 'badAck');

/** Two hosts that have exchanged frames, and the last packets of each kind from the first to the second. */
function acquainted() {
  const told = story({ hosts: { pairs: 2 } });
  const packets = new Map<number, Uint8Array>();
  told.network.observe = (direction, _slot, packet) => {
    if (direction === 0) packets.set(packet[AT]!, packet.slice());
  };
  for (let i = 0; i < 3; i++) settle(told.traffic, 10_000);
  told.run(10_000);
  told.network.observe = () => {};
  const recorded = (type: number) => packets.get(type)!.slice();
  const inject = (bytes: Uint8Array) => {
    told.hosts[1].arrive({ source: 1, slot: 0, bytes, arrivedMicros: told.clock.nowMicros });
    told.run(5000);
  };
  return { ...told, recorded, inject, data: () => recorded(1), ack: () => recorded(2) };
}

function set(packet: Uint8Array, at: number, change: (before: number) => number): Uint8Array {
  const view = new DataView(packet.buffer);
  view.setUint32(at, change(view.getUint32(at)) >>> 0);
  return packet;
}

const rejects: readonly (readonly [string, Reject, (of: ReturnType<typeof acquainted>) => Uint8Array])[] = [
  ['a header cut short', 'malformed', (of) => of.data().subarray(0, AT + 15)],
  [
    'an acknowledgement without its bitmap',
    'malformed',
    (of) => set(of.ack(), AT + 24, (word) => word | (8 << 6)),
  ],
  ['another version', 'otherVersion', (of) => set(of.data(), AT, (word) => word ^ 0x0030_0000)],
  ['an unknown type', 'malformed', (of) => set(of.data(), AT, (word) => (word & 0xff_ffff) | 0x0900_0000)],
  ['data for a CID nobody has', 'unknownCid', (of) => set(of.data(), DESTINATION_CID, (cid) => cid ^ 0x20)],
  [
    'data for an older connection',
    'unknownCid',
    (of) => set(of.data(), DESTINATION_CID, (cid) => cid ^ (1 << 18)),
  ],
  [
    'an acknowledgement for a CID nobody has',
    'unknownCid',
    (of) => set(of.ack(), DESTINATION_CID, (cid) => cid ^ 0x20),
  ],
  ['data of another VNI', 'wrongPeer', (of) => set(of.data(), 4, (word) => word ^ (1 << 8))],
  ['an acknowledgement of another VNI', 'wrongPeer', (of) => set(of.ack(), 4, (word) => word ^ (1 << 8))],
  ['data 5000 packets ahead', 'beyondWindow', (of) => set(of.data(), PSN, (psn) => psn + 5000)],
  ['data half the numbers away', 'beyondWindow', (of) => set(of.data(), PSN, (psn) => psn + 2 ** 31)],
  [
    'data without payload',
    'beyondWindow',
    (of) => set(of.data(), PSN, (psn) => psn + 1).subarray(0, AT + 16),
  ],
  ['an acknowledgement of what was never sent', 'badAck', (of) => set(of.ack(), PSN_BASE, (psn) => psn + 1)],
  [
    'an acknowledgement half the numbers away',
    'badAck',
    (of) => set(of.ack(), PSN_BASE, (psn) => psn + 2 ** 31),
  ],
];

describe('a transport', () => {
  it.each(rejects)('counts %s as %s, takes nothing of it, and goes on', (_what, reason, make) => {
    const of = acquainted();
    const before = { ...of.counters(1) };
    of.inject(make(of));
    const after = of.counters(1);
    const names = [
      'malformed',
      'otherVersion',
      'unknownCid',
      'unknownPair',
      'wrongPeer',
      'beyondWindow',
      'badAck',
      'badFraming',
    ] as const;
    const changed = names.filter((name) => after[name] !== before[name]);
    expect(changed).toEqual([reason]);
    expect(after[reason]).toBe(before[reason] + 1);
    expect(after.packetsReceived).toBe(before.packetsReceived);
    settle(of.traffic, 10_000);
    of.run(10_000);
    of.hosts.forEach(checkIdle);
  });

  it('counts requests for vNICs it does not know, and refuses them', () => {
    const of = acquainted();
    of.log.take();
    of.inject(set(of.recorded(3), AT + 14, (word) => word ^ 0xff));
    expect(of.counters(1).unknownPair).toBe(1);
    expect(of.log.take()).toEqual(['< close']);
  });

  it('answers packets for unknown CIDs by few resets a turn, however many come', () => {
    const of = acquainted();
    of.log.take();
    for (let i = 0; i < 200; i++) {
      const bytes = set(of.data(), DESTINATION_CID, (cid) => cid ^ 0x20);
      of.hosts[1].arrive({ source: 1, slot: 0, bytes, arrivedMicros: of.clock.nowMicros });
    }
    of.run(1000);
    expect(of.log.take()).toEqual(new Array(16).fill('< reset'));
    expect(of.counters(0).connectionsReset).toBe(0);
  });

  it('drops frames whose first or last packet is not what it should be, and goes on with the next', () => {
    const { traffic, network, run, counters, hosts } = acquainted();
    network.observe = (direction, _slot, packet) => {
      // The first packet of a frame of three says that it is none.
      if (direction === 0 && packet.length > 1000 && packet[AT + 3] === 0x80) packet[AT + 3] = 0;
    };
    traffic.send(0, 0, [4000]);
    run(5000);
    traffic.ledgers[0][0]!.senderForgot();
    expect(counters(1)).toMatchObject({ badFraming: 1 });
    network.observe = () => {};
    settle(traffic, 10_000);
    run(10_000);
    hosts.forEach(checkIdle);
  });
});

describe('when memory is short', () => {
  it('packets out of order are refused and counted, and the one in order always finds room', () => {
    // A quarter of the chunks is kept for packets in order.
    const { traffic, network, run, counters, hosts } = story({
      hosts: { chunks: 9, windowPackets: 4096, payloadBytes: 8900 },
    });
    settle(traffic, 10_000);
    const { region } = hosts[1];
    const others = [region.take(), region.take(), region.take(), region.take()];
    let first: number | undefined;
    let lose = true;
    for (const channel of network.channels[0]) {
      channel.drops = (packet) => {
        if (packet.length < 1000) return false;
        const psn = new DataView(packet.buffer).getUint32(PSN);
        first ??= psn;
        return lose && psn === first;
      };
    }
    traffic.send(
      0,
      0,
      Array.from({ length: 60 }, () => 60_000),
    );
    run(20_000);
    expect(counters(1).noMemory).toBeGreaterThan(0);
    expect(region.free).toBeGreaterThan(0);
    lose = false;
    run(1_000_000);
    expect(traffic.missing).toBe(0);
    for (const chunk of others) region.release(chunk);
    hosts.forEach(checkIdle);
  });

  it('small packets out of order are copied together, so that they do not pin what they came in', () => {
    const { traffic, network, run, counters, hosts } = story({ hosts: { chunks: 9, windowPackets: 4096 } });
    settle(traffic, 10_000);
    let first: number | undefined;
    let lose = true;
    for (const channel of network.channels[0]) {
      channel.drops = (packet) => {
        if (packet.length < 80) return false;
        const psn = new DataView(packet.buffer).getUint32(PSN);
        first ??= psn;
        return lose && psn === first;
      };
    }
    // Larger frames that are delivered at once come between, so that the chunks they come in change.
    for (let i = 0; i < 300; i++) {
      traffic.send(0, 0, [100]);
      run(100);
    }
    expect(hosts[1].transport.connections.receive[0]!.end).not.toBe(
      hosts[1].transport.connections.receive[0]!.base,
    );
    expect(counters(1).noMemory).toBe(0);
    expect(hosts[1].region.chunks - 1 - hosts[1].region.free).toBeLessThanOrEqual(3);
    lose = false;
    run(1_000_000);
    expect(traffic.missing).toBe(0);
    hosts.forEach(checkIdle);
  });

  it('frames wait in front of a transport that cannot read them, and go later', () => {
    const { traffic, hosts, cut, mend, run } = story({ hosts: { chunks: 6, windowPackets: 4096 } });
    settle(traffic, 10_000);
    cut([0]);
    traffic.send(
      0,
      0,
      Array.from({ length: 40 }, () => 65_000),
    );
    run(50_000);
    expect(hosts[0].counters.offered).toBeLessThan(20);
    hosts.forEach(checkState);
    mend();
    run(1_000_000);
    expect(traffic.missing).toBe(0);
    hosts.forEach(checkIdle);
  });
});

describe('counters', () => {
  it('begin at zero, all of them', () => {
    expect(Object.values(newCounters()).every((value) => value === 0)).toBe(true);
  });
});
