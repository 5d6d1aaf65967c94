// Ends of different versions (BIFROST §5.3): the highest that both speak, in every packet; or none, and plain VXLAN.

import { describe, expect, it } from 'vitest';
import { settle } from '../../test/support/random-network.ts';
import { story } from '../../test/support/story.ts';
import { CLOSE_NO_VERSION, CLOSE_UNKNOWN_PAIR } from '../wire/bifrost-connect.ts';
import { PACKET_ACK, PACKET_DATA, type VersionRange } from '../wire/bifrost-types.ts';
import { VXLAN_HEADER_BYTES } from '../wire/vxlan.ts';
import { CONNECTION_STATE_NAMES } from './connections.ts';

const speaks = (oldest: number, newest: number): VersionRange => ({ oldest, newest });

function mixed(one: VersionRange, other: VersionRange) {
  const told = story({ each: [{ versions: one }, { versions: other }] });
  /** Versions of data and acknowledgements that were sent. */
  const used = new Set<number>();
  told.network.observe = (_direction, _slot, packet) => {
    const type = packet[VXLAN_HEADER_BYTES];
    if (type === PACKET_DATA || type === PACKET_ACK) used.add(packet[VXLAN_HEADER_BYTES + 1]! >> 4);
  };
  const states = () =>
    told.hosts.map(({ transport }) => CONNECTION_STATE_NAMES[transport.connections.state[0]!]);
  return { ...told, used, states };
}

describe.each([
  [speaks(1, 1), speaks(1, 3), 1],
  [speaks(1, 3), speaks(1, 2), 2],
  [speaks(2, 3), speaks(1, 2), 2],
  [speaks(1, 15), speaks(1, 15), 15],
])('ends that speak %o and %o', (one, other, common) => {
  it.each([
    ['the first asks', [0]],
    ['the second asks', [1]],
    ['both ask', [0, 1]],
  ] as const)('use the highest version of both: %s', (_, askers) => {
    const { traffic, run, used, counters } = mixed(one, other);
    for (const asker of askers) traffic.send(asker, 0, [100, 5000]);
    run(10_000);
    settle(traffic, 10_000);
    run(10_000);
    expect(traffic.missing).toBe(0);
    expect([...used]).toEqual([common]);
    for (const host of [0, 1] as const) {
      expect(counters(host)).toMatchObject({ connectionsOpened: 1, otherVersion: 0, malformed: 0 });
    }
  });
});

describe('ends without a version in common', () => {
  it.each([
    ['the older asks', [0], '> request', '< close'],
    ['the newer asks', [1], '< request', '> response'],
    ['both ask', [0, 1], '> request', '< request'],
  ] as const)('send plain VXLAN at once and know why: %s', (_, askers, ...first) => {
    const { traffic, run, hosts, states, log, counters } = mixed(speaks(1, 2), speaks(3, 4));
    for (const asker of askers) traffic.send(asker, 0, [100]);
    run(1000);
    expect(log.take().slice(0, 2).sort()).toEqual([...first].sort());
    for (const asker of askers) {
      expect(states()[asker]).toBe('plain');
      expect(hosts[asker].transport.connections.reason[0]).toBe(CLOSE_NO_VERSION);
    }
    run(10_000);
    const plain = hosts.reduce((sum, { counters }) => sum + counters.plain, 0);
    expect(plain).toBe(askers.length);
    for (const host of [0, 1] as const) expect(counters(host).packetsReceived).toBe(0);
    // And ask again every half minute, since either may have been upgraded.
    log.take();
    run(29_000_000);
    expect(log.take()).toEqual([]);
    run(3_000_000);
    expect(log.take().some((line) => line.includes('request'))).toBe(true);
  });
});

it('a request for vNICs that are not there is refused, and frames go plain at once', () => {
  const { traffic, run, hosts, log, states } = (() => {
    const told = story({ hosts: { pairs: 2 }, each: [{}, { pairs: 1 }] });
    const states = () => CONNECTION_STATE_NAMES[told.hosts[0].transport.connections.state[0]!];
    return { ...told, states };
  })();
  traffic.send(0, 1, [100]);
  run(200);
  expect(log.take()).toEqual(['> request', '< close']);
  expect(states()).toBe('plain');
  expect(hosts[0].transport.connections.reason[0]).toBe(CLOSE_UNKNOWN_PAIR);
  expect(hosts[0].counters.plain).toBe(1);
});
