// For tests of rerouting's kernel half: two hosts with a cable of their own between them, and on it kernel VXLAN devices of
// each kind. What comes in at host2 is counted by source port.
import type { Lab } from '../../lab/lab.ts';
import { batch, tool } from '../../lab/tools.ts';
import type { UnderlayDevice } from '../../src/reroute/options.ts';
import { type HostAddress, parseIpv4, parseIpv6 } from '../../src/wire/address.ts';
import { upTwoHosts } from './two-hosts.ts';

export const CABLE = 'cable';
/** The table of the tests has all flows leave by this one. */
export const CHOSEN_PORT = 10_005;

export interface Overlay {
  readonly name: string;
  readonly device: string;
  readonly port: number;
  /** Of host1 and host2 in the underlay. */
  readonly vteps: readonly [string, string];
  /** And inside. */
  readonly inside: readonly [string, string];
  readonly settings: string;
}

const IPV4 = ['10.99.0.1', '10.99.0.2'] as const;
const IPV6 = ['fd00:99::1', 'fd00:99::2'] as const;

export const OVERLAYS: readonly Overlay[] = [
  overlay('IPv4', 1, IPV4, 'noudpcsum'),
  overlay('IPv4 with checksums', 2, IPV4, 'udpcsum'),
  overlay('IPv6', 3, IPV6, 'udp6zerocsumrx'),
];

function overlay(name: string, number: number, vteps: Overlay['vteps'], settings: string): Overlay {
  const inside = [`10.99.${number}.1`, `10.99.${number}.2`] as const;
  return { name, device: `vxlan${number}`, port: 8472 + number, vteps, inside, settings };
}

const HOSTS = ['host1', 'host2'] as const;

export async function upRerouteHosts(): Promise<Lab> {
  const lab = await upTwoHosts([]);
  const netns = (name: string) => lab.node(name).netns;
  await batch('ip', netns('host1'), [
    `link add ${CABLE} type veth peer name ${CABLE} netns ${netns('host2')}`,
  ]);
  for (const [i, host] of HOSTS.entries()) {
    await batch('ip', netns(host), [
      `address add ${IPV4[i]}/24 dev ${CABLE}`,
      `address add ${IPV6[i]}/64 dev ${CABLE} nodad`,
      `link set dev ${CABLE} up`,
      ...OVERLAYS.flatMap(({ device, port, vteps, inside, settings }, number) => [
        `link add ${device} type vxlan id ${700 + number} local ${vteps[i]} remote ${vteps[1 - i]} dstport ${port} dev ${CABLE} ${settings}`,
        `address add ${inside[i]}/24 dev ${device}`,
        `link set dev ${device} up`,
      ]),
    ]);
  }
  await tool('nft', netns('host2'), ['-f', '-'], counters());
  return lab;
}

/** Checksums are computed and bundles cut before packets cross the cable, as between machines. */
export async function setRealCable(lab: Lab, on: boolean): Promise<void> {
  for (const host of HOSTS) {
    await tool('ethtool', lab.node(host).netns, ['-K', CABLE, 'tx', on ? 'off' : 'on']);
  }
}

export async function cableOf(lab: Lab, host: string): Promise<UnderlayDevice> {
  const netns = lab.node(host).netns;
  const [{ ifindex }] = JSON.parse(await tool('ip', netns, ['-j', 'link', 'show', 'dev', CABLE]));
  return { name: CABLE, index: ifindex };
}

export function hostAddress(text: string): HostAddress {
  return (parseIpv4(text) ?? parseIpv6(text))!;
}

export interface Arrivals {
  readonly chosen: number;
  readonly other: number;
}

/** Packets of an overlay that host2 got, by source port. */
export async function arrivals(lab: Lab, { port }: Overlay): Promise<Arrivals> {
  const answer = await tool('nft', lab.node('host2').netns, [
    '-j',
    'list',
    'counters',
    'table',
    'inet',
    'seen',
  ]);
  const entries: { counter?: { name: string; packets: number } }[] = JSON.parse(answer).nftables;
  const packets = (name: string) => entries.find(({ counter }) => counter?.name === name)!.counter!.packets;
  return { chosen: packets(`chosen${port}`), other: packets(`other${port}`) };
}

/** Before anything looks at a checksum. */
function counters(): string {
  const lines = OVERLAYS.flatMap(({ port }) => [
    `udp dport ${port} udp sport ${CHOSEN_PORT} counter name chosen${port}`,
    `udp dport ${port} udp sport != ${CHOSEN_PORT} counter name other${port}`,
  ]);
  const names = OVERLAYS.flatMap(({ port }) => [`counter chosen${port} { }`, `counter other${port} { }`]);
  return `table inet seen {
${names.join('\n')}
chain seen { type filter hook prerouting priority -300;
${lines.join('\n')}
}
}`;
}
