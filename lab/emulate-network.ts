// The namespace of a program behind an emulated link, its addresses, and what a run that was killed left behind. Runs may
// be nested, as Mahimahi's shells: a program behind one link may start another. The namespace around an inner one passes
// its packets on under its own address, so that the outermost side needs to know no route.
import { mkdirSync, readdirSync, readlinkSync, rmSync, statSync, writeFileSync } from 'node:fs';
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
}

/** Four addresses of 100.64.0.0/10 (RFC 6598) that no route in the caller's namespace singles out. */
export async function freeSubnet(): Promise<Subnet> {
  const routes: { dst: string }[] = JSON.parse(
    await tool('ip', undefined, ['-json', 'route', 'show', 'table', 'all']),
  );
  const used = routes
    .map(({ dst }) => parseCidr(dst.includes('/') ? dst : `${dst}/32`))
    .filter((route) => route?.family === 4 && route.prefixLength > SHARED_PREFIX_LENGTH) as Cidr[];
  for (let number = 0; number < SUBNETS; number++) {
    const first = SHARED_SPACE + number * 4;
    const subnet: Cidr = { family: 4, address: first, prefixLength: 30 };
    if (used.some((route) => overlap(route, subnet))) continue;
    return { tap: `emu${number}`, gateway: formatIpv4(first + 1), address: formatIpv4(first + 2) };
  }
  throw new SelvageError('in-use', 'No four addresses of 100.64.0.0/10 are free here.', {
    hint: 'End other emulated links, or remove routes in that range.',
  });
}

const SHARED_SPACE = parseIpv4('100.64.0.0')!;
const SHARED_PREFIX_LENGTH = 10;
const SUBNETS = 2 ** (30 - SHARED_PREFIX_LENGTH);

function overlap(one: Cidr, other: Cidr): boolean {
  if (one.family !== 4 || other.family !== 4) return false;
  return cidrContainsIpv4(one, other.address) || cidrContainsIpv4(other, one.address);
}

/** The TAPs of the emulator, on both sides. */
export function tapEnds({ tap }: Subnet, netns: string) {
  return [{ tap }, { netns, tap: UPLINK }] as const;
}

export async function addressEnds({ tap, gateway, address }: Subnet, netns: string): Promise<void> {
  const bringUp = (name: string) => [
    `link set dev ${name} mtu ${MTU} txqueuelen ${TAP_QUEUE_FRAMES} addrgenmode none`,
    `link set dev ${name} up`,
  ];
  await batch('ip', undefined, [`address add ${gateway}/30 dev ${tap}`, ...bringUp(tap)]);
  await batch('ip', netns, [
    'link set dev lo up',
    `address add ${address}/30 dev ${UPLINK}`,
    ...bringUp(UPLINK),
    `route add default via ${gateway}`,
  ]);
}

/** Whether this process is itself behind an emulated link, in the namespace that was made for it. */
export function isNested(): boolean {
  const own = readlinkSync('/proc/self/ns/net');
  return namespacesWithPrefix(NAMESPACE_PREFIX).some(
    (name) => own === `net:[${statSync(netnsPath(name), { throwIfNoEntry: false })?.ino}]`,
  );
}

/** In the namespace of this process, which is one of ours. */
export async function passOnPackets(): Promise<void> {
  writeFileSync('/proc/sys/net/ipv4/ip_forward', '1');
  const script = [
    'add table ip selvage_emulate',
    'add chain ip selvage_emulate leaving { type nat hook postrouting priority 100; }',
    'flush chain ip selvage_emulate leaving',
    `add rule ip selvage_emulate leaving oifname "${UPLINK}" masquerade`,
  ];
  await tool('nft', undefined, ['-f', '-'], `${script.join('\n')}\n`);
}

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
