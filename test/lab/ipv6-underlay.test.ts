// The overlay over an IPv6 fabric, with packets as large as the fabric takes.
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { AgentConfig } from '../../lab/agents.ts';
import type { Lab } from '../../lab/lab.ts';
import { batch } from '../../lab/tools.ts';
import { statusOf } from './agent-program.ts';
import { eventually } from './eventually.ts';
import { hasRights, needRights } from './rights.ts';
import { Transfer } from './transfer.ts';
import { upTwoHosts } from './two-hosts.ts';

needRights();

const VTEP: Readonly<Record<string, string>> = { host1: 'fd00:1::1', host2: 'fd00:2::1' };
const JUMBO_MTU = 9000;

let lab: Lab;
beforeAll(async () => {
  if (!hasRights) return;
  lab = await upTwoHosts();
  const netns = (name: string) => lab.node(name).netns;
  for (const [host, vtep] of Object.entries(VTEP)) {
    const via = vtep.replace('::1', '::f');
    await batch('ip', netns('leaf1'), [
      `link set dev ${host} mtu ${JUMBO_MTU}`,
      `address add ${via}/64 dev ${host} nodad`,
    ]);
    await batch('ip', netns(host), [
      `link set dev leaf1 mtu ${JUMBO_MTU}`,
      `address add ${vtep}/64 dev leaf1 nodad`,
      `route add ::/0 via ${via} dev leaf1`,
    ]);
  }
  await lab.run('leaf1', ['sh', '-c', 'echo 1 > /proc/sys/net/ipv6/conf/all/forwarding']);
  await lab.startAgents(['host1', 'host2'], { edit: overIpv6 });
});
afterAll(() => lab?.down());

/** The same host, addressed by its IPv6 address. */
function overIpv6(config: AgentConfig): AgentConfig {
  const vtepOf = new Map(Object.entries(VTEP).map(([host, vtep]) => [lab.node(host).address, vtep]));
  return {
    ...config,
    underlay: { ...config.underlay, address: VTEP[config.host]!, mtu: JUMBO_MTU },
    vnis: config.vnis.map((vni) => ({
      ...vni,
      remotes: vni.remotes.map((remote) => ({ ...remote, vtep: vtepOf.get(remote.vtep)! })),
    })),
  };
}

it('carries TCP on reliable connections', async () => {
  const transfer = await Transfer.start(lab, 'tenant1', 'tenant2');
  await transfer.progress();
  const { sent, received } = await transfer.stop();
  expect(received).toBe(sent);
  const { connections, underlay, peers, vnics } = await statusOf(lab, 'host1');
  expect(underlay).toMatchObject({ address: VTEP['host1'], mtu: JUMBO_MTU });
  expect(connections).toMatchObject([{ vtep: VTEP['host2'], state: 'established' }]);
  expect(peers[0]!.slots.every(({ state }) => state === 'healthy')).toBe(true);
  // 9000 less IPv6, UDP, VXLAN, data header, virtio_net_hdr and Ethernet.
  expect(vnics).toMatchObject([{ mtu: 8904 }]);
});

it('finds the routers on the way of each slot', async () => {
  const via = VTEP['host1']!.replace('::1', '::f');
  const slots = async () => (await statusOf(lab, 'host1')).peers[0]!.slots;
  await eventually('all hops', async () => (await slots()).every(({ hops }) => String(hops) === via));
  expect((await slots()).map(({ route }) => route)).toEqual(Array(8).fill(1));
});

it('carries jumbo packets whole', async () => {
  const size = 8904 - 28;
  const to = lab.tenant('tenant2').selvage.address;
  const { stdout } = await lab.run('tenant1', [
    'ping',
    '-M',
    'do',
    '-c',
    '2',
    '-i',
    '0.05',
    '-s',
    String(size),
    to,
  ]);
  expect(stdout).toContain('2 received');
});
