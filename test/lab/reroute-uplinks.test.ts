// `selvage reroute` on a host with two uplinks, where routes send the overlay's packets by another than a raw socket's: probes
// leave by the one that tenants' packets take, since only the paths behind that matter, and follow them to the other.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Lab } from '../../lab/lab.ts';
import { batch, tool } from '../../lab/tools.ts';
import { eventually } from './eventually.ts';
import { RerouteHost } from './reroute-host.ts';
import { hasRights, needBpf, needRights } from './rights.ts';
import { upTwoHosts } from './two-hosts.ts';

needRights();
needBpf();

const HOSTS = ['host1', 'host2'] as const;
const UPLINKS = ['upa', 'upb'] as const;
type Uplink = (typeof UPLINKS)[number];

interface Family {
  readonly name: string;
  readonly device: string;
  readonly port: number;
  readonly vtep: (host: number) => string;
  readonly link: (uplink: number, host: number) => string;
  readonly inside: (host: number) => string;
}

const FAMILIES: readonly Family[] = [
  {
    name: 'IPv4',
    device: 'vx4',
    port: 8472,
    vtep: (host) => `10.50.0.${host}`,
    link: (uplink, host) => `10.5${uplink}.0.${host}`,
    inside: (host) => `10.60.4.${host}`,
  },
  {
    name: 'IPv6',
    device: 'vx6',
    port: 8473,
    vtep: (host) => `fd50::${host}`,
    link: (uplink, host) => `fd5${uplink}::${host}`,
    inside: (host) => `10.60.6.${host}`,
  },
];

let lab: Lab;
beforeAll(async () => {
  if (!hasRights) return;
  lab = await upTwoHosts([]);
  const cables = UPLINKS.map(
    (name) => `link add ${name} type veth peer name ${name} netns ${netns('host2')}`,
  );
  await batch('ip', netns('host1'), cables);
  for (const host of HOSTS) await addOverlays(host);
  const counters = FAMILIES.flatMap(({ port }) => UPLINKS.map((uplink) => `probes_${port}_${uplink}`));
  const rules = FAMILIES.flatMap(({ port }) =>
    UPLINKS.map(
      (uplink) =>
        `udp dport ${port} @th,64,24 0xffeedd oifname ${uplink} counter name probes_${port}_${uplink}`,
    ),
  );
  const chain = `chain seen { type filter hook postrouting priority 0; ${rules.join('; ')}; }`;
  const declared = counters.map((name) => `counter ${name} {}`).join('\n');
  await tool('nft', netns('host1'), ['-f', '-'], `table inet seen {\n${declared}\n${chain}\n}`);
});
afterAll(() => lab?.down());

const netns = (host: (typeof HOSTS)[number]) => lab.node(host).netns;

/** A raw socket's packets leave by the first uplink, the overlay's by the second. */
async function addOverlays(host: (typeof HOSTS)[number]): Promise<void> {
  const [own, peer] = host === 'host1' ? [1, 2] : [2, 1];
  await lab.run(host, [
    'sysctl',
    '-qw',
    'net.ipv4.conf.all.rp_filter=0',
    'net.ipv4.conf.default.rp_filter=0',
    ...UPLINKS.map((uplink) => `net.ipv6.conf.${uplink}.accept_dad=0`),
  ]);
  const lines = FAMILIES.flatMap(({ name, device, port, vtep, link, inside }) => {
    const [whole, part, flags] = name === 'IPv4' ? [32, 24, ''] : [128, 64, 'nodad'];
    return [
      `address add ${vtep(own)}/${whole} dev lo ${flags}`,
      ...UPLINKS.map((uplink, i) => `address add ${link(i + 1, own)}/${part} dev ${uplink} ${flags}`),
      `route add ${vtep(peer)} via ${link(1, peer)} src ${vtep(own)}`,
      `route add default via ${link(2, peer)} src ${vtep(own)} metric 5`,
      `link add ${device} mtu 1400 type vxlan id 9 local ${vtep(own)} remote ${vtep(peer)} dstport ${port}`,
      `address add ${inside(own)}/24 dev ${device}`,
      `link set dev ${device} up`,
    ];
  });
  await batch('ip', netns(host), [
    'link set dev lo up',
    ...UPLINKS.map((uplink) => `link set dev ${uplink} up`),
    ...lines,
  ]);
  if (host === 'host2') return;
  for (const family of FAMILIES) {
    const version = family.name === 'IPv4' ? '-4' : '-6';
    const rule = ['rule', 'add', 'ipproto', 'udp', 'dport', `${family.port}`, 'lookup', '100'];
    await tool('ip', netns(host), [version, ...rule]);
    await leaveBy(family, 'upb');
  }
}

async function leaveBy({ name, vtep, link }: Family, uplink: Uplink): Promise<void> {
  const version = name === 'IPv4' ? '-4' : '-6';
  const via = link(UPLINKS.indexOf(uplink) + 1, 2);
  const route = ['route', 'replace', vtep(2), 'via', via, 'src', vtep(1), 'table', '100'];
  await tool('ip', netns('host1'), [version, ...route]);
}

async function probes({ port }: Family): Promise<Record<Uplink, number>> {
  const text = await tool('nft', netns('host1'), ['-j', 'list', 'counters', 'table', 'inet', 'seen']);
  const entries: { counter?: { name: string; packets: number } }[] = JSON.parse(text).nftables;
  const of = (uplink: Uplink) =>
    entries.find(({ counter }) => counter?.name === `probes_${port}_${uplink}`)!.counter!.packets;
  return { upa: of('upa'), upb: of('upb') };
}

describe.each(FAMILIES.map((family) => [family.name, family] as const))('over %s', (_name, family) => {
  it('probes leave by the card that tenants’ packets leave by', async () => {
    await RerouteHost.start(lab, 'host2', family.device);
    const one = await RerouteHost.start(lab, 'host1', family.device);
    await one.says(/agreed with it/);
    const ping = await lab.exec('host1', ['ping', '-q', '-i', '0.05', family.inside(2)], { stdio: 'ignore' });
    for (const [uplink, other] of [
      ['upb', 'upa'],
      ['upa', 'upb'],
    ] as const) {
      await leaveBy(family, uplink);
      const before = await probes(family);
      await eventually('a probe by that card', async () => (await probes(family))[uplink] > before[uplink]);
      const turned = await probes(family);
      await eventually('more of them', async () => (await probes(family))[uplink] > turned[uplink] + 5);
      expect((await probes(family))[other]).toBe(turned[other]);
    }
    ping.kill();
  });
});
