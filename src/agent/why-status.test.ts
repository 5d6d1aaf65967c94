// What the agent makes of its switches' accounts, for `selvage why`: of one spine that dies, in virtual time.
import { expect, it } from 'vitest';
import { frameBetween, type Layout, vtepOf } from '../../test/vswitch/tenants.ts';
import { worldOf } from '../../test/vswitch/world.ts';
import { numbered } from '../../test/wire/frames.ts';
import { formatHostAddress } from '../wire/address.ts';
import { accountOf } from './decision-report.ts';
import { filteredWhy } from './filters.ts';

const layout: Layout = { vni: 77, reliable: true, hosts: [[1], [2], [3]] };
const PORTS = 50_000;
const PEER = formatHostAddress(vtepOf(1));

/** Host 0 talks to both others; to host 1 its slots' first source ports die, but for two. */
async function asked(query: string) {
  const { world, hosts } = worldOf([layout]);
  const [host] = hosts;
  const send = () => {
    for (const to of [2, 3]) host!.send(0, frameBetween(1, to, { udp: {}, payload: numbered(200) }));
    world.pass(500);
  };
  for (let i = 0; i < 100; i++) send();
  world.loses = ({ from, to, slot }) => from === vtepOf(0) && to === vtepOf(1) && slot < 6;
  for (let i = 0; i < 1000; i++) send();
  const account = () => accountOf(host!.vswitch, world.clock.nowMicros);
  return filteredWhy(new URLSearchParams(query), async () => [account(), account()], PORTS);
}

it('names source ports, says what moved where and why, and is about the peer that was asked for', async () => {
  const { decisions, peers } = await asked(`to=${PEER}`);
  expect(new Set(decisions.map(({ vtep }) => vtep))).toEqual(new Set([PEER]));
  const ofFirst = decisions.filter(({ thread }) => thread === 0);
  expect(ofFirst.length * 2).toBe(decisions.length);
  const moves = ofFirst.filter(({ event }) => event === 'slot-moved');
  expect(moves.length).toBeGreaterThanOrEqual(4);
  for (const { slot, sourcePort, nextPort, because } of moves) {
    expect(sourcePort).toBe(PORTS + slot!);
    expect(nextPort).toBeGreaterThanOrEqual(PORTS + 8);
    expect(because).toBe('fault');
  }
  const times = decisions.map(({ secondsAgo }) => secondsAgo);
  expect(times).toEqual(times.toSorted((a, b) => b - a));
  const [{ mode, candidates }] = peers as [(typeof peers)[number]];
  expect(mode).toBe('full');
  const bad = candidates.filter(({ state }) => state === 'bad');
  expect(bad.length).toBeGreaterThanOrEqual(4);
  for (const { sourcePort, slot, probes } of bad) {
    expect(sourcePort).toBeLessThan(PORTS + 6);
    expect(slot).toBeUndefined();
    // At most the first says nothing, where it was not known yet by which slot an answer would come.
    expect(probes.lost).toBeGreaterThan(0);
    expect(probes.sent - probes.lost).toBeLessThanOrEqual(1);
  }
});

it('says of a peer whose paths work that nothing was decided', async () => {
  const other = formatHostAddress(vtepOf(2));
  const { decisions, peers } = await asked(`to=${other}`);
  expect(decisions).toEqual([]);
  expect(peers.map(({ vtep, mode, switches }) => [vtep, mode, switches])).toEqual([
    [other, 'partial', 0],
    [other, 'partial', 0],
  ]);
});

it('refuses what is no address before anybody is asked', async () => {
  const nobody = () => Promise.reject(new Error('was asked'));
  for (const query of ['to=there', 'from=10.0.0.1'])
    await expect(filteredWhy(new URLSearchParams(query), nobody, PORTS)).rejects.toMatchObject({
      code: 'bad-input',
    });
});
