// Two tenants send all they can to one whose link is narrow: what Swift makes of it beside a window that knows nothing
// (BIFROST §D).
import { describe, expect, test } from 'vitest';
import { defaultTopology } from '../lab/topology.ts';
import { SLOTS } from '../src/paths/path-table.ts';
import type { NativeName } from '../src/vswitch/config.ts';
import { Cloud } from './cloud.ts';
import { Bulk } from './guest/bulk.ts';

const NARROW = { rateBitsPerSecond: 500e6 };
const START_MICROS = 200_000;
const RUN_MICROS = 500_000;

function run(congestion: NativeName) {
  const receiveBufferBytes = 4 << 20;
  const cloud = new Cloud({
    topology: defaultTopology(),
    overlay: 'selvage',
    congestion,
    seed: 1,
    receiveBufferBytes,
  });
  cloud.fabric.impose('host3-leaf2', NARROW);
  for (const name of ['tenant1', 'tenant2']) new Bulk(cloud.clock, cloud.guest(name), cloud.guest('tenant3'));
  cloud.run(START_MICROS);
  const senders = ['host1', 'host2'].map((name) => cloud.hosts.get(name)!.vswitch);
  const before = senders.map(({ transport }) => ({ ...transport.counters }));
  cloud.run(RUN_MICROS);
  const rates = senders.map(
    ({ transport }, i) => ((transport.counters.bytesSent - before[i]!.bytesSent) * 8) / RUN_MICROS,
  );
  const sum = (name: 'packetsSent' | 'retransmissions') =>
    senders.reduce((total, { transport }, i) => total + transport.counters[name] - before[i]![name], 0);
  const fabricMicros = senders.map(({ paths, forwarding }) => {
    const peer = forwarding.peers.indexOf(cloud.fabric.addressOf(cloud.fabric.host('host3')));
    const used = paths.selection(peer, cloud.clock.nowMicros);
    const slots = Array.from({ length: SLOTS }, (_, slot) => paths.fabricMicros(peer, slot));
    return Math.max(...slots.filter((_, slot) => ((used >> slot) & 1) === 1));
  });
  return {
    rates,
    resent: sum('retransmissions') / sum('packetsSent'),
    delayMicros: Math.max(...fabricMicros),
  };
}

describe('two senders into one narrow link', () => {
  const swift = run('swift');
  const constant = run('constant');
  const total = (rates: readonly number[]) => rates.reduce((sum, rate) => sum + rate, 0);

  test('fill it, with Swift as without', () => {
    expect(total(swift.rates)).toBeGreaterThan(0.8 * 500);
    expect(total(constant.rates)).toBeGreaterThan(0.8 * 500);
  });

  test('under Swift keep its queue short and lose little', () => {
    expect(swift.resent).toBeLessThan(0.01);
    expect(swift.resent).toBeLessThan(constant.resent / 5);
    expect(swift.delayMicros).toBeLessThan(0.6 * constant.delayMicros);
  });

  test('under Swift share it about equally', () => {
    const [one, other] = swift.rates as [number, number];
    expect(Math.max(one, other) / Math.min(one, other)).toBeLessThan(2);
  });
});
