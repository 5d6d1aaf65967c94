// A vNIC's rules and rate under real TCP (BIFROST §7.1): iperf3 into a rate settles below it, with few frames dropped; a
// port that the rules close gets nothing, while the same two tenants go on talking to each other by others.

import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Lab } from '../../lab/lab.ts';
import { statusOf } from './agent-program.ts';
import { eventually } from './eventually.ts';
import { hasRights, needRights } from './rights.ts';
import { upTwoHosts } from './two-hosts.ts';

needRights();

const RATE_MBIT = 100;
const IPERF_PORT = 5201;
const CLOSED_PORT = 6000;

let lab: Lab;
beforeAll(async () => {
  if (!hasRights) return;
  lab = await upTwoHosts();
  await lab.startAgents(['host1'], { congestion: 'swift' });
  await lab.startAgents(['host2'], {
    congestion: 'swift',
    edit: (config) => {
      const [vni] = config.vnis;
      const accept = [{ protocol: 'tcp', port: IPERF_PORT, from: '192.168.77.0/24' }, { protocol: 'icmp' }];
      const policy = { accept, receiveRate: `${RATE_MBIT}mbit` };
      return { ...config, vnis: [{ ...vni!, vnics: vni!.vnics.map((vnic) => ({ ...vnic, ...policy })) }] };
    },
  });
});
afterAll(() => lab?.down());

const tenant2 = () => lab.tenant('tenant2').selvage.address;

it('TCP into a rate settles below it, and hardly a frame is dropped', async () => {
  const server = await lab.exec('tenant2', ['iperf3', '-s', '-1'], { stdio: 'ignore' });
  const client = ['iperf3', '-J', '-t', '3', '-c', tenant2()];
  const received = await eventually('iperf3', async () => {
    const { status, stdout } = await lab.run('tenant1', client, { anyStatus: true });
    const report = status === 0 ? JSON.parse(stdout) : {};
    return report.end?.sum_received as { bits_per_second: number } | undefined;
  });
  server.kill('SIGKILL');
  // A burst of a tenth of a second comes on top of three.
  expect(received.bits_per_second).toBeLessThan(RATE_MBIT * 1e6 * 1.1);
  expect(received.bits_per_second).toBeGreaterThan(RATE_MBIT * 1e6 * 0.2);
  const { dropped, counters } = await statusOf(lab, 'host2');
  expect(dropped['overRate']!).toBeLessThan(counters['framesDelivered']! * 0.1);
  expect(counters['packetsMarked']!).toBeGreaterThan(0);
  expect((await statusOf(lab, 'host1')).counters['marksReceived']).toBe(counters['packetsMarked']);
});

it('a closed port gets nothing, and other flows of the same pair go on', async () => {
  const program = (code: string) => [process.execPath, '-e', `const net = require('node:net'); ${code}`];
  const listen = `net.createServer(() => console.log('connected')).listen(${CLOSED_PORT}, () => console.log('ready'));`;
  const server = await lab.exec('tenant2', program(listen), { stdio: ['ignore', 'pipe', 'inherit'] });
  let said = '';
  server.stdout!.on('data', (text) => {
    said += text;
  });
  await eventually('the server', () => said === 'ready\n');
  const before = (await statusOf(lab, 'host2')).dropped['notAccepted']!;
  const connect = `net.connect(${CLOSED_PORT}, '${tenant2()}').on('connect', () => process.exit(0));`;
  const client = await lab.exec('tenant1', program(connect), { stdio: 'ignore' });
  await eventually('a repeated attempt', async () => {
    return (await statusOf(lab, 'host2')).dropped['notAccepted']! >= before + 2;
  });
  await lab.run('tenant1', ['ping', '-c', '3', '-i', '0.05', '-W', '5', tenant2()]);
  expect(client.exitCode).toBeNull();
  expect(said).toBe('ready\n');
  client.kill('SIGKILL');
  server.kill('SIGKILL');
});
