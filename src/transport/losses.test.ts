// Losses that hurt most, and silences that are none: what is repaired, how soon, and with how many packets
// (BIFROST §4.3).

import { describe, expect, it } from 'vitest';
import { PERFECT } from '../../sim/channel.ts';
import { checkIdle, checkState } from '../../sim/invariants.ts';
import { settle } from '../../test/support/random-network.ts';
import { ALL_SLOTS, story } from '../../test/support/story.ts';
import { SLOTS } from '../paths/path-table.ts';
import { TALLY_NAMES } from './tallies.ts';

/** An open connection with round trip times, nothing on its way, counters from zero. */
function open(options: Parameters<typeof story>[0] = {}) {
  const told = story(options);
  for (let i = 0; i < 10; i++) settle(told.traffic, 10_000);
  told.run(10_000);
  told.log.take();
  for (const { transport } of told.hosts) {
    for (const name of Object.keys(transport.counters) as (keyof typeof transport.counters)[]) {
      transport.counters[name] = 0;
    }
    for (const name of TALLY_NAMES) transport.connections.tallies[name].fill(0);
  }
  return told;
}

/** A timeout is 400 us at least. One question each while slots are left to try, and then each waits twice as long. */
function mostQuestions(micros: number): number {
  const each = Math.ceil(micros / 400);
  return each <= SLOTS ? each : SLOTS + Math.ceil(Math.log2(each - SLOTS));
}

describe('a lost packet', () => {
  it('that is the only one is sent again within a millisecond, once, on another slot', () => {
    const { traffic, network, run, arrived, counters } = open();
    const before = arrived()[0]!;
    const slots: number[] = [];
    network.observe = (direction, slot, packet) => {
      if (direction === 0 && packet.length > 60) slots.push(slot);
    };
    for (const channel of network.channels[0]) channel.drops = () => slots.length === 1;
    traffic.send(0, 0, [100]);
    run(1000);
    expect(arrived()[0]).toBe(before + 1);
    expect(slots).toHaveLength(2);
    expect(slots[1]).not.toBe(slots[0]);
    expect(counters(0)).toMatchObject({ lostByTimeout: 1, retransmissions: 1 });
  });

  it('in the middle is repaired in one round trip, and nothing else is sent again', () => {
    const { traffic, network, run, arrived, counters } = open();
    const before = arrived()[0]!;
    let packets = 0;
    for (const channel of network.channels[0]) channel.drops = () => ++packets === 10;
    traffic.send(0, 0, [28_000]);
    run(300);
    expect(arrived()[0]).toBe(before + 1);
    expect(counters(0)).toMatchObject({ lostByGap: 1, lostByTime: 0, lostByTimeout: 0, retransmissions: 1 });
    run(5000);
    expect(counters(0)).toMatchObject({ retransmissions: 1, spurious: 0 });
  });

  it('at the end of a group is found by packets of the next slot, before its timeout', () => {
    const { traffic, network, run, arrived, counters } = open();
    const before = arrived()[0]!;
    let packets = 0;
    for (const channel of network.channels[0]) channel.drops = () => ++packets === 40;
    traffic.send(0, 0, [40 * 1400, 40 * 1400]);
    run(450);
    expect(arrived()[0]).toBe(before + 2);
    expect(counters(0)).toMatchObject({ lostByTime: 1, lostByTimeout: 0, retransmissions: 1 });
  });

  it('is sent again when it is lost again, and again', () => {
    const { traffic, network, run, arrived, counters } = open();
    const before = arrived()[0]!;
    let packets = 0;
    for (const channel of network.channels[0])
      channel.drops = (packet) => packet.length > 60 && ++packets <= 4;
    traffic.send(0, 0, [100]);
    run(20_000);
    expect(arrived()[0]).toBe(before + 1);
    expect(counters(0).retransmissions).toBe(4);
  });
});

describe('packets that several connections lose on one slot at once', () => {
  it('make the slot suspect, not bad: it is one event', () => {
    const { traffic, network, run, hosts, clock } = open({ hosts: { pairs: 4 } });
    const [{ paths }] = hosts;
    network.blackhole([0], ALL_SLOTS, { fromMicros: clock.nowMicros, toMicros: clock.nowMicros + 100 });
    for (let pair = 0; pair < 4; pair++) traffic.send(0, pair, [100]);
    run(20_000);
    expect(traffic.missing).toBe(0);
    // All four were on one slot, which answered the first probe.
    expect(paths.changes).toEqual({ suspected: 1, failed: 0, recovered: 1, rebound: 0 });
  });
});

