// `selvage reroute` where several VXLAN devices share a UDP port: those of one address have one process and one table, those
// of the other family a process of their own, and whoever would write another's table is refused.
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Lab } from '../../lab/lab.ts';
import { batch } from '../../lab/tools.ts';
import { eventually } from './eventually.ts';
import { RerouteHost, rerouteCommand } from './reroute-host.ts';
import { CABLE, OVERLAYS, upRerouteHosts } from './reroute-hosts.ts';
import { hasRights, needBpf, needRights } from './rights.ts';

needRights();
needBpf();

const [first, elsewhere, overIpv6] = OVERLAYS as [
  (typeof OVERLAYS)[0],
  (typeof OVERLAYS)[0],
  (typeof OVERLAYS)[0],
];
const HOSTS = ['host1', 'host2'] as const;
const PEER = first.vteps[1];

let lab: Lab;
let one: RerouteHost;
beforeAll(async () => {
  if (!hasRights) return;
  lab = await upRerouteHosts();
  for (const host of HOSTS) {
    await addDevice(host, 'second', 801, first);
    await addDevice(host, 'third', 802, first);
    await addDevice(host, 'six', 803, { ...overIpv6, port: first.port });
  }
  await RerouteHost.start(lab, 'host2', [first.device, 'second']);
  one = await RerouteHost.start(lab, 'host1', [first.device, 'second']);
});
afterAll(() => lab?.down());

async function addDevice(
  host: (typeof HOSTS)[number],
  name: string,
  id: number,
  { vteps, port }: typeof first,
) {
  const own = HOSTS.indexOf(host);
  await batch('ip', lab.node(host).netns, [
    `link add ${name} type vxlan id ${id} local ${vteps[own]} remote ${vteps[1 - own]} dstport ${port} dev ${CABLE}`,
    `address add ${inside(id, own)}/24 dev ${name}`,
    `link set dev ${name} up`,
  ]);
}

const inside = (id: number, host: number) => `10.98.${id - 800}.${host + 1}`;

async function refusal(...devices: string[]): Promise<string> {
  const { stderr } = await lab.run('host1', rerouteCommand(lab, 'host1', devices), { anyStatus: true });
  return stderr;
}

it('both have the ports of one table', async () => {
  await one.says(/agreed with it/);
  await lab.run('host1', ['ping', '-q', '-c', '3', '-i', '0.01', '-W', '5', inside(801, 1)]);
  await eventually('its port to be used', async () => (await one.paths(PEER)).some(({ inUse }) => inUse));
  expect(await one.status()).toMatchObject({ dev: first.device, devices: [first.device, 'second'] });
});

it('what one process has, another may not, and what has other paths has another', async () => {
  expect(await refusal('second')).toContain('second is being rerouted already');
  expect(await refusal('third')).toMatch(/Process \d+ reroutes UDP port 8473 here[\s\S]*--dev/);
  expect(await refusal('third', elsewhere.device)).toMatch(/different paths[\s\S]*Start a process for each/);
  expect((await one.status()).peers).not.toEqual([]);
});

it('the other family has a process of its own, of the same port', async () => {
  const six = await RerouteHost.start(lab, 'host1', 'six');
  await six.end();
  expect((await one.status()).peers).not.toEqual([]);
});

it('goes on with one when the other goes, and with both when it is back', async () => {
  await batch('ip', lab.node('host1').netns, ['link delete second']);
  await one.says(/Now it is vxlan1 by cable/);
  await addDevice('host1', 'second', 801, first);
  await one.says(/Now it is vxlan1 and second by cable/);
});
