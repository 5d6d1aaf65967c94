// Agents under real tenants: what tenants notice of them, and of their end; and how an agent that cannot start says so
// and leaves nothing behind.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { AgentConfig } from '../../lab/agents.ts';
import type { Lab } from '../../lab/lab.ts';
import { processId } from '../../lab/process.ts';
import { findProgram } from '../../lab/programs.ts';
import { clientSocketPath } from '../../src/agent/clients/socket.ts';
import { socketPath } from '../../src/agent/reports/status.ts';
import { connect } from '../../src/client/index.ts';
import { runTshark } from '../wire/tshark.ts';
import { configFile, configOfHost, runAgentOn, statusOf, withWords } from './agent-program.ts';
import { eventually } from './eventually.ts';
import { hasRights, needRights } from './rights.ts';
import { Transfer } from './transfer.ts';
import { upTwoHosts } from './two-hosts.ts';

needRights();

let lab: Lab;
beforeAll(async () => {
  if (!hasRights) return;
  lab = await upTwoHosts();
  await lab.startAgents(['host1'], tracing());
  await lab.startAgents(['host2']);
});
afterAll(() => lab?.down());

function tracing() {
  return withWords('--trace', '--pcap', join(lab.runFolder, 'captures'));
}

async function ping(from: string, to: string): Promise<void> {
  await lab.run(from, ['ping', '-c', '2', '-i', '0.05', '-W', '5', lab.tenant(to).selvage.address]);
}

/** What makes a tenant's interface the one it was. */
async function interfaceOf(tenant: string): Promise<object> {
  const { stdout } = await lab.run(tenant, ['ip', '-j', 'address', 'show', 'dev', 'sel0']);
  const [{ ifindex, mtu, flags, address, addr_info: addresses }] = JSON.parse(stdout);
  const locals = addresses.map(({ local }: { local: string }) => local);
  return { ifindex, mtu, isUp: flags.includes('UP'), address, locals };
}

async function endAgent(host: string, signal: NodeJS.Signals): Promise<void> {
  const { pid } = await statusOf(lab, host);
  process.kill(pid, signal);
  await eventually(`the agent of ${host} to end`, () => processId(pid) === undefined);
}

describe('tenants', () => {
  it('reach each other', async () => {
    await ping('tenant1', 'tenant2');
    await ping('tenant2', 'tenant1');
    const { connections, counters, vnics } = await statusOf(lab, 'host1');
    expect(connections).toMatchObject([{ vni: 77, state: 'established', vtep: lab.node('host2').address }]);
    expect(vnics).toMatchObject([{ name: 'sel0', mac: lab.tenant('tenant1').selvage.mac, mtu: 1424 }]);
    expect(counters['framesDelivered']).toBeGreaterThanOrEqual(4);
    expect(counters['answered']).toBeGreaterThanOrEqual(1);
  });

  it('send each other every byte as it is', async () => {
    const transfer = await Transfer.start(lab, 'tenant1', 'tenant2');
    await transfer.progress();
    const { sent, received } = await transfer.stop();
    expect(received).toBe(sent);
  });
});

