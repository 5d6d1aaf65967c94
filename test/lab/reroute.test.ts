// `selvage reroute` beside a kernel's VXLAN: hosts agree, flows leave a spine that swallows packets and it is said why, a host
// without it is left in peace; what stays when the process is killed, and that nothing does when it ends.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Lab } from '../../lab/lab.ts';
import { packageRoot } from '../../lab/package-root.ts';
import { topologyOf } from '../../lab/topology.ts';
import { SELVAGE } from './agent-program.ts';
import { eventually } from './eventually.ts';
import { FabricView } from './fabric-view.ts';
import { RerouteHost, runtimeDir } from './reroute-host.ts';
import { hasRights, needBpf, needRights } from './rights.ts';
import { Transfer } from './transfer.ts';

needRights();
needBpf();

/** As lab/kernel-vxlan.ts names it. */
const DEVICE = 'vxlan';
const PEER = '10.0.2.1';
const WITHOUT = '10.0.2.2';
const SPINES = ['spine1', 'spine2', 'spine3', 'spine4'];
const MEGABYTE = 1_000_000;
const UNIT = join(packageRoot(), 'examples', 'reroute', 'selvage-reroute@.service');

let lab: Lab;
let fabric: FabricView;
let one: RerouteHost;
beforeAll(async () => {
  if (!hasRights) return;
  const racks = [
    { name: 'rack1', leaf: 'leaf1', hosts: ['host1'] },
    { name: 'rack2', leaf: 'leaf2', hosts: ['host2', 'host3'] },
  ];
  lab = await Lab.up({ topology: topologyOf({ racks, spines: SPINES }) });
  fabric = new FabricView(lab, 8472);
  await lab.attachKernelVxlan();
  one = await RerouteHost.start(lab, 'host1', DEVICE);
  await RerouteHost.start(lab, 'host2', DEVICE);
});
afterAll(() => lab?.down());

const toPeer = () => Transfer.start(lab, 'tenant1', 'tenant2', lab.tenant('tenant2').kernel.address);

async function unload(): Promise<string> {
  const argv = [
    ...SELVAGE,
    'reroute',
    '--unload',
    '--dev',
    DEVICE,
    '--runtime-dir',
    runtimeDir(lab, 'host1'),
  ];
  const { stdout, stderr } = await lab.run('host1', argv, { anyStatus: true });
  return stdout + stderr;
}

describe('two hosts that reroute, and one that does not', () => {
  it('agree, and leave the third in peace', async () => {
    const transfer = await Transfer.start(lab, 'tenant1', 'tenant3', lab.tenant('tenant3').kernel.address);
    await one.says(/10\.0\.2\.1: agreed with it/);
    await one.says(/10\.0\.2\.2: leaves it in peace/);
    const { peers } = await one.status();
    expect(peers.find(({ address }) => address === PEER)).toMatchObject({ state: 'speaks', scenario: 'H-H' });
    expect(peers.find(({ address }) => address === WITHOUT)).toMatchObject({ state: 'plain' });
    await transfer.progress(MEGABYTE);
    const { sent, received } = await transfer.stop();
    expect(received).toBe(sent);
  });

  it('carry TCP round a spine that swallows packets both ways, and say which ports were left', async () => {
    const transfer = await toPeer();
    const spine = await fabric.busiestSpine('leaf1', () => transfer.progress(2 * MEGABYTE));
    const before = await one.why(PEER);
    await fabric.swallow(spine);
    await transfer.progress(5 * MEGABYTE);
    const left = await eventually('an explanation', async () => {
      const news = (await one.why(PEER)).slice(before.length);
      return news.some(({ event }) => event === 'port-left') && news;
    });
    const ports = left.flatMap(({ event, sourcePorts }) => (event === 'port-left' ? sourcePorts : []));
    for (const port of ports) expect(await fabric.spineOf('host1', PEER, port)).toBe(spine);
    // What carries traffic now goes elsewhere: nothing but probes goes to the dead spine.
    const busiest = await fabric.busiestSpine('leaf1', () => transfer.progress(2 * MEGABYTE));
    expect(busiest).not.toBe(spine);
    await fabric.heal(spine);
    const { sent, received } = await transfer.stop();
    expect(received).toBe(sent);
    expect(one.text).toMatch(/10\.0\.2\.1: left source ports? 1\d{4}/);
  });

  it('carry datagrams round it, too', async () => {
    const ping = await lab.exec('tenant2', ['ping', '-i', '0.02', lab.tenant('tenant1').kernel.address], {
      stdio: 'pipe',
    });
    let answers = 0;
    ping.stdout!.setEncoding('utf8').on('data', (text: string) => {
      answers += text.split('bytes from').length - 1;
    });
    const more = async (count: number) => {
      const enough = answers + count;
      await eventually('answers', () => answers >= enough);
    };
    await more(10);
    const spine = await fabric.busiestSpine('leaf2', () => more(100));
    await fabric.swallow(spine);
    await more(100);
    await fabric.heal(spine);
    ping.kill();
  });
});

describe('a process that is killed', () => {
  it('leaves its table in force, and its successor takes over', async () => {
    const transfer = await toPeer();
    const spine = await fabric.busiestSpine('leaf1', () => transfer.progress(2 * MEGABYTE));
    await fabric.swallow(spine);
    await eventually('it to be left', async () =>
      (await one.why(PEER)).some(({ event, secondsAgo }) => event === 'port-left' && secondsAgo < 20),
    );
    await transfer.progress(MEGABYTE);
    await one.end('SIGKILL');
    await transfer.progress(2 * MEGABYTE);
    one = await RerouteHost.start(lab, 'host1', DEVICE);
    await one.says(/10\.0\.2\.1: agreed with it/);
    await transfer.progress(2 * MEGABYTE);
    await fabric.heal(spine);
    const { sent, received } = await transfer.stop();
    expect(received).toBe(sent);
  });

  it('may not be taken off while it lives, or doubled', async () => {
    expect(await unload()).toContain('vxlan is being rerouted already');
    const argv = [...SELVAGE, 'reroute', '--dev', DEVICE, '--runtime-dir', runtimeDir(lab, 'host1')];
    const { stderr } = await lab.run('host1', argv, { anyStatus: true });
    expect(stderr).toContain('vxlan is being rerouted already');
  });

  it('can be taken off afterwards', async () => {
    await one.end('SIGKILL');
    expect(await unload()).toMatch(/^Took 2 programs off leaf1/);
    expect(await unload()).toMatch(/^There was nothing of ours on leaf1/);
  });

  it('takes everything along when it is asked to end, with the rights that its unit gives it', async () => {
    const rights = /^CapabilityBoundingSet=(.*)$/m.exec(readFileSync(UNIT, 'utf8'))![1]!;
    const set = rights.toLowerCase().replaceAll('cap_', '+').replaceAll(' ', ',');
    one = await RerouteHost.start(lab, 'host1', DEVICE, [
      'setpriv',
      `--bounding-set=-all,${set}`,
      '--inh-caps=-all',
    ]);
    await one.says(/agreed with it/);
    await one.end();
    expect(await unload()).toMatch(/^There was nothing of ours on leaf1/);
    const { stderr } = await lab.run(
      'host1',
      [...SELVAGE, 'why', PEER, '--runtime-dir', runtimeDir(lab, 'host1')],
      { anyStatus: true },
    );
    expect(stderr).toContain('nobody listens');
  });
});