describe('lost acknowledgements', () => {
  it('by half do not keep anything from arriving, and cost few packets', () => {
    const { traffic, network, run, counters, hosts } = open({ lose: /^< ack/ });
    for (const [slot, channel] of network.channels[1].entries()) {
      let count = slot;
      channel.drops = () => ++count % 2 === 0;
    }
    traffic.send(
      0,
      0,
      Array.from({ length: 200 }, () => 20_000),
    );
    run(60_000);
    expect(traffic.missing).toBe(0);
    const { packetsSent, retransmissions } = counters(0);
    expect(retransmissions).toBeLessThan(packetsSent / 20);
    run(1_000_000);
    hosts.forEach(checkIdle);
  });

  it('altogether let the sender ask a few packets a timeout, no more', () => {
    const { traffic, run, counters, cut, mend } = open();
    cut([1]);
    traffic.send(0, 0, [60_000, 60_000, 60_000, 60_000]);
    run(20_000);
    expect(counters(0).retransmissions).toBeLessThanOrEqual(mostQuestions(20_000));
    mend();
    run(50_000);
    expect(traffic.missing).toBe(0);
  });
});

describe('when nothing comes through either way', () => {
  it.each([
    [5000, 2000],
    [50_000, 9000],
    [500_000, 9000],
  ])('for %i us, all is repaired within %i us of its end', (outageMicros, repairMicros) => {
    const { traffic, run, cut, mend } = open();
    cut([0, 1]);
    traffic.send(0, 0, [60_000, 60_000]);
    run(outageMicros);
    mend();
    run(repairMicros);
    expect(traffic.missing).toBe(0);
  });
});

describe('a host that is not scheduled for a while', () => {
  it.each([
    ['the receiver', 1, 2000],
    ['the receiver', 1, 20_000],
    ['the sender', 0, 2000],
    ['the sender', 0, 20_000],
  ] as const)('(%s) causes no storm', (_who, host, micros) => {
    const { traffic, hosts, clock, run, counters } = open();
    traffic.send(
      0,
      0,
      Array.from({ length: 60 }, () => 60_000),
    );
    run(400);
    hosts[host].deschedule(clock.nowMicros + micros);
    run(micros + 20_000);
    expect(traffic.missing).toBe(0);
    const { retransmissions, spurious } = counters(0);
    // One at a time, whatever waits in the window and on however many slots; and they were not needed, and that is known.
    expect(retransmissions).toBeLessThanOrEqual(mostQuestions(micros));
    expect(spurious).toBe(retransmissions);
    hosts.forEach(checkState);
  });

  it('and sends by itself causes nothing at all', () => {
    const { traffic, hosts, clock, run, counters } = open();
    traffic.send(0, 0, [100, 200]);
    run(30);
    hosts[0].deschedule(clock.nowMicros + 50_000);
    run(60_000);
    expect(traffic.missing).toBe(0);
    expect(counters(0)).toMatchObject({ retransmissions: 0, spurious: 0 });
  });
});

describe('a window of 4096 packets', () => {
  const hosts = { windowPackets: 4096, payloadBytes: 256 } as const;

  it('with gaps beyond 256 packets is repaired by windows further up, before its beginning is', () => {
    const { traffic, network, log, run, counters } = open({ hosts });
    let packets = 0;
    // The first packet is lost until the rest is repaired: one bitmap shows 256 packets from there.
    let holdFirst = true;
    let first: string | undefined;
    for (const channel of network.channels[0]) {
      const logged = channel.drops;
      channel.drops = (packet, now) => {
        logged(packet, now);
        const line = log.lines.at(-1)!.replace(' again', '');
        if (!line.startsWith('> data')) return false;
        first ??= line;
        if (line === first) return holdFirst;
        return log.lines.at(-1) === line && ++packets % 97 === 0;
      };
    }
    traffic.send(
      0,
      0,
      Array.from({ length: 12 }, () => 65_000),
    );
    run(8000);
    const lines = log.take();
    expect(lines.some((line) => line.startsWith('< window('))).toBe(true);
    const { connections } = network.hosts[1].transport;
    const window = connections.receive[0]!;
    const held = Array.from({ length: (window.end - window.base) >>> 0 }, (_, i) =>
      window.has((window.base + i) >>> 0),
    );
    expect(held.length).toBeGreaterThan(2500);
    expect(held.filter((here) => !here)).toHaveLength(1);
    holdFirst = false;
    run(500_000);
    expect(traffic.missing).toBe(0);
    expect(counters(0).spurious).toBeLessThan(100);
  });

  it('is full when the oldest packet is missing, and no further', () => {
    const { traffic, network, run, hosts: both } = open({ hosts });
    let first: number | undefined;
    for (const channel of network.channels[0]) {
      channel.drops = (packet) => {
        if (packet.length < 80) return false;
        const psn = new DataView(packet.buffer).getUint32(12);
        first ??= psn;
        return psn === first;
      };
    }
    traffic.send(
      0,
      0,
      Array.from({ length: 40 }, () => 65_000),
    );
    run(50_000);
    both.forEach(checkState);
    expect(both[0].transport.connections.send[0]!.span).toBeGreaterThan(4096 - 256);
    network.impose(PERFECT);
    for (const channel of network.channels[0]) channel.drops = () => false;
    run(2_000_000);
    expect(traffic.missing).toBe(0);
  });
});
