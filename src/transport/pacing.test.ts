// A frame larger than the windows goes part by part, and where a window is smaller than a packet, one packet goes all the
// same when nothing else is on its way there, and the next one later (§3.3 of the Swift paper); and frames follow one
// another at a program's rate.

import { describe, expect, it } from 'vitest';
import { PERFECT } from '../../sim/channel.ts';
import { story } from '../../test/support/story.ts';
import type { CongestionAlgorithm } from '../congestion/controller.ts';
import { SLOTS } from '../paths/path-table.ts';
import { CC_PROGRAM, CC_SWIFT, PACKET_DATA } from '../wire/bifrost-types.ts';
import { VXLAN_HEADER_BYTES } from '../wire/vxlan.ts';
import { ConnectionTable } from './connections.ts';
import { pace, paceDue } from './pacing.ts';

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

  it('go part by part, and never is more on its way than the windows allow', () => {
    const cwnd = 5 * 1400;
    const five: CongestionAlgorithm = {
      ...narrow,
      create: () => ({ ...narrow.create(), cwndBytes: () => cwnd, pacingBytesPerSecond: () => 1 }),
    };
    const { traffic, hosts, run } = story({ hosts: { congestion: five, windowPackets: 64 } });
    traffic.send(0, 0, new Array(100).fill(FRAME_BYTES));
    let most = 0;
    for (let i = 0; i < 2000; i++) {
      run(50);
      const window = hosts[0].transport.connections.send[0];
      if (window !== undefined) most = Math.max(most, ...window.slotBytes);
    }
    expect(most).toBeGreaterThan(cwnd / 2);
    expect(most).toBeLessThanOrEqual(cwnd);
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
  /** So many bytes a second on each slot, whatever its window; `acked` are the bytes that each slot has carried. */
  function rated(bytesPerSecond: number, cwndBytes = 1e6) {
    const rate = { bytesPerSecond };
    const acked = new Array<number>(SLOTS).fill(0);
    const now = () => rate.bytesPerSecond;
    const algorithm: CongestionAlgorithm = {
      name: 'rated',
      ccType: CC_PROGRAM,
      create: () => ({
        ...narrow.create(),
        onAck({ slot, ackedBytes }) {
          acked[slot]! += ackedBytes;
        },
        cwndBytes: () => cwndBytes,
        pacingBytesPerSecond: now,
        rateBytesPerSecond: now,
      }),
    };
    return { rate, acked, algorithm };
  }

  /** A while after the four fastest slots were found. */
  function settled({ algorithm, rate }: ReturnType<typeof rated>) {
    const told = story({ hosts: { congestion: algorithm } });
    const { traffic, network, run } = told;
    for (const [slot, channel] of network.channels.flatMap((each) => [...each.entries()]))
      channel.conditions = { ...PERFECT, delayMicros: slot < 4 ? 50 : 1000 };
    const { bytesPerSecond } = rate;
    rate.bytesPerSecond = Number.POSITIVE_INFINITY;
    for (let i = 0; i < 100; i++) {
      traffic.send(0, 0, [100]);
      run(20_000);
    }
    rate.bytesPerSecond = bytesPerSecond;
    return told;
  }

  it.each([1400, 1e6])('is kept however low it is (window of %d bytes)', (cwnd) => {
    // 100 kbit/s: one such frame takes five seconds.
    const length = 64_000;
    const rate = 12_500;
    const { acked, algorithm } = rated(rate, cwnd);
    const { traffic, run } = story({ hosts: { congestion: algorithm } });
    traffic.send(0, 0, new Array(100).fill(length));
    run(30_000_000);
    const used = acked.filter((bytes) => bytes > 0);
    expect(used.length).toBeGreaterThanOrEqual(4);
    for (const bytes of used) expect(bytes).toBeLessThanOrEqual(30 * rate + length);
    // The first four that were used have lost nothing of their time.
    const full = used.filter((bytes) => bytes > 30 * rate - length);
    expect(full.length).toBeGreaterThanOrEqual(4);
  });

  it('counts from the moment that it changes', () => {
    const program = rated(FRAME_BYTES);
    const { rate } = program;
    const { traffic, run, arrived } = settled(program);
    /** How many arrive in so many milliseconds, of which the host sleeps through none. */
    const went = (millis: number) => {
      const before = arrived()[0]!;
      for (let i = 0; i < millis; i++) {
        traffic.send(0, 0, []);
        run(1000);
      }
      return arrived()[0]! - before;
    };
    traffic.send(0, 0, new Array(100).fill(FRAME_BYTES));
    run(20_000);
    expect(went(500)).toBe(0);
    // What was sent half a second ago took a second at the old rate, and takes 50 ms at the new one.
    rate.bytesPerSecond *= 20;
    expect([went(3), went(42), went(10)]).toEqual([4, 0, 4]);
    rate.bytesPerSecond = Number.POSITIVE_INFINITY;
    expect(went(3)).toBeGreaterThan(30);
  });

  it('is noticed when nothing else happens, and so is that it is gone', () => {
    const { rate, algorithm } = rated(FRAME_BYTES / 1000);
    const { traffic, run } = story({ hosts: { congestion: algorithm } });
    traffic.send(0, 0, new Array(40).fill(FRAME_BYTES));
    run(2_000_000);
    expect(traffic.missing).toBeGreaterThan(30);
    rate.bytesPerSecond = Number.POSITIVE_INFINITY;
    run(260_000);
    expect(traffic.missing).toBe(0);
  });

  it('wakes the host for a frame that comes while its slots wait', () => {
    const { traffic, run } = settled(rated(FRAME_BYTES / 0.04));
    traffic.send(0, 0, new Array(4).fill(FRAME_BYTES));
    run(20_000);
    expect(traffic.missing).toBe(0);
    traffic.send(0, 0, [FRAME_BYTES]);
    run(15_000);
    expect(traffic.missing).toBe(1);
    run(10_000);
    expect(traffic.missing).toBe(0);
  });
});

it('another algorithm is not held up by the rate of the one before it', () => {
  let governing: CongestionAlgorithm = narrow;
  const table = new ConnectionTable(0, 64, 1, () => governing);
  const row = table.add(1, 0, 77);
  table.begin(row);
  table.awaken(row);
  const window = table.send[row]!;
  pace(1000, window, 0, FRAME_BYTES);
  const changed: number[] = [];
  table.regovern((each) => changed.push(each));
  expect([paceDue(window, 0), changed]).toEqual([4000, []]);
  governing = { ...narrow, name: 'other', create: () => ({ ...narrow.create(), cwndBytes: () => 1e6 }) };
  table.regovern((each) => changed.push(each));
  expect([paceDue(window, 0), changed]).toEqual([0, [row]]);
});

const PSN_AT = VXLAN_HEADER_BYTES + 4;

function isData(packet: Uint8Array): boolean {
  return packet.length > 100 && packet[VXLAN_HEADER_BYTES] === PACKET_DATA;
}