describe('frames that a tenant’s kernel drops in front of a full queue', () => {
  const FLOOD = `const socket = require('node:dgram').createSocket('udp4');
    let left = 5000;
    const send = () => socket.send('x', 9, process.argv[1], () => (--left > 0 ? send() : socket.close()));
    send();`;

  async function kernelDrops(): Promise<number> {
    const { stdout } = await lab.run('tenant1', ['ip', '-s', '-j', 'link', 'show', 'dev', 'sel0']);
    return JSON.parse(stdout)[0].stats64.tx.dropped;
  }

  it('are shown by its agent', async () => {
    await ping('tenant1', 'tenant2');
    const { pid, vnics: before } = await statusOf(lab, 'host1');
    const kernelBefore = await kernelDrops();
    process.kill(pid, 'SIGSTOP');
    try {
      const { address } = lab.tenant('tenant2').selvage;
      await lab.run('tenant1', [process.execPath, '-e', FLOOD, address]);
    } finally {
      process.kill(pid, 'SIGCONT');
    }
    const { vnics, dropped } = await statusOf(lab, 'host1');
    const counted = vnics[0]!.txDropped! - before[0]!.txDropped!;
    expect(counted).toBeGreaterThan(1000);
    expect(counted).toBe((await kernelDrops()) - kernelBefore);
    expect(dropped['tapQueueFull']).toBe(vnics[0]!.txDropped);
  });

  it('under another agent are not', async () => {
    await endAgent('host1', 'SIGTERM');
    expect(await kernelDrops()).toBeGreaterThan(1000);
    await lab.startAgents(['host1'], tracing());
    expect((await statusOf(lab, 'host1')).vnics[0]!.txDropped).toBe(0);
  });
});

describe('what is written of it', () => {
  beforeEach(() => ping('tenant1', 'tenant2'));

  it('is a line for every frame and packet', () => {
    const log = readFileSync(join(lab.runFolder, 'host1.log'), 'utf8');
    const { selvage: one } = lab.tenant('tenant1');
    const { selvage: two } = lab.tenant('tenant2');
    const vnic = `${lab.node('tenant1').netns}-sel0`;
    expect(log).toContain(
      ` ${vnic} sends ${one.mac} > ${two.mac}, ${one.address} > ${two.address} ICMP echo request `,
    );
    expect(log).toContain(
      ` ${vnic} receives ${two.mac} > ${one.mac}, ${two.address} > ${one.address} ICMP echo reply `,
    );
    expect(log).toMatch(/ underlay sends to 10\.0\.1\.2 slot \d vni 77 data psn \d+ /);
    expect(log).toMatch(/ underlay receives from 10\.0\.1\.2 vni 77 ack path /);
  });

  it('is a capture file for each vNIC and for the underlay, which tshark reads', async (context) => {
    const tshark = await findProgram('tshark');
    if (tshark === undefined) return context.skip('there is no tshark here and it could not be fetched');
    const folder = join(lab.runFolder, 'captures');
    const vnic = `vnic-${lab.node('tenant1').netns}-sel0.pcap`;
    expect(readdirSync(folder)).toEqual(expect.arrayContaining(['underlay.pcap', vnic]));
    const script = new URL('../../docs/selvage.lua', import.meta.url).pathname;
    const show = async (file: string, filter: string, field: string) => {
      const options = ['-r', join(folder, file), '-n', '-Y', filter, '-T', 'fields', '-e', field];
      const scratch = join(lab.runFolder, `tshark-${file}-${field}`);
      return (await runTshark(tshark, script, options, scratch, 60_000)).trim().split('\n');
    };
    const seen = await show('underlay.pcap', 'selvage.type == 1 && icmp', 'ip.src');
    expect(seen.join()).toContain('10.0.1.1,192.168.77.1');
    expect(await show(vnic, 'icmp.type == 0', 'ip.src')).toContain(lab.tenant('tenant2').selvage.address);
  });
});

it('programs on a host open sessions with its agent, which shows them', async () => {
  const socket = clientSocketPath(join(lab.runFolder, 'host1'));
  const session = await connect({ service: 'echo', socket });
  session.push(new Uint32Array(16), 1);
  await session.wait();
  expect(session.pop(new Uint32Array(16), 1)).toBe(1);
  const { clients } = await statusOf(lab, 'host1');
  expect(clients).toMatchObject({
    sessions: [{ pid: process.pid, service: 'echo', records: 1 }],
    counters: { opened: 1, closed: 0 },
  });
  session.close();
  await eventually('the session to end', async () => {
    const { clients } = await statusOf(lab, 'host1');
    return clients!.sharedBytes === 0 && clients!.counters['closed'] === 1;
  });
});

