// `selvage emulate`: the program behind the link sees it, the caller sees its exit status, and nobody sees it afterwards.
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, type TestContext, test } from 'vitest';
import type { EmulateReport } from '../../lab/emulate-report.ts';
import { namespacesWithPrefix } from '../../lab/namespaces.ts';
import { findProgram } from '../../lab/programs.ts';
import { labsFolder } from '../../lab/state.ts';
import { eventually } from './eventually.ts';
import { needRights } from './rights.ts';
import { type Started, selvage, start } from './spawn.ts';

needRights();

const running: Started[] = [];
function emulate(...args: string[]): Started {
  const started = start('commands.ts', 'emulate', ...args);
  running.push(started);
  return started;
}
afterEach(async () => {
  for (const { child, ended } of running.splice(0)) {
    child.kill('SIGTERM');
    await ended;
  }
});

/** Of the run with that process. */
function namespaceOf({ child }: Started): string[] {
  return namespacesWithPrefix(`selvage.emulate.${child.pid}.`);
}

function foldersOf({ child }: Started): string[] {
  return readdirSync(join(labsFolder(), '.emulate')).filter((name) => name.startsWith(`${child.pid}.`));
}

function emulatorOf({ child }: Started): number {
  const { pid } = child;
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1').trim().split(' ');
  return Number(
    children.find((each) => readFileSync(`/proc/${each}/cmdline`, 'latin1').includes('emulator')),
  );
}

const folder = mkdtempSync(join(tmpdir(), 'selvage-emulate-'));
afterAll(() => rmSync(folder, { recursive: true }));
const reportFile = join(folder, 'report.json');

function readReport(): EmulateReport {
  return JSON.parse(readFileSync(reportFile, 'utf8'));
}

/** Another `selvage emulate`, as words for a shell. */
const AGAIN = `${process.execPath} --import tsx ${join(import.meta.dirname, 'commands.ts')} emulate`;

/** Datagrams of 1400 bytes, 1442 on the wire, as fast as a shell sends them to where nobody listens. */
function sendDatagrams(count: number): string {
  return `x=$(head -c 1400 /dev/zero | tr '\\0' x)
for i in $(seq ${count}); do printf %s "$x" > /dev/udp/$SELVAGE_GATEWAY/9; done 2> /dev/null`;
}
const DATAGRAM_BITS = 1442 * 8;

/** For a shell: it may have been fetched, and be in no path. */
async function pingFor({ skip }: TestContext): Promise<string> {
  const ping = await findProgram('ping');
  if (ping === undefined) return skip('there is no ping here and it could not be fetched');
  return ['env', ...Object.entries(ping.env).map(([name, value]) => `${name}=${value}`), ping.path].join(' ');
}

function hasInterfaceWith(address: string): boolean {
  return Object.values(networkInterfaces()).some((addresses) =>
    addresses!.some((each) => each.address === address),
  );
}

const SHOW = 'echo "gateway $SELVAGE_GATEWAY"';

function gatewayOf(output: string): string | undefined {
  return /^gateway (100\.\d+\.\d+\.\d+)$/m.exec(output)?.[1];
}

