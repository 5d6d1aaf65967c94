// The five scenarios of ZooRoute §3.2, end to end: what each end probes and keeps, and what is special about it.
import { describe, expect, it } from 'vitest';
import { bytesOf } from '../../base/bytes.ts';
import { below, SeededRng } from '../../base/rng.ts';
import { writeMac } from '../../wire/address.ts';
import { FORM_BITMAP, FORM_GROUPS, FORM_STRIDES } from './fast-select.ts';
import { Region, SECOND } from './region.testing.ts';
import { mannerOf, ROLE_GATEWAY, ROLE_HYPERVISOR, ROLE_MIDDLEBOX, type Role } from './roles.ts';

const rng = new SeededRng(11);
const flows = Array.from({ length: 12 }, () => 32_768 + below(rng, 28_000));

function regionOf(roles: readonly Role[], seed = 1): Region {
  return new Region(roles.length, { seed, each: (host) => ({ role: roles[host]!, backend: 0x100 + host }) });
}

/** Traffic both ways between hosts 0 and 1; the middlebox answers by the port that a flow came by. */
function busy(region: Region, isBothWays = true): () => void {
  return () => {
    for (const port of flows) {
      const used = region.flow(0, 1, port);
      if (isBothWays) region.flow(1, 0, used);
    }
  };
}

describe.each<[string, Role, Role, object, object]>([
  [
    'H-H',
    ROLE_HYPERVISOR,
    ROLE_HYPERVISOR,
    { probes: true, isFull: false, ports: 32, form: FORM_BITMAP },
    { probes: true, isFull: false, ports: 32, form: FORM_BITMAP },
  ],
  [
    'H-M',
    ROLE_HYPERVISOR,
    ROLE_MIDDLEBOX,
    { probes: true, isFull: false, ports: 32, form: FORM_GROUPS },
    { probes: false },
  ],
  [
    'H-G',
    ROLE_HYPERVISOR,
    ROLE_GATEWAY,
    { probes: true, isFull: false, ports: 32, form: FORM_BITMAP },
    { probes: true, isFull: false, ports: 32, form: FORM_STRIDES },
  ],
  [
    'M-G',
    ROLE_MIDDLEBOX,
    ROLE_GATEWAY,
    { probes: false },
    { probes: true, isFull: false, ports: 32, form: FORM_GROUPS },
  ],
  [
    'G-G',
    ROLE_GATEWAY,
    ROLE_GATEWAY,
    { probes: true, isFull: true, ports: 64, form: FORM_BITMAP, prefersFast: true },
    { probes: true, isFull: true, ports: 64, form: FORM_BITMAP, prefersFast: true },
  ],
])('%s', (scenario, a, b, ofA, ofB) => {
  it('has its defaults at either end', () => {
    expect(mannerOf(a, b)).toMatchObject({ scenario, ...ofA });
    expect(mannerOf(b, a)).toMatchObject({ scenario, ...ofB });
  });

  it('is found out by both, and flows leave a spine that falls silent', () => {
    const region = regionOf([a, b]);
    region.pass(8, busy(region));
    for (const host of [0, 1])
      expect(region.hosts[host]!.peers(region.now)).toMatchObject([{ scenario, state: 'speaks' }]);
    region.loses = ({ spine }) => spine === 1;
    region.pass(6, busy(region));
    const probing = a === ROLE_MIDDLEBOX ? [1, 0] : [0, 1];
    for (const port of flows) expect(region.works(probing[0]!, probing[1]!, port)).toBe(true);
  });
});

