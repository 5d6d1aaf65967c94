// The eight slots of a peer on the routes of a fabric with four spines: found by TTL, evenly used, and found again when
// a spine leaves and comes back. Which spine a source port takes is asked of the leaf's own routing table.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Lab } from '../../lab/lab.ts';
import { topologyOf } from '../../lab/topology.ts';
import type { SlotStatus } from '../../src/agent/reports/status.ts';
import { VXLAN_PORT } from '../../src/wire/vxlan.ts';
import { SELVAGE, statusOf } from './agent-program.ts';
import { eventually } from './eventually.ts';
import { hasRights, needRights } from './rights.ts';
import { Transfer } from './transfer.ts';

needRights();

const HOSTS = ['host1', 'host2'] as const;
const LEAF = { host1: 'leaf1', host2: 'leaf2' } as const;
type Host = (typeof HOSTS)[number];
/** Source port and route of each slot where nothing is known. */
const UNMOVED = Array.from({ length: 8 }, (_, slot) => [49_152 + slot, 0]);

let lab: Lab;
beforeAll(async () => {
  if (!hasRights) return;
  const fields = {
    mtu: 1500,
    racks: [
      { name: 'rack1', leaf: 'leaf1', hosts: ['host1'] },
      { name: 'rack2', leaf: 'leaf2', hosts: ['host2'] },
    ],
    spines: ['spine1', 'spine2', 'spine3', 'spine4'],
  };
  lab = await Lab.up({ topology: topologyOf(fields) });
  await lab.startAgents(['host1']);
  // Without the right to hear ICMP.
  await lab.startAgents(['host2'], {
    command: ['setpriv', '--bounding-set=-net_raw', '--inh-caps=-net_raw', ...SELVAGE],
  });
});
afterAll(() => lab?.down());

async function slotsOf(host: Host): Promise<readonly SlotStatus[]> {
  return (await statusOf(lab, host)).peers[0]!.slots;
}

/** The spine that the host's leaf sends the packets of a source port to. */
async function spineOf(host: Host, sourcePort: number): Promise<string> {
  const other = HOSTS.find((name) => name !== host)!;
  const [from, to] = [lab.node(host).address!, lab.node(other).address!];
  const ports = ['ipproto', 'udp', 'sport', String(sourcePort!), 'dport', String(VXLAN_PORT)];
  const command = ['ip', '-j', 'route', 'get', to, 'from', from, 'iif', host, ...ports];
  return JSON.parse((await lab.run(LEAF[host], command)).stdout)[0].dev;
}

/** How many slots take each spine, the fewest first; undefined as long as the agent believes something else. */
async function spread(host: Host): Promise<number[] | undefined> {
  const slots = await slotsOf(host);
  const counts = new Map<string, number>();
  for (const { sourcePort, hops } of slots) {
    const spine = await spineOf(host, sourcePort!);
    if (hops[1] !== lab.node(spine).address) return undefined;
    counts.set(spine, (counts.get(spine) ?? 0) + 1);
  }
  return [...counts.values()].sort();
}

describe('eight slots', () => {
  it('take four spines, two each', async () => {
    const transfer = await Transfer.start(lab, 'tenant1', 'tenant2');
    await eventually('the slots', async () => String(await spread('host1')) === '2,2,2,2');
    const slots = await slotsOf('host1');
    expect(new Set(slots.map(({ route }) => route))).toEqual(new Set([1, 2, 3, 4]));
    expect(new Set(slots.map(({ sourcePort }) => sourcePort)).size).toBe(8);
    const { sent, received } = await transfer.stop();
    expect(received).toBe(sent);
  });

  it('stay where they are, and it is said once, without the right to hear ICMP', async () => {
    const slots = await slotsOf('host2');
    expect(slots.map(({ sourcePort, route }) => [sourcePort, route])).toEqual(UNMOVED);
    const log = readFileSync(join(lab.runFolder, 'host2.log'), 'utf8');
    expect(log.match(/Routes are not looked for, .* EPERM.*CAP_NET_RAW/g)).toHaveLength(1);
  });

  it('take what is left while a spine is away, and it again when it is back', async () => {
    // As routers of hardware do, they answer ten a second instead of one.
    for (const { name, role } of lab.topology.nodes) {
      if (role !== 'leaf' && role !== 'spine') continue;
      await lab.run(name, ['/bin/sh', '-c', 'echo 100 > /proc/sys/net/ipv4/icmp_ratelimit']);
    }
    for (const leaf of ['leaf1', 'leaf2']) await lab.setLink(`${leaf}-spine2`, { carrier: 'down' });
    await eventually('three spines', async () => String(await spread('host1')) === '2,3,3', 60_000);
    for (const leaf of ['leaf1', 'leaf2']) await lab.resetLink(`${leaf}-spine2`);
    await eventually('four spines', async () => String(await spread('host1')) === '2,2,2,2', 60_000);
  });

  it('leave a spine that swallows everything, and take it again when it does not', async () => {
    const transfer = await Transfer.start(lab, 'tenant1', 'tenant2');
    for (const leaf of ['leaf1', 'leaf2']) await lab.setLink(`${leaf}-spine3`, { blackhole: 'both' });
    await eventually('slots that work, and none by that spine', async () => {
      await transfer.progress();
      const slots = await slotsOf('host1');
      if (slots.some(({ state }) => state !== 'healthy')) return false;
      const spines = await Promise.all(slots.map(({ sourcePort }) => spineOf('host1', sourcePort!)));
      return !spines.includes('spine3');
    });
    for (const leaf of ['leaf1', 'leaf2']) await lab.resetLink(`${leaf}-spine3`);
    await eventually('four spines', async () => String(await spread('host1')) === '2,2,2,2', 60_000);
    const { sent, received } = await transfer.stop();
    expect(received).toBe(sent);
  });

  it('stay where they are, and it is said once, when no router answers', async () => {
    await lab.stopAgents(['host1']);
    const rules = `table inet quiet {
  chain out {
    type filter hook output priority 0;
    icmp type time-exceeded drop
  }
}
`;
    for (const { name, role } of lab.topology.nodes) {
      if (role === 'leaf' || role === 'spine') await lab.run(name, ['nft', '-f', '-'], { input: rules });
    }
    await lab.startAgents(['host1']);
    const log = () => readFileSync(join(lab.runFolder, 'host1.log'), 'utf8');
    const sentence = /No router on the way to 10\.0\.2\.1 says that it is there/g;
    await eventually('a word about it', () => log().match(sentence) !== null);
    expect(log().match(sentence)).toHaveLength(1);
    expect((await slotsOf('host1')).map(({ sourcePort, route }) => [sourcePort, route])).toEqual(UNMOVED);
  });
});
