// `selvage emulate`: the program behind the link sees it, the caller sees its exit status, and nobody sees it afterwards.
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, type TestContext, test } from 'vitest';
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

test.each([
  [['--delay', '10', '--', 'true'], '“10” is not a delay.'],
  [['--rate', 'fast', '--', 'true'], '“fast” is not a rate.'],
  [['--queue', '10', '--', 'true'], 'A queue without a rate'],
  [['--', 'no-such-program'], 'The program no-such-program is not installed.'],
  [['--', '/no/such/program'], '/no/such/program is not a program'],
])('refuses %j in a sentence', async (args, sentence) => {
  const { status, stderr } = await selvage('emulate', ...args);
  expect(status).toBe(1);
  expect(stderr).toContain(sentence);
  expect(stderr).not.toContain('    at ');
});
