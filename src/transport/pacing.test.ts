// A frame larger than a slot's window goes all the same when nothing else is on its way there, and the next one later
// (§3.3 of the Swift paper, for frames instead of packets).

import { describe, expect, it } from 'vitest';
import { story } from '../../test/support/story.ts';
import type { CongestionAlgorithm } from '../congestion/controller.ts';
import { CC_SWIFT, PACKET_DATA } from '../wire/bifrost-types.ts';
import { VXLAN_HEADER_BYTES } from '../wire/vxlan.ts';
import { ConnectionTable } from './connections.ts';

const FRAME_BYTES = 14_000;
/** One frame a slot each 4 ms. */
const RATE = FRAME_BYTES / 0.004;

/** A window that no frame fits. */
const narrow: CongestionAlgorithm = {
  name: 'fixed',
  ccType: CC_SWIFT,
  create: () => ({
    onAck() {},
    onLoss() {},
    onTimeout() {},
    cwndBytes: () => 1400,
    pacingBytesPerSecond: () => RATE,
  }),
};

function open() {
  const told = story({ hosts: { congestion: narrow, windowPackets: 64 } });
  told.traffic.send(0, 0, [100]);
  told.run(20_000);
  return told;
}

describe('frames larger than the windows', () => {
  it('go at the rates of their slots', () => {
    const { traffic, run, arrived } = open();
    const before = arrived()[0]!;
    traffic.send(0, 0, new Array(100).fill(FRAME_BYTES));
    run(40_000);
    const went = arrived()[0]! - before;
    // Four slots, ten times each, and what they had saved up.
    expect(went).toBeGreaterThan(30);
    expect(went).toBeLessThan(60);
    run(200_000);
    expect(traffic.missing).toBe(0);
  });

  it('do not keep the host awake when they wait for more than their time', () => {
    const { traffic, network, hosts, run } = open();
    // One packet never arrives, so that the connection's window soon holds up what its slots could take.
    const missing = hosts[0].transport.connections.send[0]!.next;
    for (const channel of network.channels[0]) {
      channel.drops = (packet) =>
        isData(packet) && new DataView(packet.buffer, packet.byteOffset).getUint32(PSN_AT) === missing;
    }
    traffic.send(0, 0, new Array(100).fill(FRAME_BYTES));
    run(100_000);
    const before = hosts[0].counters.turns;
    run(100_000);
    expect(hosts[0].counters.turns - before).toBeLessThan(1000);
    network.heal();
    for (const channel of network.channels[0]) channel.drops = () => false;
    run(2_000_000);
    expect(traffic.missing).toBe(0);
  });
});

describe('a program’s rate', () => {
  /** So little that one frame would block its slot for years. */
  const tiny = (cwndBytes: number): CongestionAlgorithm => ({
    name: 'tiny',
    ccType: CC_SWIFT,
    create: () => {
      const rate = () => 1e-3;
      const controller = narrow.create();
      return {
        ...controller,
        cwndBytes: () => cwndBytes,
        pacingBytesPerSecond: rate,
        rateBytesPerSecond: rate,
      };
    },
  });

  it.each([1400, 1e6])(
    'holds a slot up for no more than a quarter of a second (window of %d bytes)',
    (cwnd) => {
      const { traffic, run } = story({ hosts: { congestion: tiny(cwnd), windowPackets: 64 } });
      traffic.send(0, 0, new Array(48).fill(FRAME_BYTES));
      run(4_000_000);
      expect(traffic.missing).toBe(0);
    },
  );
});

it('another algorithm is not held up by what the one before it waited for', () => {
  let governing: CongestionAlgorithm = narrow;
  const table = new ConnectionTable(0, 64, 1, () => governing);
  const row = table.add(1, 0, 77);
  table.begin(row);
  table.awaken(row);
  const window = table.send[row]!;
  window.nextSendAt.fill(1e9);
  const changed: number[] = [];
  table.regovern((each) => changed.push(each));
  expect([window.nextSendAt[0], changed]).toEqual([1e9, []]);
  governing = { ...narrow, name: 'other' };
  table.regovern((each) => changed.push(each));
  expect([Math.max(...window.nextSendAt), changed]).toEqual([0, [row]]);
});

const PSN_AT = VXLAN_HEADER_BYTES + 4;

function isData(packet: Uint8Array): boolean {
  return packet.length > 100 && packet[VXLAN_HEADER_BYTES] === PACKET_DATA;
}
