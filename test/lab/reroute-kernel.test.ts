// Rerouting's programs in front of real VXLAN devices: packets of every kind arrive with the chosen port and a right
// checksum; a process may die, be followed, and leave, and the devices are as they were.
import { once } from 'node:events';
import { writeSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { Lab } from '../../lab/lab.ts';
import { tool } from '../../lab/tools.ts';
import { programInfo } from '../../src/linux/bpf/program-info.ts';
import type { TcHook } from '../../src/linux/bpf/tc.ts';
import { attachedPrograms } from '../../src/linux/bpf/tc.ts';
import { close } from '../../src/linux/libc.ts';
import { inNetns } from '../../src/linux/netns.ts';
import { openTap } from '../../src/linux/tap.ts';
import { FORM_BITMAP } from '../../src/paths/reroute/fast-select.ts';
import { FastMaps } from '../../src/reroute/fast-maps.ts';
import { KernelHalf, unload } from '../../src/reroute/kernel-half.ts';
import { asIpv6 } from '../../src/wire/address.ts';
import { eventually } from './eventually.ts';
import { overlayFrame } from './overlay-packets.ts';
import {
  type Arrivals,
  arrivals,
  CABLE,
  cableOf,
  hostAddress,
  OVERLAYS,
  type Overlay,
  setRealCable,
  upRerouteHosts,
} from './reroute-hosts.ts';
import { needBpf, whyNoBpf } from './rights.ts';
import { type Started, start } from './spawn.ts';

needBpf();

let lab: Lab;
let ours: Awaited<ReturnType<typeof cableOf>>;
const agents: Started[] = [];
const opened: KernelHalf[] = [];

const onHost1 = <T>(work: () => T): T => inNetns(lab.node('host1').netns, work);

beforeAll(async () => {
  if (whyNoBpf !== undefined) return;
  lab = await upRerouteHosts();
  ours = await cableOf(lab, 'host1');
});
afterAll(() => lab?.down());
afterEach(async () => {
  for (const { child, ended } of agents.splice(0)) {
    child.kill('SIGKILL');
    await ended;
  }
  if (lab === undefined) return;
  for (const kernel of opened.splice(0)) onHost1(() => kernel.close());
  for (const overlay of OVERLAYS) onHost1(() => unload([ours], endOf(overlay)));
});

const endOf = ({ port, vteps }: Overlay) => ({ port, local: hostAddress(vteps[0]) });

function open({ port, vteps }: Overlay, hook: TcHook = 'tcx') {
  const locals = [hostAddress(vteps[0])] as const;
  const kernel = onHost1(() => new KernelHalf({ devices: [ours], port, locals, hook }));
  opened.push(kernel);
  const maps = new FastMaps(kernel, nowMicros());
  maps.store(0, 1 << 5, 0);
  const entry = { form: FORM_BITMAP, basePort: 10_000, homes: 32, unit: 0 } as const;
  maps.place(asIpv6(hostAddress(vteps[1])), entry);
  return { kernel, maps };
}

function nowMicros(): number {
  return Number(process.hrtime.bigint() / 1000n);
}

async function ping({ inside }: Overlay, count = 3): Promise<void> {
  await lab.run('host1', ['ping', '-q', '-c', String(count), '-i', '0.01', '-W', '5', inside[1]]);
}

/** Bulk TCP, or datagrams of one packet each, of which the receiver may miss some. */
async function iperf({ inside }: Overlay, ...load: string[]): Promise<void> {
  const server = await lab.exec('host2', ['iperf3', '-s', '-1', '-B', inside[1]], { stdio: 'ignore' });
  const ended = once(server, 'exit');
  await eventually('iperf3 to listen', async () => {
    const { stdout } = await lab.run('host2', ['ss', '-Htln', 'src', inside[1]]);
    return stdout !== '';
  });
  await lab.run('host1', ['iperf3', '-c', inside[1], ...load]);
  await ended;
}

/** What the kernel of host2 refused for its checksum, outside and inside. */
async function badChecksums(): Promise<number> {
  const { stdout } = await lab.run('host2', ['cat', '/proc/net/snmp', '/proc/net/snmp6']);
  const lines = stdout.split('\n').map((line) => line.split(/\s+/));
  const bad = lines.flatMap((words, i) => {
    if (/InCsumErrors$/.test(words[0]!)) return [Number(words[1])];
    const column = words.indexOf('InCsumErrors');
    return column < 0 ? [] : [Number(lines[i + 1]![column])];
  });
  expect(bad).toHaveLength(7);
  return bad.reduce((sum, each) => sum + each, 0);
}

describe.each(OVERLAYS.map((overlay) => [overlay.name, overlay] as const))('over %s', (_name, overlay) => {
  test.each([
    ['bundles that cross whole', false],
    ['packets as they are on a wire', true],
  ])('all traffic takes the chosen port and nothing is refused: %s', async (_what, isReal) => {
    await setRealCable(lab, isReal);
    const { kernel, maps } = open(overlay);
    const before = await arrivals(lab, overlay);
    const badBefore = await badChecksums();
    // Inner checksums that are done (ICMP), left to the device in a packet (UDP) and in a bundle (TCP).
    await ping(overlay);
    await iperf(overlay, '-u', '-b', '20M', '-l', '300', '-n', '300K');
    await iperf(overlay, '-n', '20M');
    const after = await arrivals(lab, overlay);
    expect(await badChecksums()).toBe(badBefore);
    expect(after.other).toBe(before.other);
    expect(after.chosen).toBeGreaterThan(before.chosen + 1000);
    expect(kernel.settings.counts.notWritten).toBe(0);
    const used: string[] = [];
    maps.lookAtActivity((destination, port) => used.push(`${destination} ${port}`));
    expect(used).toEqual([`${hostAddress(overlay.vteps[1])} 10005`]);
  });
});

test('what has its headers outside of its head is seen, too', async () => {
  const overlay = OVERLAYS[0]!;
  const { netns } = lab.node('host1');
  const { fd } = openTap({ name: 'apart', netns, persistent: false, offloads: true });
  try {
    await tool('ip', netns, ['link', 'set', 'dev', 'apart', 'up']);
    const [{ ifindex }] = JSON.parse(await tool('ip', netns, ['-j', 'link', 'show', 'dev', 'apart']));
    const devices = [{ name: 'apart', index: ifindex }];
    const { port, local } = endOf(overlay);
    const kernel = onHost1(() => new KernelHalf({ devices, port, locals: [local] }));
    opened.push(kernel);
    kernel.settings.beat();
    // Longer than a page: only what the header says is made the head, which is Ethernet's alone.
    const payload = new Uint8Array(5000);
    payload.set([0xff, 0xee, 0xdd]);
    const source = hostAddress(overlay.vteps[1]);
    const frame = overlayFrame({ source, destination: local, sourcePort: 1, destinationPort: port, payload });
    writeSync(fd, Uint8Array.from([0, 0, 14, 0, 0, 0, 0, 0, 0, 0, ...frame]));
    await eventually('the packet', () => kernel.settings.counts.tooLong === 1);
  } finally {
    close(fd);
  }
});

describe.each<[TcHook]>([['tcx'], ['clsact']])('attached by %s', (hook) => {
  const overlay = OVERLAYS[0]!;

  /** What the host has on its cable. */
  async function onCable(): Promise<{ programs: string[]; queues: string }> {
    const { netns } = lab.node('host1');
    const programs = onHost1(() =>
      (['ingress', 'egress'] as const).flatMap((direction) =>
        attachedPrograms({ device: ours.index, direction, handle: 0x5e1f0000 + overlay.port }).map((each) => {
          const info = programInfo(each.fd)!;
          close(each.fd);
          return `${each.hook} ${info.name}`;
        }),
      ),
    );
    return { programs, queues: await tool('tc', netns, ['qdisc', 'show', 'dev', CABLE]) };
  }

  const nothing: string[] = [];
  const both = [`${hook} reroute_ingress`, `${hook} reroute_egress`];

  async function agent(...options: string[]): Promise<Started> {
    const args = [lab.node('host1').netns, String(ours.index), String(overlay.port), overlay.vteps[0]];
    const started = start('reroute-agent.ts', ...args, overlay.vteps[1], hook, ...options);
    agents.push(started);
    await Promise.race([eventually('the agent', () => started.output().includes('ready')), failed(started)]);
    return started;
  }

  async function failed({ ended }: Started): Promise<never> {
    throw new Error(`the agent ended: ${JSON.stringify(await ended)}`);
  }

  /** Where the next packets arrive. */
  async function goBy(): Promise<keyof Arrivals> {
    const before = await arrivals(lab, overlay);
    await ping(overlay, 1);
    const after = await arrivals(lab, overlay);
    expect(after.chosen - before.chosen === 0).not.toBe(after.other - before.other === 0);
    return after.chosen > before.chosen ? 'chosen' : 'other';
  }

  test('leaves the device as it was', async () => {
    const before = await onCable();
    expect(before.programs).toEqual(nothing);
    const { kernel } = open(overlay, hook);
    expect((await onCable()).programs).toEqual(both);
    onHost1(() => kernel.setDevices([ours]));
    expect((await onCable()).programs).toEqual(both);
    onHost1(() => kernel.close());
    opened.length = 0;
    expect(await onCable()).toEqual(before);
  });

  test('others’ filters stay, whether they were there before or came since', async ({ onTestFinished }) => {
    const { netns } = lab.node('host1');
    const tc = (...words: string[]) => tool('tc', netns, words);
    const filters = () => tc('filter', 'show', 'dev', CABLE, 'egress');
    const addFilter = () =>
      tc('filter', 'add', 'dev', CABLE, 'egress', 'bpf', 'bytecode', '1,6 0 0 0', 'flowid', '1:1');
    onTestFinished(async () => void (await tc('qdisc', 'del', 'dev', CABLE, 'clsact')));
    const first = open(overlay, hook);
    if (hook === 'tcx') await tc('qdisc', 'add', 'dev', CABLE, 'clsact');
    await addFilter();
    onHost1(() => first.kernel.close());
    const others = await filters();
    expect(others).toContain('flowid');
    const second = open(overlay, hook);
    expect(await goBy()).toBe('chosen');
    onHost1(() => second.kernel.close());
    opened.length = 0;
    expect(await filters()).toBe(others);
  });

  test('goes from a device that no longer carries the overlay, and is on none when one of several is missing', async () => {
    const before = await onCable();
    const { kernel } = open(overlay, hook);
    onHost1(() => kernel.setDevices([]));
    expect(await onCable()).toEqual(before);
    const missing = { name: 'missing', index: 9999 };
    const options = { port: overlay.port, locals: [endOf(overlay).local] as const, hook };
    expect(() => onHost1(() => new KernelHalf({ ...options, devices: [ours, missing] }))).toThrow(
      /device 9999/,
    );
    expect(await onCable()).toEqual(before);
  });

  test('a process that is killed leaves its table in force until that is stale, and what it left can be removed', async () => {
    const before = await onCable();
    const { child, ended } = await agent('2000');
    expect(await goBy()).toBe('chosen');
    child.kill('SIGKILL');
    await ended;
    expect(await goBy()).toBe('chosen');
    await eventually('plain hashing', async () => (await goBy()) === 'other');
    expect((await onCable()).programs).toEqual(both);
    expect(onHost1(() => unload([ours], endOf(overlay)))).toBe(2);
    expect(await onCable()).toEqual(before);
  });

  test('its successor goes on with the table, and has it replaced or forgotten', async () => {
    const first = await agent('30000');
    first.child.kill('SIGKILL');
    await first.ended;
    const second = await agent('30000', 'empty');
    expect(second.output()).toContain('took over');
    expect(await goBy()).toBe('chosen');
    // It hears of the destination as of one of its own.
    await eventually('the activity', () =>
      second.output().includes(`used ${hostAddress(overlay.vteps[1])} 10005`),
    );
    second.child.stdin?.end();
    second.child.kill('SIGTERM');
    await second.ended;
    expect((await onCable()).programs).toEqual(nothing);
    expect(await goBy()).toBe('other');
  });

  test('a process that lives is not taken over', async () => {
    const { child } = await agent('30000');
    expect(() => open(overlay, hook)).toThrow(`Process ${child.pid} reroutes UDP port ${overlay.port} here.`);
    expect(await goBy()).toBe('chosen');
  });

  test('a successor of a process long dead takes nothing from it', async () => {
    const first = await agent('0');
    first.child.kill('SIGKILL');
    await first.ended;
    const second = await agent('30000', 'empty');
    expect(second.output()).not.toContain('took over');
    expect(await goBy()).toBe('other');
  });

  test('two overlays on one device do not touch each other’s', async () => {
    const other = OVERLAYS[1]!;
    open(overlay, hook);
    const second = open(other, hook);
    expect(await goBy()).toBe('chosen');
    onHost1(() => second.kernel.close());
    expect(await goBy()).toBe('chosen');
    const before = await arrivals(lab, other);
    await ping(other, 1);
    expect((await arrivals(lab, other)).chosen).toBe(before.chosen);
  });

  test('nor do those of one port in both families', async () => {
    open(overlay, hook);
    const second = open({ ...OVERLAYS[2]!, port: overlay.port }, hook);
    expect(await goBy()).toBe('chosen');
    expect((await onCable()).programs.length).toBe(hook === 'tcx' ? 4 : 2);
    onHost1(() => second.kernel.close());
    expect((await onCable()).programs).toEqual(both);
    expect(await goBy()).toBe('chosen');
  });
});
