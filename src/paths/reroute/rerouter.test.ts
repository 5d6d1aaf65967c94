// The core whole, in virtual time: peers are found out, probed on demand, and flows leave what fails, for something better.
import { describe, expect, it } from 'vitest';
import { itForSeeds } from '../../../test/support/seeds.ts';
import { below, chance, SeededRng } from '../../base/rng.ts';
import { Region, SECOND } from './region.testing.ts';
import { readSaved } from './saved.ts';

/** Kernel ports of flows that between them use many ports. */
const rng = new SeededRng(7);
const flows = Array.from({ length: 24 }, () => 32_768 + below(rng, 28_000));

function busy(region: Region, from = 0, to = 1, ports: readonly number[] = flows): () => void {
  return () => {
    for (const port of ports) region.flow(from, to, port);
  };
}

/** A region of two hosts in which traffic has gone for some seconds. */
function settled(seed = 1, ports = flows): Region {
  const region = new Region(2, { seed });
  region.pass(5, busy(region, 0, 1, ports));
  return region;
}

function working(region: Region, ports = flows): number {
  return ports.filter((port) => region.works(0, 1, port)).length;
}

describe('finding out', () => {
  it('asks a peer when traffic goes there, and then probes the ports in use', () => {
    const region = settled(1, flows.slice(0, 3));
    const [peer] = region.hosts[0]!.peers(region.now);
    expect(peer).toMatchObject({ state: 'speaks', scenario: 'H-H', mode: 'partial', hops: 3, inUse: 3 });
    const before = region.sent;
    region.pass(10, busy(region, 0, 1, flows.slice(0, 3)));
    // Four probes a second of each port while few carry traffic, and their answers.
    expect((region.sent - before) / 10).toBeGreaterThan(22);
    expect((region.sent - before) / 10).toBeLessThan(27);
  });

  it('leaves a peer in peace that does not speak it, and asks ever less often', () => {
    const region = new Region(2, { speaks: (host) => host === 0 });
    region.pass(8, busy(region));
    expect(region.hosts[0]!.peers(region.now)).toMatchObject([{ state: 'plain' }]);
    expect(region.hosts[0]!.fast.size).toBe(0);
    const asked = region.sent;
    expect(asked).toBe(4);
    region.pass(600, busy(region));
    expect(region.sent - asked).toBeLessThan(6);
    expect(region.sent - asked).toBeGreaterThan(2);
  });

  it('releases a peer that nothing goes to any more', () => {
    const region = settled();
    region.pass(62);
    expect(region.hosts[0]!.peers(region.now)).toEqual([]);
    expect(region.hosts[0]!.fast.size).toBe(0);
    const before = region.sent;
    region.pass(60);
    expect(region.sent).toBe(before);
  });
});

describe('a spine that falls silent', () => {
  const faults: [string, (spine: number, from: number) => boolean][] = [
    ['both ways', (spine) => spine === 0],
    ['on the way there', (spine, from) => spine === 0 && from === 0],
  ];
  for (const [name, isHit] of faults)
    itForSeeds(`${name} is left by every flow soon, once and for good`, 4, (seed) => {
      const region = settled(seed);
      expect(working(region)).toBe(flows.length);
      const before = new Map(flows.map((port) => [port, region.portOf(0, 1, port)]));
      region.loses = ({ spine, from }) => isHit(spine, from);
      const hit = flows.filter((port) => !region.works(0, 1, port));
      const start = region.now;
      expect(region.passUntil(() => working(region) === flows.length, 3, busy(region))).toBe(true);
      expect((region.now - start) / SECOND).toBeLessThan(1.3);
      for (const port of flows)
        if (!hit.includes(port)) expect(region.portOf(0, 1, port)).toBe(before.get(port));
      const after = new Map(flows.map((port) => [port, region.portOf(0, 1, port)]));
      region.pass(20, busy(region));
      expect(working(region)).toBe(flows.length);
      region.loses = () => false;
      region.pass(60, busy(region));
      for (const port of flows) expect(region.portOf(0, 1, port)).toBe(after.get(port));
    });

  itForSeeds('on the way back costs no port on the way there, since receipts say so', 6, (seed) => {
    const region = settled(seed);
    region.loses = ({ spine, from }) => spine === 0 && from === 1;
    region.pass(30, busy(region));
    const left = region.hosts[0]!.events().filter(({ event }) => event === 'port-left');
    expect(left).toEqual([]);
    expect(region.hosts[0]!.counters.answersLost).toBeGreaterThan(0);
  });
});

describe('30 % of loss on the way of a single flow', () => {
  const one = flows.slice(0, 1);

  function secondsUntilLeft(seed: number): number {
    const region = settled(seed, one);
    const spineOfFlow = () => region.spineOf({ from: 0, to: 1, sourcePort: region.portOf(0, 1, one[0]!) });
    const spine = spineOfFlow();
    const dice = new SeededRng(seed);
    region.loses = (packet) => packet.spine === spine && chance(dice, 0.3);
    const start = region.now;
    region.passUntil(() => spineOfFlow() !== spine, 20, busy(region, 0, 1, one));
    return (region.now - start) / SECOND;
  }

  it('is left within a second as a rule, and within three always', () => {
    const seconds = Array.from({ length: 20 }, (_, seed) => secondsUntilLeft(seed + 1)).sort((a, b) => a - b);
    expect(seconds[10]).toBeLessThan(1);
    expect(seconds.at(-1)).toBeLessThan(3);
  });
});

