// Labs come up, work, and go without a trace, however their owner ends.
import { readdirSync, readlinkSync, statSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { afterEach, describe, expect, test } from 'vitest';
import { Lab, removeAbandonedLabs } from '../../lab/lab.ts';
import { namespacesWithPrefix } from '../../lab/namespaces.ts';
import { isAlive, processId } from '../../lab/process.ts';
import { netnsPrefix, readState } from '../../lab/state.ts';
import { parseTopology } from '../../lab/topology-file.ts';
import { SELVAGE } from './agent-program.ts';
import { eventually } from './eventually.ts';
import { needRights } from './rights.ts';
import { selvage, start } from './spawn.ts';

needRights();

const labs: Lab[] = [];
async function up(options: Parameters<typeof Lab.up>[0] = {}): Promise<Lab> {
  const lab = await Lab.up(options);
  labs.push(lab);
  return lab;
}
afterEach(async () => {
  for (const lab of labs.splice(0)) await lab.down();
});

/** Namespaces, state and processes: nothing of the lab is left. */
function traces(name: string): string[] {
  return [
    ...namespacesWithPrefix(netnsPrefix(name)),
    ...(readState(name) === undefined ? [] : ['its state']),
  ];
}

async function reaches(lab: Lab, from: string, address: string, patienceSeconds = 5): Promise<boolean> {
  const ping = ['ping', '-c', '1', '-W', String(patienceSeconds), address];
  const { status } = await lab.run(from, ping, { anyStatus: true });
  return status === 0;
}

describe('a lab', () => {
  test('joins every pair of hosts, and tenants by the kernel’s VXLAN', async () => {
    const lab = await up();
    await lab.attachKernelVxlan();
    expect(await reaches(lab, 'host1', lab.node('host2').address!)).toBe(true);
    expect(await reaches(lab, 'host1', lab.node('host4').address!)).toBe(true);
    expect(await reaches(lab, 'tenant1', lab.tenant('tenant2').kernel.address)).toBe(true);
    expect(await reaches(lab, 'tenant4', lab.tenant('tenant1').kernel.address)).toBe(true);
  });

  test('attaches tenants to the kernel’s VXLAN one after the other', async () => {
    const lab = await up();
    await lab.attachKernelVxlan(['tenant1']);
    await lab.attachKernelVxlan(['tenant3', 'tenant2']);
    await lab.attachKernelVxlan(['tenant1']);
    for (const other of ['tenant2', 'tenant3'])
      expect(await reaches(lab, 'tenant1', lab.tenant(other).kernel.address)).toBe(true);
    expect((await lab.status()).tenants.map((tenant) => tenant.kernelVxlan !== undefined)).toEqual([
      true,
      true,
      true,
      false,
    ]);
  });

  test('spreads flows between racks over all spines', async () => {
    const lab = await up();
    const rules = `table inet seen {
  chain arriving {
    type filter hook prerouting priority -300;
    iifname "leaf1" udp dport 4789 counter
  }
}
`;
    for (const spine of lab.topology.spines) await lab.run(spine, ['nft', '-f', '-'], { input: rules });
    const send = `for port in $(seq 40000 40063); do echo x > /dev/udp/${lab.node('host3').address}/4789; done`;
    await lab.run('host1', ['bash', '-c', send]);
    const seen = await Promise.all(
      lab.topology.spines.map(async (spine) => {
        const { stdout } = await lab.run(spine, ['nft', '-j', 'list', 'table', 'inet', 'seen']);
        return Number(/"packets": (\d+)/.exec(stdout)![1]);
      }),
    );
    expect(seen.reduce((sum, count) => sum + count)).toBe(64);
    expect(seen.every((count) => count > 0)).toBe(true);
  });

  test('leaves the caller’s namespace as it was', async () => {
    const mine = () => Object.keys(networkInterfaces()).filter((name) => !name.startsWith('emu'));
    const before = mine();
    const lab = await up();
    await lab.attachKernelVxlan();
    await lab.setLink('host1-leaf1', { delayMicros: 1000 });
    expect(mine()).toEqual(before);
  });

  test('is built from a file, links with their conditions', async () => {
    const topology = parseTopology(
      `mtu: 9000
racks: [{ name: r1, leaf: edge, hosts: [a1, a2] }, { name: r2, leaf: edge2, hosts: [b1] }]
spines: [s1]
tenants: [{ name: web, host: a2 }, { name: db, host: b1 }]
links: { a1-edge: { loss: 100% } }
`,
      'test.yaml',
    );
    const lab = await up({ topology });
    expect(await reaches(lab, 'a1', lab.node('a2').address!, 1)).toBe(false);
    expect(await reaches(lab, 'a2', lab.node('b1').address!)).toBe(true);
    const whole = [
      'ping',
      '-c',
      '1',
      '-W',
      '5',
      '-M',
      'do',
      '-s',
      String(9000 - 28),
      lab.node('b1').address!,
    ];
    expect((await lab.run('a2', whole)).status).toBe(0);
    expect((await lab.resetLink('a1-edge')).lossPpm).toBe(1_000_000);
  });

  test('does not exist twice, but two labs do with the same addresses', async () => {
    const [one, two] = [await up(), await up()];
    expect(one.name).not.toBe(two.name);
    await expect(Lab.up({ name: one.name })).rejects.toMatchObject({ code: 'in-use' });
    await two.setLink('host1-leaf1', { blackhole: 'both' });
    expect(await reaches(one, 'host1', one.node('host2').address!)).toBe(true);
    expect(await reaches(two, 'host1', two.node('host2').address!, 1)).toBe(false);
    await two.down();
    expect(traces(two.name)).toEqual([]);
    expect(await reaches(one, 'host1', one.node('host2').address!)).toBe(true);
  });

  test('comes up again after it was down', async () => {
    const name = `again${process.pid}`;
    await (await up({ name })).down();
    expect(traces(name)).toEqual([]);
    const lab = await up({ name });
    expect(await reaches(lab, 'host1', lab.node('host3').address!)).toBe(true);
  });

  test('names what is not there, and what was probably meant', async () => {
    const lab = await up();
    await expect(lab.setLink('leaf1-spine9', {})).rejects.toMatchObject({
      code: 'bad-input',
      hint: expect.stringContaining('Did you mean leaf1-spine'),
    });
    expect(() => lab.node('hots1')).toThrow('There is no node hots1.');
    await expect(lab.exec('host1', ['no-such-program'])).rejects.toMatchObject({ code: 'no-program' });
  });
});

describe('when a lab ends', () => {
  test('what runs in it ends too', async () => {
    const lab = await up();
    const child = await lab.exec('tenant1', ['/bin/sleep', '1000'], { stdio: 'ignore' });
    const sleeping = processId(child.pid!)!;
    await lab.down();
    expect(isAlive(sleeping)).toBe(false);
    expect(traces(lab.name)).toEqual([]);
  });

  test('because it could not be built, nothing is left', async () => {
    const name = `half${process.pid}`;
    const prepare = async (lab: Lab) => {
      await lab.setLink('host1-leaf1', { delayMicros: 1000 });
      throw new Error('no further');
    };
    await expect(Lab.up({ name, prepare })).rejects.toThrow('no further');
    expect(traces(name)).toEqual([]);
  });

  test.each(['SIGINT', 'SIGTERM'] as const)('because its owner got %s, nothing is left', async (signal) => {
    const { child, output, ended } = start('hold-lab.ts');
    const name = await eventually('the lab', () => /^(\w+)\n/.exec(output())?.[1]);
    const processes = processesIn(name);
    expect(processes.length).toBeGreaterThanOrEqual(2);
    child.kill(signal);
    expect((await ended).status).toBe(signal);
    expect(traces(name)).toEqual([]);
    expect(processes.filter(isAlive)).toEqual([]);
  });

  test('because its owner was killed, the next command cleans up', async () => {
    const { child, output, ended } = start('hold-lab.ts');
    const name = await eventually('the lab', () => /^(\w+)\n/.exec(output())?.[1]);
    const processes = processesIn(name);
    child.kill('SIGKILL');
    await ended;
    expect(traces(name)).not.toEqual([]);
    expect(await removeAbandonedLabs()).toContain(name);
    expect(traces(name)).toEqual([]);
    expect(processes.filter(isAlive)).toEqual([]);
  });
});

function processesIn(lab: string) {
  const inodes = namespacesWithPrefix(netnsPrefix(lab)).map(
    (name) => `net:[${statSync(`/run/netns/${name}`).ino}]`,
  );
  return readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry) && inodes.includes(networkOf(entry)))
    .map((entry) => processId(Number(entry)))
    .filter((process) => process !== undefined);
}