describe('an agent that is restarted', () => {
  it.for(['SIGKILL', 'SIGTERM'] as const)('after %s finds its tenants as they were', async (signal) => {
    await ping('tenant1', 'tenant2');
    const before = await interfaceOf('tenant1');
    const transfer = await Transfer.start(lab, 'tenant1', 'tenant2');
    await endAgent('host1', signal);
    expect(await interfaceOf('tenant1')).toEqual(before);
    await lab.startAgents(['host1']);
    await transfer.progress();
    const { sent, received } = await transfer.stop();
    expect(received).toBe(sent);
    expect(await interfaceOf('tenant1')).toEqual(before);
  });
});

it('an agent that stops says so to its peers', async () => {
  await ping('tenant1', 'tenant2');
  await endAgent('host1', 'SIGTERM');
  const { connections } = await statusOf(lab, 'host2');
  expect(connections).toMatchObject([{ because: 'the other agent stopped' }]);
  await lab.startAgents(['host1']);
  await ping('tenant2', 'tenant1');
});

describe('an agent that cannot start', () => {
  const runtimeDir = () => join(lab.runFolder, 'second');

  /** The configuration of host1 with another runtime folder and a vNIC that is not there yet. */
  function second(edit: (config: AgentConfig) => object = (config) => config): string {
    const text = configOfHost(lab, 'host1', (config) => {
      const [vni] = config.vnis;
      const vnics = [{ ...vni!.vnics[0]!, name: 'sel1' }];
      return edit({ ...config, runtimeDir: runtimeDir(), vnis: [{ ...vni!, vnics }] });
    });
    return configFile(lab, 'second', text);
  }

  /** It says why in a sentence, ends, and leaves neither interface nor socket. */
  async function expectRefusal(
    file: string,
    sentence: RegExp,
    prefix: readonly string[] = [],
  ): Promise<void> {
    const { status, stdout, stderr } = await runAgentOn(lab, 'host1', file, prefix);
    expect(stderr).toMatch(sentence);
    expect({ status, stdout, lines: stderr.trimEnd().split('\n').length }).toEqual({
      status: 1,
      stdout: '',
      lines: expect.toSatisfy((lines: number) => lines <= 2, 'a sentence and what to do'),
    });
    expect(existsSync(socketPath(runtimeDir()))).toBe(false);
    for (const node of ['host1', 'tenant1']) {
      const links = await lab.run(node, ['ip', '-j', 'link', 'show']);
      const names = JSON.parse(links.stdout).map(({ ifname }: { ifname: string }) => ifname);
      expect(names).not.toContain('sel1');
    }
    expect((await statusOf(lab, 'host1')).host, 'the agent that was there').toBe('host1');
  }

  it('because one runs in the same folder', async () => {
    const same = configFile(
      lab,
      'same',
      configOfHost(lab, 'host1', (config) => config),
    );
    await expectRefusal(same, /^An agent already runs on this host: it answers at .*host1\/agent\.sock\.\n/);
  });

  it('because its port is in use', () =>
    expectRefusal(second(), /^UDP port 4789 on 10\.0\.1\.1 is in use\.\n/));

  it('because a namespace is missing', () => {
    const file = second((config) => ({
      ...config,
      underlay: { ...config.underlay, port: 4790, sourcePorts: 50_000 },
      vnis: config.vnis.map((vni) => ({
        ...vni,
        vnics: [
          vni.vnics[0]!,
          {
            name: 'sel1',
            netns: 'selvage-nowhere',
            mac: '02:77:00:00:00:99',
            addresses: ['192.168.77.99/24'],
          },
        ],
      })),
    }));
    return expectRefusal(
      file,
      /^Could not open the network namespace \/run\/netns\/selvage-nowhere: .*\n.*ip netns add/,
    );
  });

  it('because no interface has its address', async () => {
    const elsewhere = (underlay: object) => second((config) => ({ ...config, underlay }));
    const sentence = /^No interface of this machine has the address 10\.9\.9\.9\.\n/;
    await expectRefusal(elsewhere({ address: '10.9.9.9' }), sentence);
    await expectRefusal(elsewhere({ address: '10.9.9.9', mtu: 1500 }), sentence);
  });

  it('because the MTU of the interface with its address is too small', async () => {
    await lab.run('host1', ['ip', 'link', 'set', 'dev', 'leaf1', 'mtu', '600']);
    const file = second((config) => ({ ...config, underlay: { address: config.underlay.address } }));
    try {
      await expectRefusal(
        file,
        /^sel1: an underlay MTU of 600 leaves 524 bytes, and a vNIC needs 576; raise/,
      );
    } finally {
      await lab.run('host1', ['ip', 'link', 'set', 'dev', 'leaf1', 'mtu', String(lab.topology.mtu)]);
    }
  });

  it('because its folder for captures is none', async () => {
    const file = second((config) => ({
      ...config,
      underlay: { ...config.underlay, port: 4790, sourcePorts: 50_000 },
    }));
    const wrapped = ['/bin/sh', '-c', `exec "$0" "$@" --pcap ${file}/captures`];
    await expectRefusal(file, /^Capture files cannot be written to .*second\.yaml\/captures: /, wrapped);
  });

  describe('because it lacks a privilege', () => {
    const free = (config: AgentConfig) => ({
      ...config,
      underlay: { ...config.underlay, port: 4790, sourcePorts: 50_000 },
    });

    it('for other namespaces', async () => {
      const without = ['setpriv', '--bounding-set=-all', '--inh-caps=-all'];
      const sentence = /^Could not enter the network namespace .*: EPERM.*\n.*root.*CAP_SYS_ADMIN/;
      await expectRefusal(second(free), sentence, without);
    });

    it('for TAPs', async () => {
      const without = ['setpriv', '--bounding-set=-net_admin', '--inh-caps=-net_admin'];
      const own = second((config) => {
        const [vni] = free(config).vnis;
        const { netns: _, ...vnic } = vni!.vnics[0]!;
        return { ...free(config), vnis: [{ ...vni!, vnics: [vnic] }] };
      });
      await expectRefusal(own, /^Could not create the TAP sel1: EPERM.*\n.*root.*CAP_NET_ADMIN/, without);
    });
  });

  it('because the group of its clients is unknown', () => {
    const file = second((config) => ({
      ...config,
      underlay: { ...config.underlay, port: 4790, sourcePorts: 50_000 },
      clients: { group: 'selvage-nobodys' },
    }));
    return expectRefusal(file, /^clients\.group: this host has no group selvage-nobodys\.\n.*groupadd/);
  });

  it('because its folder cannot be made', async () => {
    const at = (runtimeDir: string) => second((config) => ({ ...config, runtimeDir }));
    const below = join(lab.runFolder, 'host1.yaml', 'folder');
    await expectRefusal(
      at(below),
      /^The folder .*host1\.yaml\/folder cannot be made: ENOTDIR.*\n.*Set runtimeDir/,
    );
    await expectRefusal(
      at('/proc/selvage'),
      /^The folder \/proc\/selvage cannot be made: ENOENT.*\n.*Set runtimeDir/,
    );
  });
});

it('an agent whose tenant’s interface is removed serves the others, at rest', async () => {
  await ping('tenant2', 'tenant1');
  await lab.run('tenant1', ['ip', 'link', 'delete', 'dev', 'sel0']);
  await eventually('the agent to notice', () =>
    readFileSync(join(lab.runFolder, 'host1.log'), 'utf8').includes('sel0 in /run/netns/'),
  );
  expect((await statusOf(lab, 'host1')).host).toBe('host1');
  await lab.stopAgents(['host1']);
  await lab.startAgents(['host1']);
  await ping('tenant2', 'tenant1');
});
