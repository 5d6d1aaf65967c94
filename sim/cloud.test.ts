// Whole hosts over the fabric: runs that can be repeated, tenants that get what links give, paths that die.
import { describe, expect, test } from 'vitest';
import { fabricAddresses, tenantAddresses } from '../lab/addressing.ts';
import { defaultTopology } from '../lab/topology.ts';
import { parseTopology } from '../lab/topology-file.ts';
import { formatIpv4, formatMac } from '../src/wire/address.ts';
import { Cloud, type CloudOptions, type Overlay } from './cloud.ts';
import { hostPlaces, tenantPlaces } from './fabric/addressing.ts';
import { Bulk } from './guest/bulk.ts';

const OVERLAYS: readonly Overlay[] = ['plain', 'selvage'];
const ACCESS = 'host1-leaf1';

function cloudOf(overlay: Overlay, options: Partial<CloudOptions> = {}): Cloud {
  return new Cloud({ topology: defaultTopology(), overlay, seed: 1, ...options });
}

function bulkIn(cloud: Cloud): Bulk {
  return new Bulk(cloud.clock, cloud.guest('tenant1'), cloud.guest('tenant3'));
}

/** Of a transfer over a faulty network. */
function run(overlay: Overlay, seed: number) {
  const cloud = cloudOf(overlay, { seed });
  cloud.fabric.impose(ACCESS, { lossPpm: 20_000, rateBitsPerSecond: 50e6 });
  const bulk = bulkIn(cloud);
  cloud.run(60_000);
  const { fingerprint, events } = cloud.fabric.trace;
  return { fingerprint, events, received: bulk.receivedBytes, ...cloud.fabric.counters() };
}

describe.each(OVERLAYS)('over %s', (overlay) => {
  test('a seed gives the same run, another seed another', () => {
    const first = run(overlay, 7);
    expect(first.lost).toBeGreaterThan(0);
    expect(run(overlay, 7)).toEqual(first);
    expect(run(overlay, 8).fingerprint).not.toBe(first.fingerprint);
  });

  test('a transfer gets what the link gives, less headers', () => {
    const cloud = cloudOf(overlay, { receiveBufferBytes: 200_000 });
    const rateBitsPerSecond = 100e6;
    cloud.fabric.impose(ACCESS, { rateBitsPerSecond });
    const bulk = bulkIn(cloud);
    cloud.run(200_000);
    const { sending } = bulk.connection;
    expect(sending.counters).toMatchObject({ retransmissions: 0, timeouts: 0 });
    expect(bulk.bitsPerSecond).toBeGreaterThan(0.85 * rateBitsPerSecond);
    expect(bulk.bitsPerSecond).toBeLessThan(rateBitsPerSecond);
  });

  test('everything sent is accounted for, and hosts drop nothing', () => {
    const cloud = cloudOf(overlay);
    cloud.fabric.impose(ACCESS, { lossPpm: 10_000, rateBitsPerSecond: 20e6, queuePackets: 20 });
    const bulk = bulkIn(cloud);
    for (let step = 0; step < 20; step++) {
      cloud.run(5_000);
      const { sent, delivered, ...elsewhere } = cloud.fabric.counters();
      expect(delivered + Object.values(elsewhere).reduce((sum, each) => sum + each)).toBe(sent);
    }
    expect(bulk.receivedBytes).toBeGreaterThan(0);
    for (const host of cloud.hosts.values()) {
      expect(Object.values(host.vswitch.counters.dropped).filter((dropped) => dropped > 0)).toEqual([]);
      expect(host.framesDropped).toBe(0);
    }
    for (const guest of cloud.guests.values()) expect(guest.rejected).toBe(0);
  });

  test('tenants of one host and of one rack reach each other', () => {
    const racks = '[{ name: r1, leaf: leaf1, hosts: [host1, host2] }]';
    const tenants = '[{ name: a, host: host1 }, { name: b, host: host1 }, { name: c, host: host2 }]';
    const topology = parseTopology(`{ racks: ${racks}, spines: [spine1], tenants: ${tenants} }`, 'test.yaml');
    const cloud = cloudOf(overlay, { topology });
    const near = new Bulk(cloud.clock, cloud.guest('a'), cloud.guest('b'));
    const far = new Bulk(cloud.clock, cloud.guest('b'), cloud.guest('c'));
    cloud.run(5_000);
    expect(near.receivedBytes).toBeGreaterThan(0);
    expect(far.receivedBytes).toBeGreaterThan(0);
  });
});

test('a host that does not run for a while loses nothing, and goes on', () => {
  const cloud = cloudOf('selvage', { receiveBufferBytes: 200_000 });
  cloud.fabric.impose(ACCESS, { rateBitsPerSecond: 200e6 });
  const bulk = bulkIn(cloud);
  cloud.run(20_000);
  const host = cloud.hosts.get('host3')!;
  const { turns } = host;
  const before = bulk.receivedBytes;
  host.deschedule(cloud.clock.nowMicros + 10_000);
  cloud.run(9_900);
  expect(host.turns).toBe(turns);
  cloud.run(20_100);
  expect(bulk.receivedBytes - before).toBeGreaterThan(0.7 * ((200e6 / 8) * 0.03));
  expect(bulk.connection.sending.counters).toMatchObject({ retransmissions: 0, timeouts: 0 });
});

test('addresses are those of the lab', () => {
  const topology = defaultTopology();
  const fabric = fabricAddresses(topology);
  for (const { name, address } of hostPlaces(topology)) expect(formatIpv4(address)).toBe(fabric.get(name));
  expect(tenantPlaces(topology).map(({ mac, address }) => [formatMac(mac), formatIpv4(address)])).toEqual(
    tenantAddresses(topology).map(({ selvage }) => [selvage.mac, selvage.address]),
  );
});
