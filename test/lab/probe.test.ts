// `selvage probe` between hosts joined by a kernel's VXLAN: what it says of routes is held against the leaf's own routing
// table.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Lab } from '../../lab/lab.ts';
import { batch } from '../../lab/tools.ts';
import { topologyOf } from '../../lab/topology.ts';
import type { ProbeReport } from '../../src/reroute/probe.ts';
import { SELVAGE } from './agent-program.ts';
import { addIpv6, ipv6Of } from './ipv6-fabric.ts';
import { hasRights, needRights } from './rights.ts';

needRights();

/** As lab/kernel-vxlan.ts names it. */
const DEVICE = 'vxlan';
const PORT = 8472;
const PEER = '10.0.2.1';
const OWN = '10.0.1.1';

let lab: Lab;
beforeAll(async () => {
  if (!hasRights) return;
  const racks = [
    { name: 'rack1', leaf: 'leaf1', hosts: ['host1'] },
    { name: 'rack2', leaf: 'leaf2', hosts: ['host2', 'host3'] },
  ];
  lab = await Lab.up({ topology: topologyOf({ racks, spines: ['spine1', 'spine2', 'spine3', 'spine4'] }) });
  await lab.attachKernelVxlan();
  await addIpv6(lab);
  // As routers of hardware do, they answer ten a second instead of one.
  for (const { name, role } of lab.topology.nodes) {
    if (role !== 'leaf' && role !== 'spine') continue;
    for (const limit of ['ipv4/icmp_ratelimit', 'ipv6/icmp/ratelimit']) {
      await lab.run(name, ['sh', '-c', `echo 100 > /proc/sys/net/${limit}`]);
    }
  }
});
afterAll(() => lab?.down());

async function probe(...words: string[]): Promise<ProbeReport> {
  const { stdout } = await lab.run('host1', [...SELVAGE, 'probe', ...words, '--json']);
  return JSON.parse(stdout) as ProbeReport;
}

async function complaint(...words: string[]): Promise<string> {
  const { status, stderr } = await lab.run('host1', [...SELVAGE, 'probe', ...words], { anyStatus: true });
  expect(status).not.toBe(0);
  return stderr;
}

/** The address of the spine that leaf1 sends packets to `peer` to. */
async function spineOf(peer: string, sourcePort: number): Promise<string> {
  const ports = ['ipproto', 'udp', 'sport', String(sourcePort), 'dport', String(PORT)];
  const get = ['ip', '-j', 'route', 'get', peer, 'from', OWN, 'iif', 'host1', ...ports];
  return lab.node(JSON.parse((await lab.run('leaf1', get)).stdout)[0].dev).address!;
}

/** What the peer's device found wrong with what came. */
async function errors(): Promise<number[]> {
  const { stdout } = await lab.run('host2', ['ip', '-j', '-s', 'link', 'show', 'dev', DEVICE]);
  const { errors, dropped } = JSON.parse(stdout)[0].stats64.rx;
  return [errors, dropped];
}

describe('a fabric that hashes on the outer port', () => {
  it('has a route for each spine, and each port takes the one that is said', async () => {
    const before = await errors();
    const report = await probe(PEER, '--dev', DEVICE);
    expect(report).toMatchObject({ source: OWN, peer: PEER, port: PORT, dev: DEVICE, underlay: 'leaf1' });
    expect(report.hashesOnPort).toBe('yes');
    expect(report.routes).toHaveLength(4);
    for (const { routers, sourcePorts, rttMicros, isSilent } of report.routes) {
      expect(isSilent).toBe(false);
      expect(rttMicros).toBeGreaterThan(0);
      for (const port of sourcePorts) {
        expect(routers).toEqual(['10.0.1.254', await spineOf(PEER, port), '10.0.2.254']);
      }
    }
    expect(report.routes.flatMap(({ sourcePorts }) => sourcePorts)).toHaveLength(32);
    expect(report.worst?.routesLeft).toBe(3);
    expect(await errors()).toEqual(before);
  });

  it('is found over IPv6, without a device', async () => {
    const report = await probe(ipv6Of(PEER), '--port', String(PORT), '--ports', '8');
    expect(report.hashesOnPort).toBe('yes');
    expect(report.shared).toEqual(['fd00::a00:1fe', 'fd00::a00:2fe']);
    expect(report.routes.flatMap(({ sourcePorts }) => sourcePorts)).toHaveLength(8);
  });

  it('is known to have a route that swallows packets', async () => {
    const spine = await spineOf(PEER, 10_000);
    const link = `leaf1-${lab.topology.nodes.find(({ name }) => lab.node(name).address === spine)!.name}`;
    await lab.setLink(link, { blackhole: 'both' });
    const { routes, worst } = await probe(PEER, '--ports', '12');
    await lab.resetLink(link);
    const hit: number[] = [];
    for (let port = 10_000; port < 10_012; port++) if ((await spineOf(PEER, port)) === spine) hit.push(port);
    const silent = routes.filter(({ isSilent }) => isSilent);
    expect(silent.map(({ sourcePorts }) => sourcePorts)).toEqual([hit]);
    expect(worst?.routesLeft).toBe(routes.length - 2);
  });
});

it('knows a fabric that does not look at the port', async () => {
  const policy = (value: number) => `echo ${value} > /proc/sys/net/ipv4/fib_multipath_hash_policy`;
  await lab.run('leaf1', ['sh', '-c', policy(0)]);
  // By addresses alone the two hosts of the other rack may take one spine: then by other seeds.
  for (let seed = 1; (await spineOf(PEER, 1)) === (await spineOf('10.0.2.2', 1)); seed++) {
    await lab.run('leaf1', ['sh', '-c', `echo ${seed} > /proc/sys/net/ipv4/fib_multipath_hash_seed`]);
  }
  const report = await probe(PEER, '--ports', '8');
  expect(report).toMatchObject({ hashesOnPort: 'no', elsewhere: await spineOf('10.0.2.2', 1) });
  await lab.run('leaf1', ['sh', '-c', policy(3)]);
});

describe('what cannot be', () => {
  it('is said with what to do', async () => {
    expect(await complaint(PEER, '--dev', 'vxlan0')).toContain(
      'VXLAN devices here are vxlan (UDP port 8472)',
    );
    expect(await complaint(PEER, '--dev', 'leaf1')).toContain(
      'leaf1 is no VXLAN device but of the kind veth',
    );
    expect(await complaint('tenant')).toContain('“tenant” is not an address');
    expect(await complaint(OWN)).toContain('is this host itself');
    expect(await complaint('fd00::1')).toContain('sends from 10.0.1.1');
    await batch('ip', lab.node('host1').netns, ['link add second type vxlan external dstport 4790']);
    expect(await complaint(PEER)).toContain('Name one with --dev');
  });

  it('is said of rights, too', async () => {
    const bare = ['setpriv', '--bounding-set=-net_raw', '--inh-caps=-net_raw', ...SELVAGE];
    const run = await lab.run('host1', [...bare, 'probe', PEER, '--dev', DEVICE], { anyStatus: true });
    expect(run.stderr).toContain('Run as root or with CAP_NET_RAW');
  });
});
