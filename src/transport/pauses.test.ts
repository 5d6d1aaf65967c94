// Overlay pause frames across a connection (Backdraft §4.3): whom they reach, and who is not asked.

import { describe, expect, it } from 'vitest';
import { checkIdle } from '../../sim/invariants.ts';
import type { TransportHost } from '../../sim/transport-host.ts';
import { settle } from '../../test/support/random-network.ts';
import { type StoryOptions, story } from '../../test/support/story.ts';
import { FEATURE_SUPER_FRAMES } from '../wire/bifrost-connect.ts';
import { PAUSE_KEY_WORDS } from '../wire/overlay-pause.ts';

const KEY = Uint32Array.of(0x0a000001, 0, 0, 0, 0x0a000002, 0, 0, 0, 0x1234_1a0b, 0x0406_0000, 9);
const FREE = Number.POSITIVE_INFINITY;
const AT = 8;

interface Heard {
  readonly pair: number;
  readonly sequence: number;
  readonly pauseMicros: number;
  readonly rate: number;
  readonly key: readonly number[];
}

/** Two hosts with connections of two pairs; what the second one asks, the first one hears. */
function acquainted(options: StoryOptions = {}) {
  const told = story({ ...options, hosts: { pairs: 2, ...options.hosts } });
  settle(told.traffic, 10_000);
  for (const pair of [0, 1]) told.traffic.send(0, pair, [1000]);
  told.run(10_000);
  told.log.take();
  const heard: Heard[] = [];
  const [sender, receiver] = told.hosts as readonly [TransportHost, TransportHost];
  sender.onPause = (_now, pair, frame) => {
    const key = new Uint32Array(PAUSE_KEY_WORDS);
    frame.readKey(key, 0);
    const { sequence, pauseMicros, rateBytesPerSecond: rate } = frame;
    heard.push({ pair, sequence, pauseMicros, rate, key: [...key] });
  };
  const ask = (pair: number, sequence: number, pauseMicros: number, rate: number) => {
    const asked = receiver.transport.askPause(pair, KEY, sequence, pauseMicros, rate);
    receiver.wake(told.clock.nowMicros);
    told.run(1000);
    return asked;
  };
  return { ...told, heard, ask, sender, receiver };
}

describe('a pause frame', () => {
  it('reaches the connection of its pair, with flow, pause and rate', () => {
    const { ask, heard, counters } = acquainted();
    expect(ask(1, 7, 2000, 125_000)).toBe(true);
    expect(ask(0, 8, 0, FREE)).toBe(true);
    const key = [...KEY];
    expect(heard).toEqual([
      { pair: 1, sequence: 7, pauseMicros: 2000, rate: 125_000, key },
      { pair: 0, sequence: 8, pauseMicros: 0, rate: FREE, key },
    ]);
    expect(counters(1).pausesSent).toBe(2);
    expect(counters(0).pausesReceived).toBe(2);
  });

  it('is sent on another slot each time', () => {
    const { ask, network } = acquainted();
    const slots = new Set<number>();
    network.observe = (direction, slot, packet) => {
      if (direction === 1 && packet[AT] === 7) slots.add(slot);
    };
    for (let i = 0; i < 8; i++) ask(0, i, 1000, 1e6);
    expect(slots.size).toBeGreaterThan(2);
  });

  it('of hundreds in one turn each is sent', () => {
    const { ask, heard, receiver } = acquainted();
    for (let i = 0; i < 700; i++) receiver.transport.askPause(i & 1, KEY, i, 1000, 1e6);
    ask(0, 700, 1000, 1e6);
    expect(new Set(heard.map(({ sequence }) => sequence)).size).toBe(701);
  });

  it('takes no part in reliability: a lost one is not sent again, and holds up nothing', () => {
    const { ask, heard, traffic, run, hosts, network } = acquainted();
    for (const channel of network.channels[1]) channel.drops = (packet) => packet[AT] === 7;
    ask(0, 7, 1000, 1e6);
    settle(traffic, 10_000);
    run(50_000);
    expect(heard).toEqual([]);
    hosts.forEach(checkIdle);
  });

  it('is not sent to a peer that does not say it obeys, nor before there is a connection', () => {
    const { ask, counters } = acquainted({ each: [{ features: FEATURE_SUPER_FRAMES }, {}] });
    expect(ask(0, 7, 1000, 1e6)).toBe(false);
    expect(counters(1).pausesSent).toBe(0);
    const fresh = story({ hosts: { pairs: 2 } });
    expect(fresh.hosts[1].transport.askPause(0, KEY, 1, 1000, 1e6)).toBe(false);
  });

  it.each([
    ['unknownCid', AT + 8, 0x20],
    ['wrongPeer', 4, 0x100],
    ['otherVersion', AT, 0x0030_0000],
    ['malformed', AT, 0x0000_5000],
  ] as const)('that is not from its connection is counted as %s, and nobody is told', (reason, at, bits) => {
    const { ask, heard, counters, network } = acquainted();
    network.observe = (direction, _slot, packet) => {
      if (direction !== 1 || packet[AT] !== 7) return;
      const view = new DataView(packet.buffer, packet.byteOffset);
      view.setUint32(at, view.getUint32(at) ^ bits);
    };
    const before = counters(0)[reason];
    ask(0, 7, 1000, 1e6);
    expect(heard).toEqual([]);
    expect(counters(0)[reason]).toBe(before + 1);
    expect(counters(0).pausesReceived).toBe(0);
  });
});