describe('a middlebox', () => {
  it('probes nobody, has no table, and answers by the port it was asked from', () => {
    const region = regionOf([ROLE_HYPERVISOR, ROLE_MIDDLEBOX]);
    const answers: boolean[] = [];
    region.tamper = (octets, { from, sourcePort }) => {
      if (from === 1 && octets[3] === 0x7f) answers.push(bytesOf(octets).view.getUint16(40) === sourcePort);
      return octets;
    };
    region.pass(5, busy(region));
    expect(region.hosts[1]!.counters.probesSent).toBe(0);
    expect(region.hosts[1]!.fast.size).toBe(0);
    expect(answers.length).toBeGreaterThan(30);
    expect(answers).not.toContain(false);
  });

  it('has a way back that fails left by the other end', () => {
    const region = regionOf([ROLE_HYPERVISOR, ROLE_MIDDLEBOX]);
    region.pass(5, busy(region));
    region.loses = ({ from, spine }) => from === 1 && spine === 0;
    region.pass(5, busy(region));
    for (const port of flows) {
      const sourcePort = region.portOf(0, 1, port);
      expect(region.spineOf({ from: 1, to: 0, sourcePort })).not.toBe(0);
    }
  });

  it('of several machines keeps flows on theirs, and loses only what the machine’s death takes', () => {
    const region = regionOf([ROLE_HYPERVISOR, ROLE_MIDDLEBOX], 3);
    // Three machines behind one address: the switch in front hashes on the port.
    const machineOf = (port: number) => (port * 7 + (port >> 3)) % 3;
    let dead = -1;
    region.tamper = (octets, { from, sourcePort }) => {
      if (from === 1 && octets[3] === 0x7f) writeMac(bytesOf(octets).view, 32, 0x500 + machineOf(sourcePort));
      return octets;
    };
    region.loses = ({ from, sourcePort }) => from === 1 && machineOf(sourcePort) === dead;
    region.pass(6, busy(region));
    const before = new Map(flows.map((port) => [port, machineOf(region.portOf(0, 1, port))]));
    region.loses = ({ spine }) => spine === 0;
    region.pass(6, busy(region));
    for (const port of flows) {
      expect(machineOf(region.portOf(0, 1, port))).toBe(before.get(port));
      expect(region.works(0, 1, port)).toBe(true);
    }
    const placed = new Map(flows.map((port) => [port, region.portOf(0, 1, port)]));
    dead = 1;
    region.loses = ({ from, sourcePort }) => from === 1 && machineOf(sourcePort) === dead;
    region.pass(6, busy(region));
    for (const port of flows) {
      const sourcePort = region.portOf(0, 1, port);
      expect(machineOf(sourcePort)).not.toBe(1);
      if (machineOf(placed.get(port)!) !== 1) expect(sourcePort).toBe(placed.get(port));
    }
  });
});

describe('gateways of different regions', () => {
  const MILLIS = 1000;

  function settled(): Region {
    const region = regionOf([ROLE_GATEWAY, ROLE_GATEWAY], 2);
    // Ports differ by 20 ms on the way there.
    region.oneWayMicros = ({ from, sourcePort }) =>
      from === 0 ? 50 * MILLIS + ((sourcePort * 37) % 64) * 300 : 50 * MILLIS;
    region.pass(15, busy(region));
    return region;
  }

  function inUse(region: Region): number[] {
    const { fast } = region.hosts[0]!;
    return Array.from({ length: 64 }, (_, i) => i).filter((port) => fast.uses(0, port));
  }

  const delayOf = (port: number) => ((10_000 + port) * 37) % 64;

  it('use the tenth of the ports with the shortest round trips', () => {
    const region = settled();
    const used = inUse(region);
    expect(used.length).toBe(7);
    expect(used.map(delayOf).sort((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5, 6]);
  });

  it('replace one that has become slower, after two minutes and not before', () => {
    const region = settled();
    const slow = inUse(region)[0]!;
    const normal = region.oneWayMicros;
    region.oneWayMicros = (trip) => normal(trip) + (trip.sourcePort === 10_000 + slow ? 30 * MILLIS : 0);
    region.pass(110, busy(region));
    expect(inUse(region)).toContain(slow);
    region.pass(30, busy(region));
    expect(inUse(region)).not.toContain(slow);
    expect(inUse(region).length).toBe(7);
    const reasons = region.hosts[0]!.events().map(({ reason }) => reason);
    expect(reasons).toContain('slower-for-long');
  });

  it('replace one that fails at once by the next best', () => {
    const region = settled();
    const failing = inUse(region)[0]!;
    region.loses = ({ from, sourcePort }) => from === 0 && sourcePort === 10_000 + failing;
    const start = region.now;
    expect(region.passUntil(() => !inUse(region).includes(failing), 3, busy(region))).toBe(true);
    expect(region.now - start).toBeLessThan(2 * SECOND);
    region.pass(1, busy(region));
    expect(
      inUse(region)
        .map(delayOf)
        .sort((a, b) => a - b),
    ).toEqual([0, 1, 2, 3, 4, 5, 6, 7].filter((delay) => delay !== delayOf(failing)));
  });
});
