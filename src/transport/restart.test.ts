// A host that forgets everything, met by a peer in every state (BIFROST §7.2): the peer finds out by a reset or by a
// new request, opens a new connection, and sends again in order what was not acknowledged.

import { describe, expect, it } from 'vitest';
import { checkIdle } from '../../sim/invariants.ts';
import { settle } from '../../test/support/random-network.ts';
import { ALL_SLOTS, story } from '../../test/support/story.ts';
import { bytesOf } from '../base/bytes.ts';
import { CONNECT_HEADER_BYTES, writeConnectHeader } from '../wire/bifrost-connect.ts';
import {
  bifrostPacketType,
  CC_CONSTANT_WINDOW,
  PACKET_CONNECTION_REQUEST,
  PACKET_RESET,
} from '../wire/bifrost-types.ts';
import { VXLAN_HEADER_BYTES, writeVxlanBifrostHeader } from '../wire/vxlan.ts';

type Story = ReturnType<typeof story>;

/** An open connection with nothing on its way. */
function open(lose?: RegExp): Story {
  const told = lose === undefined ? story() : story({ lose });
  told.traffic.send(1, 0, [100]);
  told.run(2000);
  told.log.take();
  return told;
}

/** The first host is in one of its states when the second is restarted. */
const states: readonly (readonly [string, () => Story])[] = [
  [
    'while it asks for a connection',
    () => {
      const told = story();
      told.traffic.send(0, 0, [100, 200]);
      told.run(30);
      return told;
    },
  ],
  ['while nothing happens', () => open()],
  [
    'with packets on their way',
    () => {
      const told = open();
      told.traffic.send(0, 0, [100, 30_000, 200]);
      told.run(30);
      return told;
    },
  ],
  [
    'with packets that were received out of order, and said so',
    () => {
      const told = open(/^> data [24]/);
      told.traffic.send(0, 0, [100, 200, 300, 400, 500]);
      told.run(125);
      expect(told.log.take()).toContain('< ack(2|0101)');
      return told;
    },
  ],
  [
    'with a window full of packets and more in the queue',
    () => {
      const told = open();
      told.traffic.send(
        0,
        0,
        Array.from({ length: 30 }, () => 60_000),
      );
      told.run(160);
      return told;
    },
  ],
  [
    'after it gave the peer up',
    () => {
      const told = story({ lose: /./ });
      told.traffic.send(0, 0, [100]);
      told.run(200_000);
      return told;
    },
  ],
];

describe.each(states)('a peer that is restarted %s', (_state, begin) => {
  it('gets everything in order when the one that stayed has frames to send', () => {
    const { traffic, mend, run, hosts, arrived } = begin();
    traffic.restart(1);
    mend();
    traffic.send(0, 0, [700, 800]);
    run(40_000_000);
    settle(traffic, 10_000);
    expect(traffic.missing).toBe(0);
    expect(arrived()[0]! + hosts[0].counters.plain).toBe(traffic.ledgers[0][0]!.nextNumber);
    run(10_000);
    hosts.forEach(checkIdle);
  });

  it('opens a new connection when it has frames to send itself', () => {
    const { traffic, mend, run, hosts } = begin();
    traffic.restart(1);
    mend();
    traffic.send(1, 0, [700, 800]);
    run(5000);
    expect(traffic.missing).toBe(0);
    run(100_000);
    hosts.forEach(checkIdle);
  });
});

