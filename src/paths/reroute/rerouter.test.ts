// The core whole, in virtual time: peers are found out, probed on demand, and flows leave what fails, for something better.
import { describe, expect, it } from 'vitest';
import { itForSeeds } from '../../../test/support/seeds.ts';
import { below, chance, SeededRng } from '../../base/rng.ts';
import { Region, SECOND } from './region.testing.ts';

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
    // Eight probes a second while few ports carry traffic, and their answers.
    expect((region.sent - before) / 10).toBeGreaterThan(14);
    expect((region.sent - before) / 10).toBeLessThan(20);
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
    itForSeeds(`${name} is left by every flow soon, once and for good`, 12, (seed) => {
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

  itForSeeds('on the way back costs no port on the way there, since receipts say so', 12, (seed) => {
    const region = settled(seed);
    region.loses = ({ spine, from }) => spine === 0 && from === 1;
    region.pass(30, busy(region));
    const left = region.hosts[0]!.events().filter(({ event }) => event === 'port-left');
    expect(left).toEqual([]);
    expect(region.hosts[0]!.counters.answersLost).toBeGreaterThan(0);
  });
});

itForSeeds('with 30 % of loss is left within three seconds, most often within one', 40, (seed) => {
  const one = flows.slice(0, 1);
  const region = settled(seed, one);
  const trip = { from: 0, to: 1, sourcePort: region.portOf(0, 1, one[0]!) };
  const spine = region.spineOf(trip);
  const dice = new SeededRng(seed);
  region.loses = (packet) => packet.spine === spine && chance(dice, 0.3);
  const start = region.now;
  const isLeft = () => region.spineOf({ ...trip, sourcePort: region.portOf(0, 1, one[0]!) }) !== spine;
  region.passUntil(isLeft, 20, busy(region, 0, 1, one));
  times.push((region.now - start) / SECOND);
});
const times: number[] = [];
it('prints', () => {
  times.sort((a, b) => a - b);
  console.log(times.map((t) => t.toFixed(2)).join(' '));
});
