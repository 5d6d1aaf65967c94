// `selvage emulate`: a program behind one emulated link. The link's ends are TAPs, one in the caller's namespace and one
// in a namespace made for the program; an emulator process moves frames between them and ends when we do. However the
// command ends, program, link and namespace go with it; what a kill left is removed by the next run.
import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { SelvageError } from '../src/base/errors.ts';
import { type Cidr, cidrContainsIpv4, formatIpv4, parseCidr, parseIpv4 } from '../src/wire/address.ts';
import { mergeConditions, parseConditions } from './conditions.ts';
import { startEmulator, writeParameters } from './emulator/start.ts';
import { followChild, resolveProgram, spawnInNetns } from './execute.ts';
import { DEFAULT_QUEUE_PACKETS, type EmulatedLink } from './faults.ts';
import { beforeInterrupt } from './interrupt.ts';
import { withLock } from './lock.ts';
import { namespacesWithPrefix, removeNamespaces } from './namespaces.ts';
import { endProcess, isAlive, processId } from './process.ts';
import { labsFolder } from './state.ts';
import { batch, requirePrivilege, tool } from './tools.ts';

export interface EmulateTexts {
  readonly rate?: string;
  readonly delay?: string;
  readonly queue?: string;
}

const NAMESPACE_PREFIX = 'selvage.emulate.';
const UPLINK = 'uplink';
const MTU = 1500;
const LOCK_WAIT_MILLIS = 30_000;

/** Runs the program to its end; its exit status. */
export async function emulate(command: readonly string[], texts: EmulateTexts): Promise<number> {
  const link = readLink(texts);
  requirePrivilege();
  await resolveProgram(command[0]);
  const cleanups: (() => Promise<void>)[] = [];
  const cleanUp = async () => {
    for (let step = cleanups.pop(); step !== undefined; step = cleanups.pop()) await step();
  };
  const forgetInterrupt = beforeInterrupt(cleanUp);
  try {
    const { netns, gateway } = await withLock(
      join(labsFolder(), '.lock-emulate'),
      LOCK_WAIT_MILLIS,
      async () => {
        await removeLeftovers();
        return connect(link, cleanups);
      },
    );
    const env = { ...process.env, SELVAGE_GATEWAY: gateway };
    const child = await spawnInNetns(netns, command, { stdio: 'inherit', env });
    // From here on signals are the program's.
    forgetInterrupt();
    return await followChild(child);
  } finally {
    await cleanUp();
    forgetInterrupt();
  }
}

function readLink(texts: EmulateTexts): EmulatedLink {
  const change = parseConditions(texts, { name: 'link', a: 'here', b: 'there' });
  const {
    rateBitsPerSecond,
    delayMicros = 0,
    queuePackets = DEFAULT_QUEUE_PACKETS,
  } = mergeConditions({}, change);
  return { delayMicros, queuePackets, ...(rateBitsPerSecond !== undefined && { rateBitsPerSecond }) };
}

/** Makes namespace and link; whatever is made says first how it is undone. */
async function connect(
  link: EmulatedLink,
  cleanups: (() => Promise<void>)[],
): Promise<{ netns: string; gateway: string }> {
  const { pid, startTicks } = processId(process.pid)!;
  const owner = `${pid}.${startTicks}`;
  const folder = join(runsFolder(), owner);
  mkdirSync(folder, { recursive: true });
  cleanups.push(async () => rmSync(folder, { recursive: true, force: true }));
  const netns = `${NAMESPACE_PREFIX}${owner}`;
  cleanups.push(() => removeNamespaces(namespacesWithPrefix(netns)));
  await batch('ip', undefined, [`netns add ${netns}`]);
  const { number, gateway, address } = await freeSubnet();
  const tap = `emu${number}`;
  const parametersFile = join(folder, 'parameters.json');
  writeParameters(parametersFile, link);
  const ends = [{ tap }, { netns, tap: UPLINK }] as const;
  const files = { parametersFile, countsFile: join(folder, 'counts.json') };
  const emulator = await startEmulator(
    { ends, mtu: MTU, ...files, endsWithInput: true },
    join(folder, 'log'),
  );
  const id = processId(emulator.pid!);
  cleanups.push(async () => {
    emulator.stdin!.destroy();
    if (id !== undefined) await endProcess(id);
  });
  await batch('ip', undefined, [
    `address add ${gateway}/30 dev ${tap}`,
    `link set dev ${tap} mtu ${MTU} addrgenmode none`,
    `link set dev ${tap} up`,
  ]);
  await batch('ip', netns, [
    'link set dev lo up',
    `address add ${address}/30 dev ${UPLINK}`,
    `link set dev ${UPLINK} mtu ${MTU} addrgenmode none`,
    `link set dev ${UPLINK} up`,
    `route add default via ${gateway}`,
  ]);
  return { netns, gateway };
}

/** Four addresses of 100.64.0.0/10 (RFC 6598) that no route in the caller's namespace singles out. */
async function freeSubnet(): Promise<{ number: number; gateway: string; address: string }> {
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
    return { number, gateway: formatIpv4(first + 1), address: formatIpv4(first + 2) };
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

/** A folder for each run, named after its process like its namespace. */
function runsFolder(): string {
  return join(labsFolder(), '.emulate');
}

/** Namespaces and folders of runs that were killed; their links went with their emulators. */
async function removeLeftovers(): Promise<void> {
  const namespaces = namespacesWithPrefix(NAMESPACE_PREFIX);
  await removeNamespaces(namespaces.filter((name) => isAbandoned(name.slice(NAMESPACE_PREFIX.length))));
  mkdirSync(runsFolder(), { recursive: true });
  for (const owner of readdirSync(runsFolder()).filter(isAbandoned)) {
    rmSync(join(runsFolder(), owner), { recursive: true, force: true });
  }
}

function isAbandoned(owner: string): boolean {
  const [pid, startTicks] = owner.split('.').map(Number);
  return !isAlive({ pid: pid!, startTicks: startTicks! });
}
