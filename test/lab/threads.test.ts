// Agents with several data threads, on however few cores: each pair of vNICs stays on one thread of each host, whatever
// the network does and however many threads the other side has or comes back with.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { SELVAGE_VNI } from '../../lab/addressing.ts';
import { Lab } from '../../lab/lab.ts';
import { packageRoot } from '../../lab/package-root.ts';
import { tool } from '../../lab/tools.ts';
import { topologyOf } from '../../lab/topology.ts';
import type {
  AgentStatus,
  EngineStatus,
  FlowStatus,
  PathStatus,
  Upgraded,
} from '../../src/agent/reports/status.ts';
import { DATA_HEADER_BYTES, writeDataHeader } from '../../src/wire/bifrost-data.ts';
import { cidOfThread } from '../../src/wire/bifrost-types.ts';
import { VXLAN_HEADER_BYTES, VXLAN_PORT, writeVxlanBifrostHeader } from '../../src/wire/vxlan.ts';
import { readCapture } from '../wire/pcap.ts';
import { SELVAGE, statusOf, withWords } from './agent-program.ts';
import { sendBundle } from './bundles.ts';
import { eventually } from './eventually.ts';
import { hasRights, needRights } from './rights.ts';
import { Transfer } from './transfer.ts';

needRights();

const SHIPPED = join(packageRoot(), 'dist', 'switch-engine.js');
const HOSTS = ['host1', 'host2'];
const LINK = 'host1-leaf1';
const PATH = 'leaf1-spine2';
/** Two on each host: the first of a host is its first thread's, the second its second's. */
const TENANTS = [
  { name: 'tenant1', host: 'host1' },
  { name: 'tenant2', host: 'host2' },
  { name: 'tenant3', host: 'host1' },
  { name: 'tenant4', host: 'host2' },
];

let lab: Lab;
beforeAll(async () => {
  if (!hasRights) return;
  const racks = [1, 2].map((n) => ({ name: `rack${n}`, leaf: `leaf${n}`, hosts: [`host${n}`] }));
  const fields = { mtu: 1500, racks, spines: ['spine1', 'spine2', 'spine3', 'spine4'], tenants: TENANTS };
  lab = await Lab.up({ topology: topologyOf(fields) });
  await lab.startAgents(HOSTS, { threads: 2 });
});
afterEach(async () => {
  for (const link of [LINK, 'host2-leaf2', PATH]) await lab?.resetLink(link);
});
afterAll(() => lab?.down());

function selvage(...words: string[]) {
  const argv = [...SELVAGE, ...words, '--runtime-dir', join(lab.runFolder, 'host1')];
  return lab.run('host1', argv, { anyStatus: true, timeoutMillis: 60_000 });
}

async function ping(from: string, to: string): Promise<void> {
  await lab.run(from, ['ping', '-c', '2', '-i', '0.05', '-W', '5', lab.tenant(to).selvage.address]);
}

/** Transfers both ways over both threads of each host, and across them. */
function transfers(): Promise<Transfer[]> {
  const pairs = [
    ['tenant1', 'tenant2'],
    ['tenant3', 'tenant4'],
    ['tenant4', 'tenant1'],
    ['tenant2', 'tenant3'],
  ] as const;
  return Promise.all(pairs.map(([from, to]) => Transfer.start(lab, from, to)));
}

async function expectIntact(running: readonly Transfer[]): Promise<void> {
  for (const { sent, received } of await Promise.all(running.map((each) => each.stop()))) {
    expect(received).toBe(sent);
  }
}

/** Of each connection that is open, its threads here and there. */
function threadsOf({ connections }: AgentStatus): Record<string, readonly (number | undefined)[]> {
  const tenantOf = (mac: string) => lab.tenants.find(({ selvage }) => selvage.mac === mac)!.name;
  return Object.fromEntries(
    connections
      .filter(({ state }) => state === 'established')
      .map(({ localMac, remoteMac, thread, remoteThread }) => [
        `${tenantOf(localMac)} ${tenantOf(remoteMac)}`,
        [thread, remoteThread],
      ]),
  );
}

it('a connection belongs to the threads of its vNICs, on both hosts', async () => {
  await expectIntact(await transfers());
  const [one, two] = [await statusOf(lab, 'host1'), await statusOf(lab, 'host2')];
  expect(one.vnics.map(({ thread }) => thread)).toEqual([0, 1]);
  expect(threadsOf(one)).toEqual({
    'tenant1 tenant2': [0, 0],
    'tenant1 tenant4': [0, 1],
    'tenant3 tenant2': [1, 0],
    'tenant3 tenant4': [1, 1],
  });
  expect(threadsOf(two)).toEqual({
    'tenant2 tenant1': [0, 0],
    'tenant4 tenant1': [1, 0],
    'tenant2 tenant3': [0, 1],
    'tenant4 tenant3': [1, 1],
  });
  // No NIC here puts packets of several threads together: the kernel was right about each.
  for (const { counters } of [one, two]) {
    expect(counters['transportPacketsIn']).toBeGreaterThan(100);
    expect(counters['handedOver']).toBe(0);
  }
});

