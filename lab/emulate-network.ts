// The namespace of a program behind an emulated link, its addresses, and what a run that was killed left behind. Runs may
// be nested, as Mahimahi's shells: a program behind one link may start others. Each link has a block of addresses, in
// which the links inside it have theirs, so every namespace knows the way in and out, and no address is translated.
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { SelvageError } from '../src/base/errors.ts';
import { netnsPath } from '../src/linux/netns.ts';
import { type Cidr, cidrContainsIpv4, formatIpv4, parseCidr, parseIpv4 } from '../src/wire/address.ts';
import { namespacesWithPrefix, removeNamespaces } from './namespaces.ts';
import { isAlive, processId } from './process.ts';
import { labsFolder } from './state.ts';
import { batch, tool } from './tools.ts';

const NAMESPACE_PREFIX = 'selvage.emulate.';
const UPLINK = 'uplink';
export const MTU = 1500;

/** Frames that wait in a TAP until the emulator's next turn: a burst of many connections. */
const TAP_QUEUE_FRAMES = 10_000;

/** What one run makes, all named after its process. */
export interface RunPlaces {
  readonly netns: string;
  readonly folder: string;
}

export function placesOfThisRun(): RunPlaces {
  const { pid, startTicks } = processId(process.pid)!;
  const owner = `${pid}.${startTicks}`;
  return { netns: `${NAMESPACE_PREFIX}${owner}`, folder: join(runsFolder(), owner) };
}

export interface Subnet {
  readonly tap: string;
  readonly gateway: string;
  readonly address: string;
  /** All that is reached by the address: its own link, and those inside it. */
  readonly block: string;
}

/**
 * Addresses for a link: the first four of a block that no route in the caller's namespace singles out. Not those that a
 * link had just now: what is left of its connections on this side would be sent again to the new program, and answered.
 */
export async function freeSubnet(nested: boolean): Promise<Subnet> {
  const routes = await ownRoutes();
  const parent = nested ? handedDown(routes) : { address: SHARED_SPACE, prefixLength: SHARED_PREFIX_LENGTH };
  const prefixLength = nested ? parent.prefixLength + NESTING_BITS : OUTERMOST_PREFIX_LENGTH;
  const used = routes.map(({ block }) => block).filter((block) => block.prefixLength > parent.prefixLength);
  const blocks = prefixLength > LINK_PREFIX_LENGTH ? 0 : 2 ** (prefixLength - parent.prefixLength);
  const first = countRun();
  for (let i = 0; i < blocks; i++) {
    const number = (first + i) % blocks;
    const address = parent.address + number * 2 ** (32 - prefixLength);
    if (used.some((route) => overlap(route, { address, prefixLength }))) continue;
    return {
      tap: `emu${number}`,
      gateway: formatIpv4(address + 1),
      address: formatIpv4(address + 2),
      block: `${formatIpv4(address)}/${prefixLength}`,
    };
  }
  throw new SelvageError('in-use', 'No addresses of 100.64.0.0/10 are free for another link here.', {
    hint: 'End other emulated links, nest them less deep, or remove routes in that range.',
  });
}

/** How many runs were before this one, which holds the lock. */
function countRun(): number {
  const file = join(labsFolder(), '.emulate-count');
  const text = existsSync(file) ? readFileSync(file, 'latin1') : '';
  const count = /^\d{1,15}$/.test(text) ? Number(text) : 0;
  writeFileSync(file, String(count + 1));
  return count;
}

/** Carrier-grade NAT's addresses (RFC 6598), which hosts do not use. */
const SHARED_SPACE = parseIpv4('100.64.0.0')!;
const SHARED_PREFIX_LENGTH = 10;
// 256 links beside each other, each with 15 inside it; four deep.
const OUTERMOST_PREFIX_LENGTH = 18;
const NESTING_BITS = 4;
const LINK_PREFIX_LENGTH = 30;

interface Block {
  readonly address: number;
  readonly prefixLength: number;
}

interface Route {
  readonly block: Block;
  readonly isUnreachable: boolean;
}

async function ownRoutes(): Promise<Route[]> {
  const routes: { dst: string; type?: string }[] = JSON.parse(
    await tool('ip', undefined, ['-json', 'route', 'show', 'table', 'all']),
  );
  return routes.flatMap(({ dst, type }) => {
    const parsed = parseCidr(dst.includes('/') ? dst : `${dst}/32`);
    return parsed?.family === 4 ? [{ block: parsed, isUnreachable: type === 'unreachable' }] : [];
  });
}