describe('a program behind an emulated link', () => {
  test('is told its gateway, and its exit status is ours', async () => {
    const started = emulate(
      '--delay',
      '1ms',
      '--',
      'sh',
      '-c',
      `${SHOW}; ip -br address show dev uplink; exit 7`,
    );
    const { status, stdout } = await started.ended;
    expect(status).toBe(7);
    expect(gatewayOf(stdout)).toBeDefined();
    expect(stdout).toMatch(/^uplink .* 100\.\d+\.\d+\.\d+\/30/m);
    expect(namespaceOf(started)).toEqual([]);
    expect(hasInterfaceWith(gatewayOf(stdout)!)).toBe(false);
  });

  test('sees the delay both ways', async (context) => {
    const script = `${await pingFor(context)} -q -c 5 -i 0.01 $SELVAGE_GATEWAY`;
    const { status, stdout } = await emulate('--delay', '20ms', '--', 'sh', '-c', script).ended;
    expect(status).toBe(0);
    expect(Number(/= ([\d.]+)\//.exec(stdout)![1])).toBeGreaterThanOrEqual(40);
  });

  test('loses what finds the queue full, and nothing else', async (context) => {
    const ping = await pingFor(context);
    const server = createSocket('udp4').bind(0);
    await once(server, 'listening');
    let received = 0;
    server.on('message', () => received++);
    // 60 datagrams at once, of which each takes 115 ms to send; the echo comes behind those that were queued.
    const script = `x=$(head -c 1400 /dev/zero | tr '\\0' x)
for i in $(seq 60); do printf %s "$x" > /dev/udp/$SELVAGE_GATEWAY/${server.address().port}; done
until ${ping} -q -c 1 -W 2 $SELVAGE_GATEWAY; do :; done
`;
    const { status } = await emulate('--rate', '100kbit', '--queue', '10', '--', 'bash', '-c', script).ended;
    server.close();
    expect(status).toBe(0);
    expect(received).toBeGreaterThanOrEqual(10);
    expect(received).toBeLessThan(60);
  });

  test('is ended by a signal to us, and everything goes with it', async () => {
    const started = emulate('--', 'sh', '-c', `${SHOW}; exec sleep 1000`);
    const gateway = await eventually('the program', () => gatewayOf(started.output()));
    expect(hasInterfaceWith(gateway)).toBe(true);
    started.child.kill('SIGTERM');
    expect((await started.ended).status).toBe(128 + 15);
    expect(namespaceOf(started)).toEqual([]);
    expect(hasInterfaceWith(gateway)).toBe(false);
  });

  test('leaves nothing behind when a signal comes after its end, before the report', async () => {
    const started = emulate('--', 'sh', '-c', 'echo "program $$"; exec sleep 1000');
    const program = await eventually('the program', () => /^program (\d+)$/m.exec(started.output())?.[1]);
    // It cannot report while it is stopped.
    process.kill(emulatorOf(started), 'SIGSTOP');
    process.kill(Number(program), 'SIGKILL');
    await eventually('its end', () => !existsSync(`/proc/${program}`));
    started.child.kill('SIGTERM');
    const { status, stderr } = await started.ended;
    expect({ status, stderr }).toEqual({ status: 'SIGTERM', stderr: '' });
    expect(namespaceOf(started)).toEqual([]);
    expect(foldersOf(started)).toEqual([]);
  });

  test('has addresses of its own when there are several', async () => {
    const both = [
      emulate('--', 'sh', '-c', `${SHOW}; exec sleep 1000`),
      emulate('--', 'sh', '-c', `${SHOW}; exec sleep 1000`),
    ];
    const gateways = await Promise.all(
      both.map((started) => eventually('the program', () => gatewayOf(started.output()))),
    );
    expect(gateways[0]).not.toBe(gateways[1]);
  });

  test('has other addresses than the one before, whose connections may still be sent again', async () => {
    const gateways: (string | undefined)[] = [];
    for (let i = 0; i < 2; i++) {
      gateways.push(gatewayOf((await emulate('--quiet', '--', 'sh', '-c', SHOW).ended).stdout));
    }
    expect(gateways[0]).toBeDefined();
    expect(gateways[1]).toBeDefined();
    expect(gateways[1]).not.toBe(gateways[0]);
  });

  test('is cleaned up by the next run when we were killed', async () => {
    const started = emulate('--', 'sh', '-c', `${SHOW}; exec sleep 1000`);
    const gateway = await eventually('the program', () => gatewayOf(started.output()));
    started.child.kill('SIGKILL');
    await eventually('the end of the link', () => !hasInterfaceWith(gateway));
    expect(namespaceOf(started)).not.toEqual([]);
    expect(foldersOf(started)).toHaveLength(1);
    expect((await selvage('emulate', '--', 'true')).status).toBe(0);
    expect(namespaceOf(started)).toEqual([]);
    expect(foldersOf(started)).toEqual([]);
    await started.ended;
  });
});

describe('what an emulated link reports', () => {
  test('no more than its rate, no packet before its time, and what was dropped', async (context) => {
    // Comes out behind all that was sent.
    const echo = `until ${await pingFor(context)} -q -c 1 -W 2 $SELVAGE_GATEWAY; do :; done`;
    // The queue is 10 kB: seven datagrams. Each takes 11.5 ms.
    const link = ['--rate', '1mbit', '--delay', '20ms', '--queue', '2bdp', '--quiet', '--report', reportFile];
    const { status, stderr } = await emulate(...link, '--', 'bash', '-c', `${sendDatagrams(40)}; ${echo}`)
      .ended;
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    const { up, down } = readReport();
    expect(up.arrivedPackets).toBeGreaterThan(40);
    expect(up.deliveredPackets + up.droppedPackets).toBe(up.arrivedPackets);
    expect(up.capacityBitsPerSecond! / 1e6).toBeCloseTo(1, 2);
    expect(up.throughputBitsPerSecond).toBeLessThanOrEqual(up.capacityBitsPerSecond! + 1);
    expect(up.queueingDelayMillis.median).toBeGreaterThanOrEqual(DATAGRAM_BITS / 1e3 - 0.01);
    // 80 ms of queue, and the step of the histogram.
    expect(up.queueingDelayMillis.max).toBeLessThanOrEqual(80.01);
    expect([up.missedPackets, down.missedPackets, down.droppedPackets]).toEqual([0, 0, 0]);
  });

  test('packets as on a wire, however the sender’s kernel bundles them, and a stream that arrives whole', async () => {
    const bytes = 500_000;
    let received = 0;
    const server = createServer((socket) => socket.on('data', (data) => (received += data.length))).listen(0);
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    const trace = join(folder, 'trace');
    // Four packets a millisecond: 48 Mbit/s.
    writeFileSync(trace, '1\n1\n1\n1\n2\n2\n2\n2\n');
    const log = join(folder, 'log.csv');
    const files = ['--report', reportFile, '--log', log];
    // It reads until the other end has closed, too: everything was delivered.
    const script = `exec 3<> /dev/tcp/$SELVAGE_GATEWAY/${port}; head -c ${bytes} /dev/zero >&3; echo end >&3
until [ -e ${folder}/received ]; do sleep 0.01; done`;
    const ended = emulate('--trace', trace, '--queue', '50', ...files, '--', 'bash', '-c', script).ended;
    await eventually('the stream', () => received === bytes + 4);
    writeFileSync(join(folder, 'received'), '');
    expect((await ended).status).toBe(0);
    server.close();
    const { up } = readReport();
    // Segments of 1448 bytes, and a few small ones around.
    expect(up.arrivedPackets).toBeGreaterThanOrEqual(Math.ceil(bytes / 1448));
    expect(up.throughputBitsPerSecond).toBeLessThanOrEqual(up.capacityBitsPerSecond! + 1);

    const [head, ...rows] = readFileSync(log, 'utf8').trim().split('\n');
    const columns = head!.split(',');
    const column = (name: string) =>
      rows
        .map((row) => row.split(','))
        .filter((cells) => cells[columns.indexOf('direction')] === 'up')
        .map((cells) => Number(cells[columns.indexOf(name)]));
    const sum = (name: string) => column(name).reduce((total, value) => total + value, 0);
    expect(sum('sent_packets') + sum('dropped_packets')).toBe(
      up.arrivedPackets - column('queue_packets').at(-1)!,
    );
    expect(Math.max(...column('queue_packets'))).toBeLessThanOrEqual(50);
    expect(Math.max(...column('queue_peak_bytes'))).toBeLessThanOrEqual(50 * 1514);
    expect(Math.max(...column('time_ms'))).toBeGreaterThan(0);
  });

  test('the same losses with the same seed', async () => {
    const lost: number[] = [];
    for (const seed of ['7', '7', '8']) {
      const args = ['--loss', '20%,0%', '--seed', seed, '--report', reportFile];
      const { stderr } = await emulate(...args, '--', 'bash', '-c', sendDatagrams(200)).ended;
      expect(stderr).toContain(`--seed ${seed} repeats`);
      const { up } = readReport();
      // Nothing but the datagrams: whatever else crossed the link would take losses from the seed.
      expect(up.arrivedPackets).toBe(200);
      expect(up.lostPackets).toBeGreaterThan(10);
      expect(up.lostPackets).toBeLessThan(90);
      lost.push(up.lostPackets);
    }
    expect(lost[1]).toBe(lost[0]);
    expect(lost[2]).not.toBe(lost[0]);
  });
});

describe('a TCP of Linux behind a queue that is too long for CoDel', () => {
  const bytes = 1_000_000;

  /** The program's namespace has settings of its own for connections that it opens; this side takes what is offered. */
  async function upload(...options: string[]): Promise<EmulateReport> {
    let received = 0;
    const server = createServer((socket) => {
      socket.on('data', (data) => (received += data.length));
      socket.on('error', () => {});
    }).listen(0);
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    const link = ['--rate', '4mbit', '--delay', '5ms', '--qdisc', 'fq_codel', ...options];
    // It reads until the other end has closed, too: everything was delivered.
    const script = `cd /proc/sys/net/ipv4; echo 1 > tcp_ecn; echo reno > tcp_congestion_control
exec 3<> /dev/tcp/$SELVAGE_GATEWAY/${port}; head -c ${bytes} /dev/zero >&3
until [ -e ${folder}/uploaded ]; do sleep 0.01; done`;
    rmSync(join(folder, 'uploaded'), { force: true });
    const { ended } = emulate(...link, '--quiet', '--report', reportFile, '--', 'bash', '-c', script);
    await eventually('the stream', () => received === bytes);
    writeFileSync(join(folder, 'uploaded'), '');
    server.close();
    const { status, stderr } = await ended;
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    return readReport();
  }

  test('is told by marks with --ecn, which arrive whole, and loses nothing', async () => {
    const before = ipCounters();
    const { up } = await upload('--ecn');
    const after = ipCounters();
    expect(up.markedPackets).toBeGreaterThan(2);
    expect(up.droppedPackets).toBe(0);
    // Every packet once, and a few small ones around.
    expect(up.arrivedPackets).toBeLessThan(Math.ceil(bytes / 1448) + 20);
    expect(after.InCEPkts! - before.InCEPkts!).toBeGreaterThanOrEqual(up.markedPackets);
    expect(after.InCsumErrors).toBe(before.InCsumErrors);
  });

  test('loses packets without', async () => {
    const { up } = await upload();
    expect(up.markedPackets).toBe(0);
    expect(up.droppedPackets).toBeGreaterThan(2);
  });
});

/** Of what arrived here (IpExt of nstat). */
function ipCounters(): Record<string, number> {
  const [names, values] = readFileSync('/proc/net/netstat', 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('IpExt: '))
    .map((line) => line.split(' ').slice(1));
  return Object.fromEntries(names!.map((name, i) => [name, Number(values![i])]));
}

describe('a link inside a link', () => {
  test('reaches the outermost side with the delay of both, and knows it', async (context) => {
    const ping = await pingFor(context);
    const inner = `${AGAIN} --rate 10mbit --delay 5ms --queue 1bdp -- sh -c '${SHOW}; ${ping} -q -c 3 -i 0.01 $SELVAGE_GATEWAY'`;
    const { status, stdout, stderr } = await emulate('--delay', '20ms', '--', 'sh', '-c', `${SHOW}; ${inner}`)
      .ended;
    expect(status).toBe(0);
    const gateways = [...stdout.matchAll(/^gateway (.*)$/gm)].map(([, address]) => address);
    expect(gateways).toHaveLength(2);
    expect(gateways[1]).toBe(gateways[0]);
    expect(Number(/= ([\d.]+)\//.exec(stdout)![1])).toBeGreaterThanOrEqual(50);
    // 10 Mbit/s for the 50 ms of both.
    expect(stderr).toContain('fifo 62500B');
  });

  test('refuses a round trip of the links around that is none', async () => {
    const inner = `SELVAGE_RTT_MICROS=20ms ${AGAIN} --rate 1mbit --queue 1bdp -- true`;
    const { status, stderr } = await emulate('--quiet', '--delay', '1ms', '--', 'sh', '-c', inner).ended;
    expect(status).toBe(1);
    expect(stderr).toContain('SELVAGE_RTT_MICROS is “20ms”, which is no number of microseconds.');
  });

  test('is removed with the outer one, however that ended', async () => {
    const inner = `${AGAIN} --delay 1ms -- sh -c 'echo "inside of $PPID"; exec sleep 1000'`;
    const started = emulate('--', 'sh', '-c', inner);
    const pid = await eventually('the inner program', () => /^inside of (\d+)$/m.exec(started.output())?.[1]);
    const namespaces = () => [...namespaceOf(started), ...namespacesWithPrefix(`selvage.emulate.${pid}.`)];
    expect(namespaces()).toHaveLength(2);
    started.child.kill('SIGKILL');
    expect((await selvage('emulate', '--', 'true')).status).toBe(0);
    await started.ended;
    expect(namespaces()).toEqual([]);
  });
});

test('makes a cellular trace, the same with the same seed, and says how', async () => {
  const [once, again] = await Promise.all([
    selvage('emulate', '--make-trace', 'cellular', '--seed', '7', '--duration', '10s'),
    selvage('emulate', '--make-trace', 'cellular', '--seed', '7', '--duration', '10s'),
  ]);
  expect(once.status).toBe(0);
  expect(once.stdout).toMatch(/^\d+\n(?:\d+\n)*10000\n$/);
  expect(once.stderr).toContain('--seed 7 makes it again');
  expect(again!.stdout).toBe(once.stdout);
});

test.each([
  [['--delay', '10', '--', 'true'], '“10” is not a delay.'],
  [['--rate', 'fast', '--', 'true'], '“fast” is not a rate.'],
  [['--queue', '10', '--', 'true'], 'A queue without a rate'],
  [['--rate', '1mbit', '--qdisc', 'pie', '--', 'true'], 'There is no queue discipline pie.'],
  [['--trace', '/no/such/trace', '--', 'true'], 'The trace /no/such/trace cannot be read.'],
  [['--log', '/no/such/folder/log', '--', 'true'], '/no/such/folder/log cannot be written.'],
  [['--make-trace', 'wired'], 'There is no kind of trace wired.'],
  [['--make-trace', 'cellular', '--delay', '1ms'], '--delay does nothing beside --make-trace.'],
  [['--make-trace', 'cellular', '--', 'true'], '--make-trace runs no program: true.'],
  [['--make-trace', 'cellular', '--duration', '24h', '--rate', '1gbit'], 'may have 7181 million lines.'],
  [['--delay', '1ms'], 'There is no program to run.'],
  [['--', 'no-such-program'], 'The program no-such-program is not installed.'],
  [['--', '/no/such/program'], '/no/such/program is not a program'],
])('refuses %j in a sentence', async (args, sentence) => {
  const { status, stderr } = await selvage('emulate', ...args);
  expect(status).toBe(1);
  expect(stderr).toContain(sentence);
  expect(stderr).not.toContain('    at ');
});