it('flows and paths are those of all threads', async () => {
  const flows: FlowStatus[] = JSON.parse((await selvage('flows', '--json')).stdout);
  const open = flows.filter(({ state }) => state === 'established');
  expect(open.map(({ thread, cid }) => [thread, cid.slice(0, 2)]).sort()).toEqual([
    [0, '00'],
    [0, '00'],
    [1, '01'],
    [1, '01'],
  ]);
  const paths: PathStatus[] = JSON.parse((await selvage('paths', '--json')).stdout);
  const slots = Array.from({ length: 8 }, (_, slot) => slot);
  expect(paths.map(({ slot, thread }) => [slot, thread])).toEqual(
    slots.flatMap((slot) => [0, 1].map((thread) => [slot, thread])),
  );
  // Each thread has measured them for itself.
  for (const thread of [0, 1]) {
    const own = paths.filter((path) => path.thread === thread);
    expect(own.filter(({ rttMicros }) => rttMicros > 0).length, `of thread ${thread}`).toBeGreaterThan(0);
  }
});

it('tenants of one host reach each other, and broadcasts everybody, across threads', async () => {
  await ping('tenant1', 'tenant3');
  await ping('tenant3', 'tenant1');
  const listen = `const socket = require('node:dgram').createSocket('udp4');
    socket.on('message', (message) => { console.log(String(message)); process.exit(); });
    socket.bind(5000, () => console.error('ready'));`;
  const heard = await Promise.all(
    ['tenant2', 'tenant3', 'tenant4'].map(async (tenant) => {
      const child = await lab.exec(tenant, [process.execPath, '-e', listen], { stdio: 'pipe' });
      let text = '';
      child.stdout!.setEncoding('utf8').on('data', (more: string) => {
        text += more;
      });
      await new Promise((resolve) => child.stderr!.once('data', resolve));
      return () => text;
    }),
  );
  const say = `const socket = require('node:dgram').createSocket('udp4');
    socket.bind(() => { socket.setBroadcast(true); socket.send('all', 5000, process.argv[1], () => socket.close()); });`;
  const broadcast = lab.tenant('tenant1').selvage.address.replace(/\d+$/, '255');
  await lab.run('tenant1', [process.execPath, '-e', say, broadcast]);
  await eventually('all to hear', () => heard.every((text) => text() !== ''));
  expect(heard.map((text) => text())).toEqual(['all\n', 'all\n', 'all\n']);
});

it('what the kernel brings together to one thread is handed over to the other', async () => {
  const packets = 10;
  const packetBytes = VXLAN_HEADER_BYTES + DATA_HEADER_BYTES;
  const payload = new Uint8Array(packets * packetBytes);
  const view = new DataView(payload.buffer);
  for (let i = 0; i < packets; i++) {
    writeVxlanBifrostHeader(view, i * packetBytes, SELVAGE_VNI);
    // Of nobody: each thread counts those that it is given.
    writeDataHeader(view, i * packetBytes + VXLAN_HEADER_BYTES, 0, 0, 1, cidOfThread(i % 2, 0x7f_ffff), 0);
  }
  const before = (await statusOf(lab, 'host1')).counters;
  const { netns, address } = lab.node('host2');
  const to = lab.node('host1').address!;
  sendBundle({ netns, from: address!, to, port: VXLAN_PORT, packetBytes, packets, payload });
  const since = await eventually('all packets to be counted', async () => {
    const { counters } = await statusOf(lab, 'host1');
    const since = (name: string) => counters[name]! - before[name]!;
    return since('unknownCid') === packets && since;
  });
  expect(since('handedOver')).toBe(packets / 2);
});