/** What the run around this one left for those inside it, in a route that leads nowhere. */
function handedDown(routes: readonly Route[]): Block {
  const shared = { address: SHARED_SPACE, prefixLength: SHARED_PREFIX_LENGTH };
  return routes.find(({ block, isUnreachable }) => isUnreachable && overlap(block, shared))?.block ?? shared;
}

function overlap(one: Block, other: Block): boolean {
  const a: Cidr = { family: 4, ...one };
  const b: Cidr = { family: 4, ...other };
  return cidrContainsIpv4(a, b.address) || cidrContainsIpv4(b, a.address);
}

/** The TAPs of the emulator, on both sides. */
export function tapEnds({ tap }: Subnet, netns: string) {
  return [{ tap }, { netns, tap: UPLINK }] as const;
}

export async function addressEnds({ tap, gateway, address, block }: Subnet, netns: string): Promise<void> {
  await batch('ip', undefined, [
    ...bringUp(tap, gateway, address),
    `route add ${block} via ${address} dev ${tap}`,
  ]);
  await batch('ip', netns, [
    'link set dev lo up',
    ...bringUp(UPLINK, address, gateway),
    `route add default via ${gateway}`,
    `route add unreachable ${block}`,
  ]);
}

/**
 * The link carries what programs send, and nothing of the kernels' own: it would wait in their queues and take losses from
 * the seed. So both ends know each other's MAC address, ask for none, have no address of IPv6, and announce no multicast groups.
 */
function bringUp(name: string, own: string, peer: string): string[] {
  return [
    `link set dev ${name} address ${macOf(own)} mtu ${MTU} txqueuelen ${TAP_QUEUE_FRAMES}`,
    `link set dev ${name} addrgenmode none arp off multicast off`,
    `address add ${own}/30 dev ${name}`,
    `link set dev ${name} up`,
    `neighbor replace ${peer} lladdr ${macOf(peer)} dev ${name} nud permanent`,
  ];
}

/** Locally administered. */
function macOf(address: string): string {
  const octets = address.split('.').map((octet) => Number(octet).toString(16).padStart(2, '0'));
  return ['02', '00', ...octets].join(':');
}

/** Whether this process is itself behind an emulated link, in the namespace that was made for it. */
export function isNested(): boolean {
  const own = readlinkSync('/proc/self/ns/net');
  return namespacesWithPrefix(NAMESPACE_PREFIX).some(
    (name) => own === `net:[${statSync(netnsPath(name), { throwIfNoEntry: false })?.ino}]`,
  );
}

/** Lets packets through the namespace of this process, which is one of ours. */
export function passOnPackets(): void {
  try {
    if (readFileSync(FORWARDING, 'latin1').trim() !== '1') writeFileSync(FORWARDING, '1');
  } catch (cause) {
    throw new SelvageError('unsupported', 'Packets cannot be passed on from one emulated link to the next.', {
      hint: `${FORWARDING} cannot be written: run this where /proc/sys is writable.`,
      cause,
    });
  }
}

const FORWARDING = '/proc/sys/net/ipv4/ip_forward';

/** A folder for each run, named after its process like its namespace. */
function runsFolder(): string {
  return join(labsFolder(), '.emulate');
}

/** Namespaces and folders of runs that were killed; their links went with their emulators. */
export async function removeLeftovers(): Promise<void> {
  // Ending what ran in one may leave those behind that were nested in it.
  for (let left = abandonedNamespaces(); left.length > 0; left = abandonedNamespaces()) {
    await removeNamespaces(left);
  }
  mkdirSync(runsFolder(), { recursive: true });
  for (const owner of readdirSync(runsFolder()).filter(isAbandoned)) {
    rmSync(join(runsFolder(), owner), { recursive: true, force: true });
  }
}

function abandonedNamespaces(): string[] {
  return namespacesWithPrefix(NAMESPACE_PREFIX).filter((name) =>
    isAbandoned(name.slice(NAMESPACE_PREFIX.length)),
  );
}

function isAbandoned(owner: string): boolean {
  const [pid, startTicks] = owner.split('.').map(Number);
  return !isAlive({ pid: pid!, startTicks: startTicks! });
}
