// From states of ports to the fast table's forms (ZooRoute §5.1, §6), against a plain reading of the paper.
import { describe, expect, it } from 'vitest';
import { itForSeeds } from '../../../test/support/seeds.ts';
import { below, chance, SeededRng } from '../../base/rng.ts';
import {
  FORM_BITMAP,
  FORM_GROUPS,
  FORM_STRIDES,
  type Form,
  homeOf,
  MAX_PORTS,
  selectPort,
  UNUSABLE,
} from './fast-select.ts';
import { FastTable } from './fast-table.ts';
import { Publisher } from './publisher.ts';
import { PORT_BAD, PORT_HEALTHY, PORT_RESTING, PORT_UNKNOWN, SlowTable } from './slow-table.ts';

const NOW = 100_000_000;
const BASE = 10_000;

function bench(form: Form, homes = 32) {
  const table = new SlowTable();
  const fast = new FastTable(1000);
  const peer = table.add(0x0a000001, 1);
  fast.add(peer, table.addresses.addressOf(peer), form, BASE, homes);
  const back: number[] = [];
  const publisher = new Publisher(table, fast, (_, at) => back.push(at % MAX_PORTS));
  const set = (port: number, state: number) => {
    table.ports.state[peer * MAX_PORTS + port] = state;
  };
  for (let port = 0; port < homes; port++) set(port, PORT_HEALTHY);
  return {
    table,
    fast,
    peer,
    back,
    set,
    publish: () => publisher.publish(NOW, peer, false),
    /** The port of flows at home on `home`, or -1. */
    portOf(home: number): number {
      let kernelPort = 0;
      while (homeOf(kernelPort, homes) !== home) kernelPort++;
      return selectPort(fast.states, fast.entryOf(peer)!, kernelPort) - BASE;
    },
    ofPort: (port: number) => peer * MAX_PORTS + port,
  };
}

describe('strides', () => {
  it('a group with a bad port takes one working port of its own', () => {
    const { set, publish, portOf } = bench(FORM_STRIDES);
    set(5, PORT_BAD);
    publish();
    // Stride 4: 1, 5, 9, … are a group.
    const replacement = portOf(1);
    expect(replacement % 4).toBe(1);
    expect(replacement).not.toBe(5);
    for (let home = 1; home < 32; home += 4) expect(portOf(home)).toBe(replacement);
    for (const home of [0, 2, 3, 30]) expect(portOf(home)).toBe(home);
  });

  it('a group without a working port takes another’s, and nothing when there is none', () => {
    const { set, publish, portOf, fast, peer } = bench(FORM_STRIDES);
    for (let port = 1; port < 32; port += 4) set(port, PORT_BAD);
    publish();
    expect(portOf(1) % 4).not.toBe(1);
    for (let port = 0; port < 32; port++) set(port, PORT_BAD);
    publish();
    expect(fast.isEmpty(peer)).toBe(true);
    expect(fast.byteOf(peer, 0)).toBe(UNUSABLE);
  });

  it('keeps its choice while that works', () => {
    const { set, publish, portOf } = bench(FORM_STRIDES);
    set(1, PORT_BAD);
    publish();
    const chosen = portOf(1);
    for (const other of [5, 9, 13, 17, 21, 25, 29]) if (other !== chosen) set(other, PORT_BAD);
    publish();
    expect(portOf(1)).toBe(chosen);
    set(1, PORT_HEALTHY);
    publish();
    expect(portOf(1)).toBe(chosen);
  });
});

describe('groups of backends', () => {
  const backends = (i: number) => 100 + (i % 3);

  function withBackends() {
    const b = bench(FORM_GROUPS);
    for (let port = 0; port < MAX_PORTS; port++) b.table.ports.backend[b.ofPort(port)] = backends(port);
    return b;
  }

  itForSeeds('a flow stays with its backend while any port of that works', 8, (seed) => {
    const rng = new SeededRng(seed);
    const { set, publish, portOf } = withBackends();
    const bad = new Set<number>();
    const at = new Map(Array.from({ length: 32 }, (_, home) => [home, home]));
    for (let step = 0; step < 30; step++) {
      const port = below(rng, 32);
      const isBad = chance(rng, 0.7);
      if (isBad) bad.add(port);
      else if (bad.delete(port)) set(port, PORT_HEALTHY);
      if (isBad) set(port, PORT_BAD);
      if (bad.size === 32) continue;
      publish();
      for (let home = 0; home < 32; home++) {
        const before = at.get(home)!;
        const now = portOf(home);
        expect(bad.has(now)).toBe(false);
        // Nothing moves but what stood on a port that failed.
        if (!bad.has(before)) expect(now).toBe(before);
        const group = Array.from({ length: 32 }, (_, i) => i).filter((i) => backends(i) === backends(before));
        if (group.some((i) => !bad.has(i))) expect(backends(now)).toBe(backends(before));
        at.set(home, now);
      }
    }
  });

  it('shares what a dead instance had among the others', () => {
    const { set, publish, portOf } = withBackends();
    for (let port = 0; port < 32; port += 3) set(port, PORT_BAD);
    publish();
    const taken = new Set(Array.from({ length: 11 }, (_, i) => portOf(3 * i)));
    expect(taken.size).toBeGreaterThan(3);
  });

  it('takes up ports again after all had failed', () => {
    const { set, publish, portOf } = withBackends();
    for (let port = 0; port < 32; port++) set(port, PORT_BAD);
    publish();
    expect(portOf(4)).toBeLessThan(0);
    set(8, PORT_HEALTHY);
    publish();
    for (let home = 0; home < 32; home++) expect(portOf(home)).toBe(8);
  });
});

describe('what answers again', () => {
  it('comes back in the order of failure-free time, only until half are usable', () => {
    const { set, publish, back, table, ofPort } = bench(FORM_BITMAP);
    for (let port = 0; port < 20; port++) set(port, PORT_RESTING);
    for (let port = 0; port < 20; port++) table.ports.failureFreeSince[ofPort(port)] = 1000 - port;
    publish();
    expect(back).toEqual([19, 18, 17, 16]);
  });

  it('a replacement is one known to be healthy, the longest without failure', () => {
    const { set, publish, portOf, table, ofPort } = bench(FORM_STRIDES);
    const minutes = 60_000_000;
    for (let port = 2; port < 32; port += 4) table.ports.failureFreeSince[ofPort(port)] = 10 * minutes;
    set(18, PORT_UNKNOWN);
    table.ports.failureFreeSince[ofPort(18)] = 0;
    table.ports.failureFreeSince[ofPort(22)] = minutes;
    set(6, PORT_BAD);
    publish();
    expect(portOf(2)).toBe(22);
  });

  it('ports beyond those of homes are used when they have answered', () => {
    const { set, publish, fast, peer } = bench(FORM_BITMAP);
    publish();
    expect(fast.uses(peer, 40)).toBe(false);
    set(40, PORT_HEALTHY);
    publish();
    expect(fast.uses(peer, 40)).toBe(true);
  });
});
