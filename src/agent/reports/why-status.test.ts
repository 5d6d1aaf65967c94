// What the agent makes of its switches' accounts, for `selvage why`: of one spine that dies, in virtual time.
import { expect, it } from 'vitest';
import { frameBetween, type Layout, vtepOf } from '../../../test/vswitch/tenants.ts';
import { worldOf } from '../../../test/vswitch/world.ts';
import { numbered } from '../../../test/wire/frames.ts';
import { formatHostAddress } from '../../wire/address.ts';
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

it('says which slots were slow, where they moved, and which source ports are avoided for that', async () => {
  const { world, hosts } = worldOf([layout]);
  const [host] = hosts;
  world.delays = ({ from, to, slot }) =>
    from === vtepOf(0) && to === vtepOf(1) && slot % 8 === 3 ? 3000 : 0;
  for (let i = 0; i < 1500; i++) {
    host!.send(0, frameBetween(1, 2, { udp: {}, payload: numbered(200) }));
    world.pass(100_000);
  }
  const account = accountOf(host!.vswitch, world.clock.nowMicros);
  const { decisions, peers } = await filteredWhy(new URLSearchParams(), async () => [account], PORTS);
  const said = decisions.filter(({ slot }) => slot !== undefined);
  expect(said.map(({ event, slot, sourcePort, because }) => [event, slot, sourcePort, because])).toEqual([
    ['slot-slow', 3, PORTS + 3, undefined],
    ['slot-moved', 3, PORTS + 3, 'slowness'],
  ]);
  const slow = peers[0]!.candidates.filter(({ state }) => state === 'slow');
  expect(slow.map(({ sourcePort }) => sourcePort - PORTS)).toEqual([3, 11, 19, 27]);
  for (const { slot, rttMicros } of slow) {
    expect(slot).toBeUndefined();
    expect(rttMicros).toBeGreaterThan(3000);
  }
});

it('refuses what is no address before anybody is asked', async () => {
  const nobody = () => Promise.reject(new Error('was asked'));
  for (const query of ['to=there', 'from=10.0.0.1'])
    await expect(filteredWhy(new URLSearchParams(query), nobody, PORTS)).rejects.toMatchObject({
      code: 'bad-input',
    });
});

it('says which flow is held back at either end, and no more than of the peer that was asked for', async () => {
  const { world, hosts } = worldOf([layout]);
  const [one, two] = hosts;
  one!.send(0, frameBetween(1, 2, { udp: {}, payload: numbered(200) }));
  world.pass(300_000);
  two!.vnics[0]!.room = 0;
  for (let i = 0; i < 20; i++) {
    for (let n = 0; n < 20; n++) one!.send(0, frameBetween(1, 2, { udp: {}, payload: numbered(1300) }));
    world.pass(500);
  }
  const why = async (host: typeof one, to: string) =>
    filteredWhy(
      new URLSearchParams(`to=${to}`),
      async () => [accountOf(host!.vswitch, world.clock.nowMicros)],
      PORTS,
    );
  const { pauses: obeyed } = await why(one, PEER);
  const { pauses: asked } = await why(two, formatHostAddress(vtepOf(0)));
  const flow = 'udp 10.0.0.1:40001 > 10.0.0.2:7001';
  expect(obeyed).toMatchObject([{ event: 'flow-paused', vtep: PEER, thread: 0, flow }]);
  expect(asked).toMatchObject([{ event: 'flow-pause-asked', vtep: formatHostAddress(vtepOf(0)), flow }]);
  expect(obeyed[0]!.forSeconds).toBeUndefined();
  expect(obeyed[0]!.frames).toBe(asked[0]!.frames);
  expect((await why(one, formatHostAddress(vtepOf(2)))).pauses).toEqual([]);
});
