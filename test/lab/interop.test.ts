// Beside a kernel VXLAN device, as any other VTEP would be: `reliable: false` speaks with it both ways, a reliable network
// falls back to it, and tenants cannot pose as others towards it.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SELVAGE_VNI } from '../../lab/addressing.ts';
import { exitStatus } from '../../lab/execute.ts';
import type { Lab } from '../../lab/lab.ts';
import { findProgram } from '../../lab/programs.ts';
import { batch } from '../../lab/tools.ts';
import { statusOf } from './agent-program.ts';
import { eventually } from './eventually.ts';
import { innerTcpChecksums } from './inner-checksums.ts';
import { hasRights, needRights } from './rights.ts';
import { Transfer } from './transfer.ts';
import { upTwoHosts } from './two-hosts.ts';

needRights();

/** IPv4, UDP, VXLAN and inner Ethernet, out of 1500. */
const KERNEL_MTU = 1450;
const CAPTURED_PACKETS = 200;

/** Tenant 1 is behind an agent on host 1; tenant 2 has a kernel VXLAN device whose packets host 2 sends. */
async function upBesideKernel(reliable: boolean): Promise<Lab> {
  const lab = await upTwoHosts();
  const [one, two] = [lab.node('host1'), lab.node('host2')];
  const { mac, address } = lab.tenant('tenant2').selvage;
  await batch('ip', two.netns, [
    `link add name sel0 type vxlan id ${SELVAGE_VNI} local ${two.address} remote ${one.address} dstport 4789 nolearning`,
    `link set dev sel0 netns ${lab.node('tenant2').netns}`,
  ]);
  await batch('ip', lab.node('tenant2').netns, [
    `link set dev sel0 address ${mac} mtu ${KERNEL_MTU} up`,
    `address add ${address}/24 dev sel0`,
    'address add fd00:77::2/64 dev sel0 nodad',
  ]);
  // As between machines: with checksums, and in packets of their MTU.
  await lab.setRealWire('host1-leaf1', true);
  await lab.startAgents(['host1'], {
    reliable,
    edit: (config) => {
      const [vni] = config.vnis;
      const vnics = vni!.vnics.map((vnic) => ({ ...vnic, addresses: [...vnic.addresses, 'fd00:77::1/64'] }));
      const remotes = vni!.remotes.map(({ vtep, vnics: [vnic] }) => ({
        vtep,
        vnics: [{ ...vnic!, addresses: [...vnic!.addresses, 'fd00:77::2'] }],
      }));
      return { ...config, vnis: [{ ...vni!, vnics, remotes }] };
    },
  });
  return lab;
}

async function ping(lab: Lab, from: string, address: string, ...options: string[]): Promise<void> {
  await lab.run(from, ['ping', '-c', '3', '-i', '0.05', '-W', '5', ...options, address]);
}