describe('every byte arrives as it is', () => {
  it('where the NIC puts packets together that are for several threads', async () => {
    for (const host of HOSTS) {
      const leaf = host.replace('host', 'leaf');
      await lab.setRealWire(`${host}-${leaf}`, true);
      await tool('ethtool', lab.node(host).netns, ['-K', leaf, 'gro', 'on']);
    }
    const running = await transfers();
    for (const each of running) await each.progress();
    await expectIntact(running);
  });

  it('under loss', async () => {
    const running = await transfers();
    await lab.setLink(LINK, { lossPpm: 20_000 });
    for (const each of running) await each.progress();
    await expectIntact(running);
  });

  it('while a path is dead', async () => {
    const running = await transfers();
    const slotsLeft = async () => (await statusOf(lab, 'host1')).counters.failed!;
    const before = await slotsLeft();
    await lab.setLink(PATH, { blackhole: 'both' });
    // Milliseconds later the slot may be healthy again, by another source port.
    await eventually('a slot to be left', async () => (await slotsLeft()) > before);
    for (const each of running) await each.progress();
    await expectIntact(running);
  });

  it('while the network is gone for a moment', async () => {
    const running = await transfers();
    await lab.setLink(LINK, { blackhole: 'both' });
    await eventually('a slot to be left', async () => {
      const { peers } = await statusOf(lab, 'host1');
      return peers[0]!.slots.some(({ state }) => state !== 'healthy');
    });
    await lab.resetLink(LINK);
    for (const each of running) await each.progress();
    await expectIntact(running);
  });

  it.for([1, 3])('while an agent comes back with %i threads', async (threads) => {
    const running = await transfers();
    await lab.stopAgents(['host2']);
    await lab.startAgents(['host2'], { threads });
    for (const each of running) await each.progress();
    await expectIntact(running);
    const status = await statusOf(lab, 'host2');
    expect(status.threads).toBe(threads);
    const second = Math.min(1, threads - 1);
    expect(threadsOf(status)).toMatchObject({ 'tenant2 tenant1': [0, 0], 'tenant4 tenant1': [second, 0] });
  });
});

describe('the switches', () => {
  const engines = async (): Promise<EngineStatus[]> =>
    JSON.parse((await selvage('engines', '--json')).stdout);

  it('are replaced in all executors, or in one, while bytes flow', async () => {
    const running = await transfers();
    const upgrade = async (...words: string[]): Promise<Upgraded> => {
      const { status, stdout, stderr } = await selvage('upgrade', 'switch', SHIPPED, '--json', ...words);
      expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
      return JSON.parse(stdout);
    };
    expect((await upgrade()).map(({ executor }) => executor)).toEqual(['data-0', 'data-1']);
    expect((await upgrade('--executor', 'data-1')).map(({ executor }) => executor)).toEqual(['data-1']);
    for (const each of running) await each.progress();
    await expectIntact(running);
    expect(await engines()).toMatchObject([
      { executor: 'data-0', engine: 'switch', restarts: 0, replacements: 1 },
      { executor: 'data-1', engine: 'switch', restarts: 0, replacements: 2 },
      { executor: 'services', engine: 'clients', restarts: 0, replacements: 0 },
    ]);
    const refused = await selvage('upgrade', 'switch', SHIPPED, '--executor', 'data-7');
    expect(refused).toMatchObject({
      status: 1,
      stderr: 'There is no engine switch in an executor data-7.\n  There is: data-0, data-1.\n',
    });
  });
});

it('a thread that ends takes its agent with it, and the others tell their peers first', async () => {
  await expectIntact(await transfers());
  const file = join(lab.runFolder, 'ends.mjs');
  const ends = `import { switchEngine } from 'selvage/switch-engine';
    export default { ...switchEngine, load(...given) {
      return Object.assign(switchEngine.load(...given), { run: () => process.exit(1) });
    } };`;
  writeFileSync(file, ends);
  await selvage('upgrade', 'switch', file, '--executor', 'data-1');
  const log = join(lab.runFolder, 'host1.log');
  await eventually('the agent to end', () => readFileSync(log, 'utf8').includes('The data-1 thread ended.'));
  const told = await eventually('the other host to hear of it', async () => {
    const { connections } = await statusOf(lab, 'host2');
    const told = connections.filter(({ because }) => because === 'the other agent stopped');
    return told.length > 1 && told;
  });
  const { mac } = lab.tenant('tenant1').selvage;
  expect(told.map(({ remoteMac }) => remoteMac)).toEqual([mac, mac]);
});

it('plain VXLAN is every thread’s, and so are capture files', async () => {
  await lab.stopAgents(HOSTS);
  const captures = join(lab.runFolder, 'captures');
  await lab.startAgents(['host1'], { threads: 2, reliable: false, ...withWords('--pcap', captures) });
  await lab.startAgents(['host2'], { threads: 1, reliable: false });
  await expectIntact(await transfers());
  const { counters } = await statusOf(lab, 'host1');
  expect([counters['transportPacketsIn'], counters['handedOver']]).toEqual([0, 0]);
  await lab.stopAgents(['host1']);
  // All threads wrote to the same files, whole records only.
  for (const file of readdirSync(captures)) {
    const { records } = readCapture(readFileSync(join(captures, file)));
    expect(records.length, file).toBeGreaterThan(100);
  }
});
