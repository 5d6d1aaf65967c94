// Each fault does what it says to real traffic, is counted, and leaves nothing behind when it is reset.
import { existsSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { exitStatus } from '../../lab/execute.ts';
import { flap } from '../../lab/flapping.ts';
import { Lab } from '../../lab/lab.ts';
import type { DirectionStatus } from '../../lab/status.ts';
import { sendBundle } from './bundles.ts';
import { eventually } from './eventually.ts';
import { innerTcpChecksums } from './inner-checksums.ts';
import { hasRights, needRights } from './rights.ts';

needRights();

const LINK = 'host1-leaf1';
const PORT = 9999;
const CAPTURED_PACKETS = 20;
let lab: Lab;
let remote: string;

beforeAll(async () => {
  if (!hasRights) return;
  lab = await Lab.up();
  remote = lab.node('host3').address!;
  await lab.attachKernelVxlan(['tenant1', 'tenant3']);
});
afterEach(async () => {
  for (const link of [LINK, 'leaf1-spine2']) await lab?.resetLink(link);
});
afterAll(() => lab?.down());

interface Pings {
  readonly sent: number;
  readonly received: number;
  /** The shortest round trip; undefined when none came back. */
  readonly shortestMillis: number | undefined;
}

async function ping(from: string, to: string, ...options: string[]): Promise<Pings> {
  const { stdout } = await lab.run(from, ['ping', '-q', '-W', '1', ...options, to], { anyStatus: true });
  const [, sent, received] = /(\d+) packets transmitted, (\d+) received/.exec(stdout)!;
  const shortest = /= ([\d.]+)\//.exec(stdout)?.[1];
  return {
    sent: Number(sent),
    received: Number(received),
    shortestMillis: shortest === undefined ? undefined : Number(shortest),
  };
}

async function drops(link = LINK): Promise<{ aToB: DirectionStatus; bToA: DirectionStatus }> {
  return (await lab.status()).links.find((candidate) => candidate.name === link)!;
}

describe('a blackhole', () => {
  test.each([
    ['a>b', 'aToB', 'bToA'],
    ['b>a', 'bToA', 'aToB'],
  ] as const)('%s swallows that direction and counts it', async (blackhole, swallowed, other) => {
    await lab.setLink(LINK, { blackhole });
    expect(await ping('host1', remote, '-c', '3', '-i', '0.01')).toMatchObject({ sent: 3, received: 0 });
    const counts = await drops();
    expect(counts[swallowed].blackholed).toBeGreaterThanOrEqual(3);
    expect(counts[other].blackholed).toBe(0);
    await lab.resetLink(LINK);
    expect(await ping('host1', remote, '-c', '1')).toMatchObject({ received: 1 });
  });

  test('is silent: the link keeps its carrier and its neighbours, and IPv6 vanishes too', async () => {
    const { stdout } = await lab.run('leaf1', ['ip', '-j', '-6', 'address', 'show', 'dev', 'host1']);
    const address = `${JSON.parse(stdout)[0].addr_info[0].local}%leaf1`;
    await eventually(
      'IPv6 on the link',
      async () => (await ping('host1', address, '-c', '1')).received === 1,
    );
    await lab.setLink(LINK, { blackhole: 'both' });
    expect(await ping('host1', address, '-c', '2', '-i', '0.01')).toMatchObject({ received: 0 });
    const link = await lab.run('host1', ['ip', '-j', 'link', 'show', 'dev', 'leaf1']);
    expect(JSON.parse(link.stdout)[0].operstate).toBe('UP');
    await lab.run('host1', ['ip', 'neighbour', 'flush', 'dev', 'leaf1']);
    await ping('host1', remote, '-c', '1');
    const neighbours = JSON.parse(
      (await lab.run('host1', ['ip', '-j', 'neighbour', 'show', 'dev', 'leaf1'])).stdout,
    );
    const leaf = neighbours.find((neighbour: { dst: string }) => neighbour.dst === lab.node('leaf1').address);
    expect(leaf.lladdr).toMatch(/:/);
  });

  test('on one spine leaves flows over the others alone', async () => {
    await lab.setLink('leaf1-spine2', { blackhole: 'both' });
    const flows = 64;
    const rules = `table inet seen {
  chain arriving {
    type filter hook prerouting priority -300;
    udp dport ${PORT} counter
  }
}
`;
    await lab.run('host3', ['nft', '-f', '-'], { input: rules });
    const send = `for i in $(seq ${flows}); do echo x > /dev/udp/${remote}/${PORT}; done`;
    await lab.run('host1', ['bash', '-c', send]);
    const { aToB } = await drops('leaf1-spine2');
    const { stdout } = await lab.run('host3', ['nft', '-j', 'list', 'table', 'inet', 'seen']);
    const arrived = Number(/"packets": (\d+)/.exec(stdout)![1]);
    expect(arrived).toBeGreaterThan(0);
    expect(arrived).toBeLessThan(flows);
    // The kernel's own chatter may vanish there as well.
    expect(aToB.blackholed).toBeGreaterThanOrEqual(flows - arrived);
  });
});

describe('a hash bucket', () => {
  test('swallows some flows, those wholly, and no others', async () => {
    await lab.setLink(LINK, { blackhole: 'a>b', bucket: { which: 2, of: 4 } });
    const flows = 64;
    const rules = `table inet flows {
  set seen { type inet_service; flags dynamic; size 1024; counter; }
  chain arriving {
    type filter hook prerouting priority -300;
    udp dport ${PORT} update @seen { udp sport }
  }
}
`;
    await lab.run('host3', ['nft', '-f', '-'], { input: rules });
    const send = `
      const socket = () => require('node:dgram').createSocket('udp4');
      for (let i = 0; i < ${flows}; i++) {
        const from = socket();
        from.bind(20000 + i, () => from.send('x', ${PORT}, '${remote}', () =>
          from.send('x', ${PORT}, '${remote}', () => from.close())));
      }`;
    await lab.run('host1', [process.execPath, '-e', send]);
    const { stdout } = await lab.run('host3', ['nft', '-j', 'list', 'set', 'inet', 'flows', 'seen']);
    const packets = [...stdout.matchAll(/"packets": (\d+)/g)].map(([, count]) => Number(count));
    // Binomial, a quarter of 64: six standard deviations are 21.
    expect(packets.length).toBeGreaterThan(27);
    expect(packets.length).toBeLessThan(flows);
    expect(packets.every((count) => count === 2)).toBe(true);
    expect((await drops()).aToB.blackholed).toBeGreaterThanOrEqual(2 * (flows - packets.length));
  });
});

describe('flapping', () => {
  test('breaks links and heals them until it is told to stop', async () => {
    const stop = await flap(lab, [LINK], { blackhole: 'both' }, { brokenMillis: 30, healedMillis: 30 });
    const isBroken = async () => (await ping('host1', remote, '-c', '1', '-W', '0.05')).received === 0;
    await eventually('a healed link', async () => !(await isBroken()));
    await eventually('a broken link', isBroken);
    await eventually('a healed link again', async () => !(await isBroken()));
    await stop();
    expect((await lab.status()).links.find(({ name }) => name === LINK)!.summary).toBe('');
  });
});

describe('jitter', () => {
  test('makes packets late by different times', async () => {
    await lab.setLink(LINK, { jitterMicros: 100_000 });
    const { stdout } = await lab.run('host1', ['ping', '-c', '12', '-i', '0.1', remote]);
    const times = [...stdout.matchAll(/time=([\d.]+)/g)].map(([, millis]) => Number(millis));
    expect(times).toHaveLength(12);
    // Each is the sum of two times up to 100 ms; that all lie within 20 ms of each other does not happen.
    expect(Math.max(...times) - Math.min(...times)).toBeGreaterThan(20);
  });
});

describe('loss', () => {
  test('takes about its share of each direction, every lost packet counted', async () => {
    await lab.setLink(LINK, { lossPpm: 100_000 });
    const { sent, received } = await ping('host1', remote, '-f', '-c', '1000');
    const { aToB, bToA } = await drops();
    expect(sent).toBe(1000);
    expect(sent - received).toBeLessThanOrEqual(aToB.lost + bToA.lost);
    // Binomial, 0.1 of 1000: six standard deviations are 57.
    expect(aToB.lost).toBeGreaterThan(43);
    expect(aToB.lost).toBeLessThan(157);
    expect(bToA.lost).toBeGreaterThan(33);
    expect(bToA.lost).toBeLessThan(150);
  });

  test('goes on counting when another fault joins it', async () => {
    await lab.setLink(LINK, { lossPpm: 500_000 });
    await ping('host1', remote, '-f', '-c', '50');
    const { lost } = (await drops()).aToB;
    expect(lost).toBeGreaterThan(0);
    await lab.setLink(LINK, { blackhole: 'a>b' });
    await ping('host1', remote, '-c', '2', '-i', '0.01');
    const { aToB } = await drops();
    expect(aToB.lost).toBeGreaterThanOrEqual(lost);
    expect(aToB.blackholed).toBeGreaterThanOrEqual(2);
  });
});

interface Sizes {
  readonly datagrams: number;
  readonly packets: number;
  readonly oversized: number;
}

/**
 * Counts, on leaf1, our datagrams from host1, packets with those of the kernel's VXLAN, in which tenants' kernels talk, too,
 * and those among them that are larger than the link's MTU.
 */
async function countSizes(): Promise<() => Promise<Sizes>> {
  const rules = `table inet sizes
delete table inet sizes
table inet sizes {
  counter datagrams { }
  counter seen { }
  counter oversized { }
  chain arriving {
    type filter hook prerouting priority -450;
    iifname "host1" udp dport ${PORT} counter name datagrams
    iifname "host1" udp dport { ${PORT}, 8472 } counter name seen
    iifname "host1" udp dport { ${PORT}, 8472 } meta length > ${lab.topology.mtu} counter name oversized
  }
}
`;
  await lab.run('leaf1', ['nft', '-f', '-'], { input: rules });
  return async () => {
    const { stdout } = await lab.run('leaf1', ['nft', '-j', 'list', 'counters', 'table', 'inet', 'sizes']);
    const counters: { counter?: { name: string; packets: number } }[] = JSON.parse(stdout).nftables;
    const packets = (name: string) =>
      counters.find((entry) => entry.counter?.name === name)!.counter!.packets;
    return { datagrams: packets('datagrams'), packets: packets('seen'), oversized: packets('oversized') };
  };
}

function sendToRemote(): void {
  const from = lab.node('host1');
  sendBundle({
    netns: from.netns,
    from: from.address!,
    to: remote,
    port: PORT,
    packetBytes: 1400,
    packets: 40,
  });
}

async function sendTcpThroughVxlan(): Promise<void> {
  const server = await lab.exec('tenant3', ['iperf3', '-s', '-1'], { stdio: 'ignore' });
  const client = ['iperf3', '-c', lab.tenant('tenant3').kernel.address, '-n', '4M'];
  await eventually(
    'iperf3',
    async () => (await lab.run('tenant1', client, { anyStatus: true })).status === 0,
  );
  server.kill('SIGKILL');
}

describe('offload bundles', () => {
  test('cross a healthy link whole', async () => {
    const sizes = await countSizes();
    sendToRemote();
    expect(await sizes()).toMatchObject({ datagrams: 1, oversized: 1 });
    await sendTcpThroughVxlan();
    expect((await sizes()).oversized).toBeGreaterThan(1);
  });

  test.each([
    ['loss', { lossPpm: 1 }],
    ['a rate', { rateBitsPerSecond: 1e9, queuePackets: 1000 }],
    ['delay', { delayMicros: 1000 }],
    ['checksums as on a real wire', { realWire: true as const }],
  ])('are cut into packets before they cross a link with %s', async (_, conditions) => {
    await lab.setLink(LINK, conditions);
    const sizes = await countSizes();
    sendToRemote();
    await eventually('40 datagrams', async () => (await sizes()).datagrams >= 40);
    expect(await sizes()).toMatchObject({ datagrams: 40, oversized: 0 });
    await sendTcpThroughVxlan();
    const after = await sizes();
    // iperf3 ends with part of its 4 MB still in the socket: far more packets than bundles is enough.
    expect(after.packets).toBeGreaterThan(500);
    expect(after.oversized).toBe(0);
  });
});

/** Of the TCP packets that the kernel's VXLAN sends over the link, those whose inner checksum is complete and those not. */
async function countChecksums(): Promise<{ complete: number; incomplete: number }> {
  const file = join(lab.runFolder, 'link.pcap');
  rmSync(file, { force: true });
  const options = ['-i', 'host1', '-Q', 'in', '-s', '0', '-c', String(CAPTURED_PACKETS), '-U', '-w', file];
  const filter = ['udp', 'dst', 'port', '8472'];
  const capture = await lab.exec('leaf1', ['tcpdump', ...options, ...filter], { stdio: 'ignore' });
  // It ends by itself when it has that many.
  const ended = exitStatus(capture);
  await eventually('tcpdump', () => existsSync(file) && statSync(file).size > 0);
  await eventually('enough packets', async () => {
    await sendTcpThroughVxlan();
    return capture.exitCode !== null;
  });
  await ended;
  return innerTcpChecksums(readFileSync(file));
}

describe('checksums', () => {
  test('are left open by veth, and complete as on a real wire', async () => {
    expect((await countChecksums()).incomplete).toBeGreaterThan(0);
    await lab.setRealWire(LINK, true);
    const { complete, incomplete } = await countChecksums();
    expect({ complete, incomplete }).toEqual({ complete: CAPTURED_PACKETS, incomplete: 0 });
    await lab.setRealWire(LINK, false);
    expect((await countChecksums()).incomplete).toBeGreaterThan(0);
  });
});

describe('a rate', () => {
  test('lets no more through, and its queue drops the rest packet by packet', async () => {
    await lab.setLink(LINK, { rateBitsPerSecond: 1e6, queuePackets: 10 });
    sendToRemote();
    sendToRemote();
    const { aToB } = await drops();
    // Two packets from the bucket and ten from the queue; what else the rate lets go while this runs is unknown.
    expect(aToB.queueDrops).toBeGreaterThan(0);
    expect(aToB.queueDrops).toBeLessThanOrEqual(80 - 12);
  });

  test.each([
    ['alone', {}],
    ['with delay', { delayMicros: 1000 }],
  ])('%s bounds what a flow gets', async (_, more) => {
    await lab.setLink(LINK, { rateBitsPerSecond: 8e6, queuePackets: 100, ...more });
    const server = await lab.exec('tenant3', ['iperf3', '-s', '-1'], { stdio: 'ignore' });
    const client = ['iperf3', '-J', '-t', '1', '-c', lab.tenant('tenant3').kernel.address];
    const report = await eventually('iperf3', async () => {
      const { status, stdout } = await lab.run('tenant1', client, { anyStatus: true });
      const report = status === 0 ? JSON.parse(stdout) : {};
      return report.end?.sum_received && report;
    });
    server.kill('SIGKILL');
    const bitsPerSecond: number = report.end.sum_received.bits_per_second;
    expect(bitsPerSecond).toBeGreaterThan(0);
    expect(bitsPerSecond).toBeLessThan(8e6);
  });
});

describe('delay', () => {
  test('is added to each direction, can be changed, and goes', async () => {
    await lab.setLink(LINK, { delayMicros: 20_000 });
    const delayed = await ping('host1', remote, '-c', '5', '-i', '0.01');
    expect(delayed).toMatchObject({ received: 5 });
    expect(delayed.shortestMillis).toBeGreaterThanOrEqual(40);
    await lab.setLink(LINK, { delayMicros: 5000 });
    const shortest = () =>
      ping('host1', remote, '-c', '5', '-i', '0.01').then((pings) => pings.shortestMillis!);
    expect(await eventually('the shorter delay', async () => (await shortest()) < 40)).toBe(true);
    expect(await shortest()).toBeGreaterThanOrEqual(10);
    await lab.resetLink(LINK);
    expect(await eventually('no delay', async () => (await shortest()) < 10)).toBe(true);
  });

  test('comes back with a new emulator when the first has ended', async () => {
    await lab.setLink(LINK, { delayMicros: 10_000 });
    const [emulator] = (await lab.status()).processes;
    process.kill(emulator!.pid, 'SIGKILL');
    await eventually('its end', async () => !(await lab.status()).processes[0]!.alive);
    expect(await ping('host1', remote, '-c', '1')).toMatchObject({ received: 0 });
    await lab.setLink(LINK, { delayMicros: 5000 });
    // One: after the first answer, ping waits for others two round trips only.
    const again = await ping('host1', remote, '-c', '1');
    expect(again.received).toBe(1);
    expect(again.shortestMillis).toBeGreaterThanOrEqual(10);
  });

  test('goes together with loss and a blackhole', async () => {
    await lab.setLink(LINK, { delayMicros: 1000, lossPpm: 500_000 });
    await ping('host1', remote, '-f', '-c', '50');
    expect((await drops()).bToA.lost).toBeGreaterThan(0);
    await lab.setLink(LINK, { blackhole: 'both' });
    expect(await ping('host1', remote, '-c', '1')).toMatchObject({ received: 0 });
  });
});

describe('a cut', () => {
  test('takes the carrier at both ends and the routes over it, and gives them back', async () => {
    const routes = async (node: string) => (await lab.run(node, ['ip', '-j', 'route'])).stdout;
    const before = [await routes('leaf1'), await routes('spine2'), await routes('host1')];
    await lab.setLink('leaf1-spine2', { carrier: 'down' });
    expect(await routes('spine2')).not.toBe(before[1]);
    // Flows from this rack go by the other spines.
    expect(await ping('leaf1', lab.node('leaf2').address!, '-c', '1')).toMatchObject({ sent: 1 });
    await lab.setLink(LINK, { carrier: 'down' });
    expect(await ping('host2', lab.node('host1').address!, '-c', '1')).toMatchObject({ received: 0 });
    await lab.resetLink('leaf1-spine2');
    await lab.resetLink(LINK);
    expect([await routes('leaf1'), await routes('spine2'), await routes('host1')].map(sortedRoutes)).toEqual(
      before.map(sortedRoutes),
    );
    expect(await ping('host1', remote, '-c', '1')).toMatchObject({ received: 1 });
  });

  function sortedRoutes(json: string): string[] {
    const withoutFlags = JSON.parse(json).map(({ flags: _, ...route }: { flags: unknown }) =>
      JSON.stringify(route),
    );
    return withoutFlags.sort();
  }
});

describe('a reset', () => {
  /** All that a fault may touch, at both ends, as the system shows it. */
  async function settings(): Promise<string[]> {
    const ends = [
      ['host1', 'leaf1'],
      ['leaf1', 'host1'],
    ] as const;
    const shown = ends.map(async ([node, device]) => {
      const commands = [
        ['ip', '-details', 'link', 'show', 'dev', device],
        ['ls', '/sys/class/net'],
        ['tc', 'qdisc', 'show', 'dev', device],
        ['tc', 'filter', 'show', 'dev', device, 'egress'],
        ['ethtool', '-k', device],
        ['nft', 'list', 'tables'],
      ];
      const outputs = await Promise.all(
        commands.map(async (command) => (await lab.run(node, command)).stdout),
      );
      return outputs;
    });
    return (await Promise.all(shown)).flat();
  }

  test.each([
    ['loss', { lossPpm: 10_000 }],
    ['a rate', { rateBitsPerSecond: 1e6 }],
    ['delay', { delayMicros: 1000 }],
    ['a blackhole', { blackhole: 'both' as const }],
    ['a cut', { carrier: 'down' as const }],
    ['a real wire', { realWire: true as const }],
    [
      'all at once',
      {
        lossPpm: 1,
        rateBitsPerSecond: 1e9,
        delayMicros: 100,
        blackhole: 'a>b' as const,
        realWire: true as const,
      },
    ],
  ])('restores everything after %s', async (_, conditions) => {
    const before = await settings();
    await lab.setLink(LINK, conditions);
    expect(await settings()).not.toEqual(before);
    await lab.resetLink(LINK);
    // The kernel notices a carrier in its own time.
    await eventually(
      'the carrier',
      async () => !(await settings()).some((text) => text.includes('NO-CARRIER')),
    );
    expect(await settings()).toEqual(before);
  });
});