describe('a network that is not reliable', () => {
  let lab: Lab;
  beforeAll(async () => {
    if (hasRights) lab = await upBesideKernel(false);
  });
  afterAll(() => lab?.down());

  it('answers pings and is answered, over IPv4 and IPv6', async () => {
    await ping(lab, 'tenant2', lab.tenant('tenant1').selvage.address);
    await ping(lab, 'tenant1', lab.tenant('tenant2').selvage.address);
    await ping(lab, 'tenant2', 'fd00:77::1');
    await ping(lab, 'tenant1', 'fd00:77::2');
  });

  it('carries packets of the whole MTU, and fragments', async () => {
    const [one, two] = [lab.tenant('tenant1').selvage.address, lab.tenant('tenant2').selvage.address];
    const whole = String(KERNEL_MTU - 28);
    await ping(lab, 'tenant1', two, '-M', 'do', '-s', whole);
    await ping(lab, 'tenant2', one, '-M', 'do', '-s', whole);
    await ping(lab, 'tenant1', two, '-s', '9000');
    await ping(lab, 'tenant2', one, '-s', '9000');
  });

  it.for([
    ['tenant1', 'tenant2'],
    ['tenant2', 'tenant1'],
  ] as const)('carries TCP from %s to %s as it is', async ([from, to]) => {
    const transfer = await Transfer.start(lab, from, to);
    await transfer.progress();
    const { sent, received } = await transfer.stop();
    expect(received).toBe(sent);
  });

  it('carries iperf3 both ways, every checksum on the wire complete', async ({ skip }) => {
    for (const program of ['tcpdump', 'iperf3']) {
      skip((await findProgram(program)) === undefined, `needs ${program}, which could not be fetched`);
    }
    const file = join(lab.runFolder, 'wire.pcap');
    const filter = ['udp', 'and', 'port', '4789', 'and', 'greater', '1000'];
    const dump = await lab.exec(
      'leaf1',
      ['tcpdump', '-i', 'host1', '-c', String(CAPTURED_PACKETS), '-w', file, ...filter],
      { stdio: ['ignore', 'ignore', 'pipe'] },
    );
    const dumped = exitStatus(dump);
    let said = '';
    dump.stderr!.setEncoding('utf8').on('data', (text: string) => {
      said += text;
    });
    await eventually('tcpdump to listen', () => said.includes('listening on'));
    const server = await lab.exec('tenant2', ['iperf3', '-s', '-1', '--forceflush'], { stdio: 'pipe' });
    let listening = '';
    server.stdout!.setEncoding('utf8').on('data', (text: string) => {
      listening += text;
    });
    await eventually('iperf3 to listen', () => listening.includes('listening'));
    const address = lab.tenant('tenant2').selvage.address;
    const { stdout } = await lab.run('tenant1', ['iperf3', '-c', address, '-n', '8M', '--bidir', '-J']);
    const { end } = JSON.parse(stdout);
    expect(end.sum_received.bytes).toBeGreaterThan(4 << 20);
    expect(end.sum_received_bidir_reverse.bytes).toBeGreaterThan(0);
    expect(await dumped).toBe(0);
    const { complete, incomplete } = innerTcpChecksums(readFileSync(file));
    expect({ complete, incomplete }).toEqual({ complete: CAPTURED_PACKETS, incomplete: 0 });
  });

  it('makes no connection for it', async () => {
    const { connections, counters } = await statusOf(lab, 'host1');
    expect(connections).toEqual([]);
    expect(counters['toPlain']).toBeGreaterThan(0);
  });

  describe('lets no tenant', () => {
    /** Runs something in tenant 1 that should come to nothing, and says which drops it was counted under. */
    async function dropsOf(change: string, undo: string, program: readonly string[]): Promise<string[]> {
      const before = (await statusOf(lab, 'host1')).dropped;
      const netns = lab.node('tenant1').netns;
      await batch('ip', netns, change.split('\n'));
      try {
        expect((await lab.run('tenant1', program, { anyStatus: true })).status).not.toBe(0);
      } finally {
        await batch('ip', netns, undo.split('\n'));
      }
      const after = (await statusOf(lab, 'host1')).dropped;
      return Object.keys(after).filter((reason) => after[reason]! > before[reason]!);
    }

    const attempt = (...words: string[]) => ['ping', '-c', '2', '-i', '0.05', '-W', '0.2', ...words];

    it('send from another MAC', async () => {
      const { mac, interface: name } = lab.tenant('tenant1').selvage;
      const drops = await dropsOf(
        `link set dev ${name} address 02:77:00:00:00:99`,
        `link set dev ${name} address ${mac}`,
        attempt(lab.tenant('tenant2').selvage.address),
      );
      expect(drops).toEqual(['spoofedMac']);
    });

    it.for([
      ['IPv4', '192.168.77.99/24', '192.168.77.99', '192.168.77.2'],
      ['IPv6', 'fd00:77::99/64', 'fd00:77::99', 'fd00:77::2'],
    ] as const)('send from another %s address', async ([, cidr, source, target]) => {
      const drops = await dropsOf(
        `address add ${cidr} dev sel0${cidr.includes('::') ? ' nodad' : ''}`,
        `address delete ${cidr} dev sel0`,
        attempt('-I', source, target),
      );
      expect(drops).toEqual(['spoofedAddress']);
    });
  });
});

describe('a reliable network whose peer is a kernel', () => {
  let lab: Lab;
  beforeAll(async () => {
    if (hasRights) lab = await upBesideKernel(true);
  });
  afterAll(() => lab?.down());

  it('falls back to plain VXLAN and carries TCP', async () => {
    const { address } = lab.tenant('tenant2').selvage;
    await lab.run('tenant1', ['ping', '-c', '1', '-W', '10', address]);
    const { connections, counters } = await statusOf(lab, 'host1');
    expect(connections).toMatchObject([{ state: 'plain', vtep: lab.node('host2').address }]);
    expect(counters['fallbacks']).toBe(1);
    const transfer = await Transfer.start(lab, 'tenant1', 'tenant2');
    await transfer.progress();
    const { sent, received } = await transfer.stop();
    expect(received).toBe(sent);
  });
});