describe('a request that the fabric kept until the next connection was open', () => {
  /** The second host was restarted; the request it sent in its first life. */
  function openTwice(): { told: Story; stale: () => void } {
    const told = story();
    const { traffic, network, clock, run } = told;
    const requests: Uint8Array[] = [];
    network.observe = (direction, _slot, packet) => {
      const type = bifrostPacketType(bytesOf(packet).view, VXLAN_HEADER_BYTES, packet.length);
      if (direction === 1 && type === PACKET_CONNECTION_REQUEST) requests.push(packet.slice());
    };
    traffic.send(1, 0, [100]);
    run(2000);
    traffic.restart(1);
    traffic.send(1, 0, [100]);
    run(10_000);
    told.log.take();
    const stale = () =>
      network.hosts[0].arrive({ source: 2, slot: 0, bytes: requests[0]!, arrivedMicros: clock.nowMicros });
    return { told, stale };
  }

  it('costs one probe, and the connection lives on', () => {
    const { told, stale } = openTwice();
    const { log, run, hosts, counters, traffic } = told;
    const opened = counters(0).connectionsOpened;
    const reset = counters(0).connectionsReset;
    stale();
    run(300);
    expect(log.take()).toEqual([
      expect.stringMatching(/^> probe \d$/),
      expect.stringMatching(/^< ack\(1\|0000\)$/),
    ]);
    settle(traffic, 1000);
    run(100_000);
    expect(counters(0)).toMatchObject({ connectionsOpened: opened, connectionsReset: reset });
    hosts.forEach(checkIdle);
  });

  it('does not disturb packets on their way, however often it comes', () => {
    const { told, stale } = openTwice();
    const { run, counters, traffic } = told;
    const opened = counters(0).connectionsOpened;
    for (let i = 0; i < 100; i++) {
      traffic.send(0, 0, [3000]);
      traffic.send(1, 0, [3000]);
      stale();
      run(100);
    }
    run(10_000);
    expect(traffic.missing).toBe(0);
    expect(counters(0).connectionsOpened).toBe(opened);
    for (const host of [0, 1] as const) expect(counters(host).retransmissions).toBe(0);
  });
});

describe('a restart', () => {
  it('is noticed by the first packet: one round trip to the reset, one to the new connection', () => {
    const { traffic, log, run } = open();
    traffic.restart(1);
    traffic.send(0, 0, [100, 200]);
    run(300);
    expect(log.take()).toEqual([
      '> data 1',
      '> data 2',
      '< reset',
      '< reset',
      '> request',
      '< response',
      '> data 1',
      '> data 2',
    ]);
  });

  it('of an end that asks is confirmed before the connection is given up: it refuses what was sent on the old one', () => {
    const { traffic, log, run, counters } = open();
    traffic.restart(1);
    traffic.send(1, 0, [100]);
    run(400);
    expect(log.take().map((line) => line.replace(/probe \d/, 'probe'))).toEqual([
      '< request',
      '> probe',
      '< reset',
      '> request',
      '< response',
      '< data 1',
    ]);
    expect(counters(0)).toMatchObject({ connectionsOpened: 2, connectionsReset: 1 });
  });

  it('repeats only what was not acknowledged', () => {
    const { traffic, run } = open();
    traffic.send(0, 0, [100, 200, 300]);
    run(10_000);
    traffic.restart(1);
    traffic.send(0, 0, [400]);
    run(10_000);
    expect(traffic.ledgers[0][0]).toMatchObject({ delivered: 4, repeated: 0 });
  });

  it('is told apart from silence: three seconds of it, and the peer is asked for a new connection', () => {
    const { traffic, run, cut, counters } = open();
    cut([0], ALL_SLOTS);
    traffic.send(0, 0, [100]);
    run(2_900_000);
    expect(counters(0).connectionsReset).toBe(0);
    run(700_000);
    expect(counters(0).connectionsReset).toBe(1);
  });

  it('that a reset tells of while nothing is on its way is asked about until there is an answer', () => {
    const { log, run, clock, hosts, network } = open(/^> request|probe/);
    const peerCid = hosts[0].transport.connections.remoteCid[0]!;
    const reset = new Uint8Array(VXLAN_HEADER_BYTES + CONNECT_HEADER_BYTES);
    const { view } = bytesOf(reset);
    writeVxlanBifrostHeader(view, 0, 100);
    writeConnectHeader(view, VXLAN_HEADER_BYTES, PACKET_RESET, 0, 0, 0, peerCid, CC_CONSTANT_WINDOW);
    network.hosts[0].arrive({ source: 2, slot: 0, bytes: reset, arrivedMicros: clock.nowMicros });
    run(100_000);
    // The other host asks its idle slots for their round trips.
    const requests = log.take().filter((line) => !line.includes('probe'));
    expect(requests).toEqual(['> request lost', '> request lost', '> request lost']);
  });

  it('is not suspected after a long rest, when a packet is lost', () => {
    const told = open(/^> data/);
    told.run(60_000_000);
    told.traffic.send(0, 0, [100]);
    told.run(600);
    told.mend();
    told.run(10_000);
    expect(told.arrived()).toEqual([1, 1]);
    expect(told.counters(0)).toMatchObject({ connectionsReset: 0, lostByTimeout: 1, retransmissions: 1 });
  });
});