function networkOf(pid: string): string {
  try {
    return readlinkSync(`/proc/${pid}/ns/net`);
  } catch {
    return '';
  }
}

describe('the command line', () => {
  test('brings a lab up that stays, breaks it, runs programs in it and takes it down', async () => {
    const name = `cli${process.pid}`;
    const lab = ['--lab', name];
    const shown = await selvage('lab', 'up', '--name', name, '--no-agents');
    labs.push(Lab.open(name));
    expect(shown).toMatchObject({ status: 0, stdout: expect.stringContaining('leaf1-spine2') });
    const broken = await selvage('lab', 'set', ...lab, 'leaf1-spine2', '--loss', '1%', '--blackhole', 'a>b');
    expect(broken.stdout).toBe('leaf1-spine2: blackhole leaf1>spine2, loss 1%\n');
    const status = JSON.parse((await selvage('lab', 'status', ...lab, '--json')).stdout);
    expect(status.labs[0].links.find((link: { name: string }) => link.name === 'leaf1-spine2')).toMatchObject(
      {
        conditions: { blackhole: 'a>b', lossPpm: 10_000 },
        summary: 'blackhole leaf1>spine2, loss 1%',
      },
    );
    expect((await selvage('lab', 'reset', ...lab, 'leaf1-spine2')).stdout).toBe('leaf1-spine2: healthy\n');
    const program = await selvage('lab', 'exec', ...lab, 'tenant1', '--', 'sh', '-c', 'ip -br addr; exit 7');
    expect(program).toMatchObject({ status: 7, stdout: expect.stringContaining('192.168.78.1/24') });
    const asked = await selvage('lab', 'exec', ...lab, 'host1', '--', ...SELVAGE, 'status');
    expect(asked.stderr).toContain(`/labs/${name}/host1/agent.sock`);
    expect(await selvage('lab', 'down', ...lab)).toMatchObject({
      status: 0,
      stdout: `Lab ${name} is down.\n`,
    });
    expect(traces(name)).toEqual([]);
  });

  test.each([
    [['up', '/nonexistent.yaml'], '/nonexistent.yaml cannot be read'],
    [['up', '--name', 'A/B'], '“A/B” is not a name for a lab.'],
    [['down', '--lab', 'nosuchlab'], 'nosuchlab'],
    [['set', '--lab', 'nosuchlab', 'leaf1-spine2', '--loss', '1%'], 'nosuchlab'],
  ])('refuses %j in a sentence', async (args, sentence) => {
    const { status, stderr } = await selvage('lab', ...args);
    expect(status).toBe(1);
    expect(stderr).toContain(sentence);
    expect(stderr).not.toContain('    at ');
  });
});
