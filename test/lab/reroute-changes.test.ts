// `selvage reroute` over an IPv6 underlay, while the device goes, comes back, and sends from another address.
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Lab } from '../../lab/lab.ts';
import { batch } from '../../lab/tools.ts';
import { topologyOf } from '../../lab/topology.ts';
import { eventually } from './eventually.ts';
import { FabricView } from './fabric-view.ts';
import { addIpv6, ipv6Of } from './ipv6-fabric.ts';
import { RerouteHost } from './reroute-host.ts';
import { hasRights, needBpf, needRights } from './rights.ts';
import { Transfer } from './transfer.ts';

needRights();
needBpf();

const DEVICE = 'vx6';
const PORT = 4789;
const VTEP = { host1: ipv6Of('10.0.1.1'), host2: ipv6Of('10.0.2.1') } as const;
const INNER = { host1: '192.168.66.1', host2: '192.168.66.2' } as const;
const MOVED = ipv6Of('10.0.1.77');
const MEGABYTE = 1_000_000;
type Host = keyof typeof VTEP;

let lab: Lab;
let fabric: FabricView;
let one: RerouteHost;
beforeAll(async () => {
  if (!hasRights) return;
  const racks = [
    { name: 'rack1', leaf: 'leaf1', hosts: ['host1'] },
    { name: 'rack2', leaf: 'leaf2', hosts: ['host2'] },
  ];
  lab = await Lab.up({ topology: topologyOf({ racks, spines: ['spine1', 'spine2', 'spine3', 'spine4'] }) });
  fabric = new FabricView(lab, PORT);
  await addIpv6(lab);
  await addDevice('host1');
  await addDevice('host2');
  one = await RerouteHost.start(lab, 'host1', DEVICE);
  await RerouteHost.start(lab, 'host2', DEVICE);
});
afterAll(() => lab?.down());

async function addDevice(host: Host, local: string = VTEP[host]): Promise<void> {
  const { netns } = lab.node(host);
  const peer = VTEP[host === 'host1' ? 'host2' : 'host1'];
  await batch('ip', netns, [
    `link add ${DEVICE} mtu 1400 type vxlan id 66 local ${local} dstport ${PORT} nolearning`,
    `address add ${INNER[host]}/24 dev ${DEVICE}`,
    `link set dev ${DEVICE} up`,
  ]);
  await batch('bridge', netns, [`fdb append 00:00:00:00:00:00 dev ${DEVICE} dst ${peer} self permanent`]);
}

const removeDevice = () => batch('ip', lab.node('host1').netns, [`link delete ${DEVICE}`]);

function transfer(): Promise<Transfer> {
  return Transfer.start(lab, 'host1', 'host2', INNER.host2);
}

async function agrees(address: string): Promise<void> {
  await eventually('both to agree', async () => {
    const status = await one.status().catch(() => undefined);
    return status?.address === address && status.peers.some(({ state }) => state === 'speaks');
  });
}

it('goes round a spine that swallows packets', async () => {
  await agrees('fd00::a00:101');
  const flow = await transfer();
  const spine = await fabric.busiestSpine('leaf1', () => flow.progress(2 * MEGABYTE));
  await fabric.swallow(spine);
  await flow.progress(3 * MEGABYTE);
  await eventually('an explanation', async () =>
    (await one.why('fd00::a00:201')).some(({ event }) => event === 'port-left'),
  );
  await fabric.heal(spine);
  const { sent, received } = await flow.stop();
  expect(received).toBe(sent);
});

it('waits for a device that is gone, and goes on when it is back', async () => {
  await removeDevice();
  await one.says(/There is no device vx6 here\. .* Waits until that is different/);
  await addDevice('host1');
  await one.says(/Reroutes vx6[\s\S]*Reroutes vx6/);
  await agrees('fd00::a00:101');
  const flow = await transfer();
  const { sent, received } = await flow.stop();
  expect(received).toBe(sent);
});

it('follows the device to another address', async () => {
  await batch('ip', lab.node('host1').netns, [`address add ${MOVED}/128 dev leaf1 nodad`]);
  await batch('ip', lab.node('leaf1').netns, [`route add ${MOVED}/128 dev host1`]);
  await removeDevice();
  await addDevice('host1', MOVED);
  const toMoved = [`fdb append 00:00:00:00:00:00 dev ${DEVICE} dst ${MOVED} self permanent`];
  await batch('bridge', lab.node('host2').netns, toMoved);
  await one.says(/Reroutes vx6: UDP port 4789 from fd00::a00:14d by leaf1/);
  await agrees('fd00::a00:14d');
  const flow = await transfer();
  const spine = await fabric.busiestSpine('leaf1', () => flow.progress(2 * MEGABYTE));
  await fabric.swallow(spine);
  await flow.progress(2 * MEGABYTE);
  await fabric.heal(spine);
  const { sent, received } = await flow.stop();
  expect(received).toBe(sent);
});