describe('what is not a fault of paths', () => {
  itForSeeds('a peer that sleeps for a moment costs no port', 6, (seed) => {
    const region = settled(seed);
    region.asleep.add(1);
    region.pass(0.35, busy(region));
    region.asleep.delete(1);
    region.pass(5, busy(region));
    expect(names(region)).not.toContain('port-left');
  });

  it('a peer that is gone leaves the table as it was, and is no emergency', () => {
    const region = settled();
    const before = flows.map((port) => region.portOf(0, 1, port));
    region.loses = () => true;
    region.pass(20, busy(region));
    expect(flows.map((port) => region.portOf(0, 1, port))).toEqual(before);
    expect(names(region)).toContain('peer-silent');
    expect(names(region)).not.toContain('port-left');
  });

  it('a peer that stays silent for a minute has stopped: it is left in peace, and asked now and then', () => {
    const region = settled();
    region.loses = () => true;
    region.pass(70, busy(region));
    expect(region.hosts[0]!.peers(region.now)).toMatchObject([{ state: 'plain' }]);
    region.loses = () => false;
    region.pass(60, busy(region));
    expect(region.hosts[0]!.peers(region.now)).toMatchObject([{ state: 'speaks' }]);
    expect(working(region)).toBe(flows.length);
  });

  it('a peer that is only expected to be used is asked, and no port of it probed', () => {
    const region = new Region(2);
    region.pass(5, () => region.hosts[0]!.used(region.now, region.addressOf(1), 0));
    expect(region.hosts[0]!.peers(region.now)).toMatchObject([{ state: 'speaks', inUse: 0 }]);
    expect(region.hosts[0]!.counters.probesSent).toBe(0);
  });

  it('our own sleep, when answers are taken in before timers are looked at', () => {
    const region = settled();
    region.asleep.add(0);
    region.pass(2);
    region.asleep.delete(0);
    region.pass(5, busy(region));
    expect(names(region)).not.toContain('port-left');
  });

  itForSeeds('one packet in a hundred, everywhere', 3, (seed) => {
    const region = settled(seed);
    const dice = new SeededRng(seed);
    region.loses = () => chance(dice, 0.01);
    region.pass(120, busy(region));
    const left = names(region).filter((name) => name === 'port-left');
    expect(left.length).toBeLessThan(4);
  });
});

describe('what failed and works again', () => {
  it('rests until the rankings are reset, and then takes its flows back', () => {
    const region = settled();
    const before = flows.map((port) => region.portOf(0, 1, port));
    region.loses = ({ spine }) => spine === 0;
    region.pass(10, busy(region));
    region.loses = () => false;
    region.pass(60, busy(region));
    expect(states(region)).toContain('resting');
    expect(flows.map((port) => region.portOf(0, 1, port))).not.toEqual(before);
    region.pass(1800, busyNow(region));
    expect(states(region)).not.toContain('resting');
    expect(flows.map((port) => region.portOf(0, 1, port))).toEqual(before);
  });

  it('comes back earlier while less than half of the ports are usable, and 32 more are asked', () => {
    const region = settled();
    region.loses = ({ spine }) => spine !== 0;
    region.pass(8, busy(region));
    const [peer] = region.hosts[0]!.peers(region.now);
    expect(peer!.ports).toBe(64);
    expect(peer!.usable).toBeLessThan(32);
    expect(working(region)).toBe(flows.length);
    region.loses = () => false;
    region.pass(20, busy(region));
    expect(names(region)).toContain('port-back');
    expect(region.hosts[0]!.peers(region.now)[0]!.usable).toBeGreaterThanOrEqual(16);
  });
});

it('an endpoint whose paths are left again and again raises an alarm that names it', () => {
  const region = settled();
  const dice = new SeededRng(5);
  // The peer's own NIC loses half of what comes, whatever the way.
  region.loses = ({ to }) => to === 1 && chance(dice, 0.5);
  region.pass(180, busy(region));
  expect(region.hosts[0]!.alarms()).toMatchObject([{ endpoint: [0, 0, 0xffff, region.addressOf(1)] }]);
  expect(names(region)).toContain('alarm');
  region.loses = () => false;
  region.pass(1200, busyNow(region));
  expect(region.hosts[0]!.alarms()).toEqual([]);
});

describe('a process in the place of another', () => {
  it('goes on with ports, table and flows as they were', () => {
    const region = settled();
    region.loses = ({ spine }) => spine === 0;
    region.pass(4, busy(region));
    const before = flows.map((port) => region.portOf(0, 1, port));
    const old = region.hosts[0]!.ports(region.now, region.addressOf(1)).map(({ state }) => state);
    const saved = readSaved(JSON.parse(JSON.stringify(region.hosts[0]!.save())));
    expect(saved).toBeDefined();
    region.restart(0, saved);
    expect(flows.map((port) => region.portOf(0, 1, port))).toEqual(before);
    expect(states(region)).toEqual(old);
    region.pass(10, busy(region));
    expect(flows.map((port) => region.portOf(0, 1, port))).toEqual(before);
    expect(working(region)).toBe(flows.length);
    expect(region.hosts[0]!.peers(region.now)).toMatchObject([{ state: 'speaks' }]);
  });

  it.each([
    ['nothing', null],
    ['another version', { version: 2, peers: [] }],
    ['no peers', { version: 1 }],
    ['a peer without an address', { version: 1, peers: [{}] }],
    ['text', 'saved'],
  ])('starts anew from %s', (_, value) => {
    expect(readSaved(value)).toBeUndefined();
  });
});

function names(region: Region): string[] {
  return region.hosts[0]!.events().map(({ event }) => event);
}

function states(region: Region): string[] {
  return region.hosts[0]!.ports(region.now, region.addressOf(1)).map(({ state }) => state);
}

/** Traffic now and then, for long times: every twentieth call. */
function busyNow(region: Region): () => void {
  const each = busy(region);
  let calls = 0;
  return () => {
    if (calls++ % 20 === 0) each();
  };
}
