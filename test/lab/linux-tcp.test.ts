// Linux's own TCP under algorithms of the control plane (CCP §4.5.4, §4.7.4): real connections of iperf3 through a limited
// link.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { Lab } from '../../lab/lab.ts';
import { packageRoot } from '../../lab/package-root.ts';
import { SelvageError } from '../../src/base/errors.ts';
import type { Algorithm } from '../../src/congestion/algorithm.ts';
import { cubic } from '../../src/congestion/algorithms/cubic.ts';
import { reno } from '../../src/congestion/algorithms/reno.ts';
import { SELVAGE } from './agent-program.ts';
import { eventually } from './eventually.ts';
import { needBpf, whyNoBpf } from './rights.ts';
import { type Started, start, startProgram } from './spawn.ts';
import {
  constant,
  isAvailable,
  PATIENT,
  packets,
  Steered,
  type SteerOptions,
  Transfer,
  uniqueName,
  upLimitedLink,
} from './steered-tcp.ts';

needBpf();

let lab: Lab;
const steered: Steered[] = [];
const transfers: Transfer[] = [];
const agents: Started[] = [];

beforeAll(async () => {
  if (whyNoBpf === undefined) lab = await upLimitedLink();
});
afterAll(() => lab?.down());
afterEach(async () => {
  for (const transfer of transfers.splice(0)) await transfer.end();
  for (const { child, ended } of agents.splice(0)) {
    child.kill('SIGKILL');
    await ended;
  }
  for (const each of steered.splice(0)) {
    each.datapath.close();
    await eventually(`${each.name} to go`, () => !isAvailable(each.name));
  }
});

function steer(algorithm: Algorithm, options?: SteerOptions): Steered {
  const each = new Steered(algorithm, uniqueName(), options);
  steered.push(each);
  return each;
}

async function transfer(name: string, port?: number): Promise<Transfer> {
  const started = await Transfer.start(lab, name, port);
  transfers.push(started);
  return started;
}

function agent(name: string): Started {
  const started = start('linux-tcp-agent.ts', name);
  agents.push(started);
  return started;
}

/** As built, ended with the test. */
function selvageProgram(...args: string[]): Started {
  const [node, script] = SELVAGE as [string, string];
  const started = startProgram(node, script, ...args);
  agents.push(started);
  return started;
}

const says = (started: Started, line: string) =>
  eventually(`the line “${line}”`, () => new RegExp(`^${line}`, 'm').test(started.output()));

describe('a connection', () => {
  test('has the window that its algorithm says, and the next algorithm’s when that takes over', async () => {
    const one = steer(packets(7), PATIENT);
    const data = await transfer(one.name);
    await eventually('a window of 7', async () => (await data.state()).cwnd === 7);
    expect(one.opened[0]).toMatchObject({
      protocol: 'tcp',
      source: lab.node('host1').address,
      destinationPort: 5201,
    });
    one.swap(packets(11));
    await eventually('a window of 11', async () => (await data.state()).cwnd === 11);
    await data.moves(100_000);
    expect((await data.state()).cwnd).toBe(11);
    expect(one.events.filter(({ kind }) => kind === 'fallback')).toEqual([]);
    expect(one.datapath.counts).toMatchObject({ missed: 0, unserved: 0 });
  });

  test('is paced as its algorithm says', async () => {
    const bytesPerSecond = 1e6;
    const { name } = steer(constant(({ mssBytes }) => ({ Cwnd: 100 * mssBytes, Rate: bytesPerSecond })));
    const data = await transfer(name);
    await eventually('the rate', async () => (await data.state()).pacing === bytesPerSecond * 8);
    const rate = await data.moves(1_000_000);
    // A fifth of what the link could carry; a slow machine only makes it less.
    expect(rate).toBeLessThan(bytesPerSecond * 8 * 1.2);
  });

  test('that is not paced sends in bursts like the kernel’s own, and not of 64 KB', async () => {
    const { name } = steer(packets(40));
    const data = await transfer(name);
    await data.moves(1_000_000);
    const { cwnd, mssBytes, rttMillis, pacing } = await data.state();
    const windowBitsPerSecond = (cwnd * mssBytes * 8000) / rttMillis;
    expect(pacing / windowBitsPerSecond).toBeGreaterThan(1);
    expect(pacing / windowBitsPerSecond).toBeLessThan(2.5);
  });

  test('moves data under Reno beside another under Cubic', async () => {
    const [one, other] = [steer(reno(), PATIENT), steer(cubic(), PATIENT)];
    const data = [await transfer(one.name, 5201), await transfer(other.name, 5202)];
    await Promise.all(data.map((each) => each.moves(4_000_000)));
    for (const each of [one, other]) {
      expect(each.datapath.counts.reports).toBeGreaterThan(10);
      expect(each.events.filter(({ kind }) => kind === 'fallback')).toEqual([]);
    }
  });
});

test('connections for which there is no slot are left to Reno', async () => {
  const { name, datapath, opened } = steer(reno(), { maxFlows: 1 });
  const data = await transfer(name);
  await data.moves(2_000_000);
  // iperf3 chooses the name at both ends of its connections.
  expect(datapath.counts.unserved).toBeGreaterThan(0);
  expect(opened).toHaveLength(1);
});

describe('an algorithm', () => {
  test.each<[string, Algorithm, object]>([
    [
      'installs nothing',
      { name: 'idle', onCreate: () => ({ onReport: () => {} }) },
      { reason: 'silent', detail: 'the algorithm installed no program for 250 ms' },
    ],
    [
      'asks for a window below 0',
      constant(() => ({ Cwnd: -1 })),
      { reason: 'absurd', detail: 'register 24 was to be -1' },
    ],
    [
      'throws',
      constant(
        () => ({ Cwnd: 20_000 }),
        () => {
          throw new Error('out of ideas');
        },
      ),
      { reason: 'failed', detail: 'out of ideas' },
    ],
  ])('that %s loses its connections to Reno, which goes on', async (_, algorithm, event) => {
    const { name, events } = steer(algorithm);
    const data = await transfer(name);
    await eventually('the fallback', () => events.some(({ kind }) => kind === 'fallback'));
    expect(events.find(({ kind }) => kind === 'fallback')).toMatchObject(event);
    await data.moves(4_000_000);
  });

  test('that was absurd does not keep the next one from its connections', async () => {
    const one = steer(constant(() => ({ Cwnd: Number.NaN })));
    const data = await transfer(one.name);
    await eventually('the fallback', () => one.events.some(({ kind }) => kind === 'fallback'));
    one.swap(packets(9));
    await eventually('a window of 9', async () => (await data.state()).cwnd === 9);
  });
});

describe('the process', () => {
  test('killed under load leaves its connections to Reno, and its successor has them again', async () => {
    const name = uniqueName();
    const first = agent(name);
    await says(first, 'ready');
    const data = await transfer(name);
    await says(first, 'reports');
    first.child.kill('SIGKILL');
    await first.ended;
    await eventually('the name to go', () => !isAvailable(name));
    await data.moves(2_000_000);
    const second = agent(name);
    await says(second, 'open \\d+ 5201');
    await says(second, 'installed');
    await says(second, 'reports');
    await data.moves(1_000_000);
    expect(second.output()).not.toContain('fallback');
    second.child.kill('SIGTERM');
    await second.ended;
    expect(isAvailable(name)).toBe(false);
    await data.moves(1_000_000);
  });

  test('cannot take a name that is in use, and says so', () => {
    const { name } = steer(reno());
    expect(() => new Steered(reno(), name)).toThrow(SelvageError);
    expect(() => new Steered(reno(), name)).toThrow(`The name “${name}” is taken already.`);
    expect(() => new Steered(reno(), 'reno')).toThrow('The name “reno” is taken already.');
    expect(() => new Steered(reno(), 'no spaces')).toThrow('cannot be the name of a congestion control');
  });
});

describe('selvage cc run --linux', () => {
  const run = (file: string, name: string, ...more: string[]) =>
    selvageProgram('cc', 'run', file, '--linux', name, ...more);

  test('governs connections by a file, until it is ended', async () => {
    const name = uniqueName();
    const command = run(join(packageRoot(), 'examples/congestion/gentle.ts'), name, '--report', '0.2');
    await says(command, `gentle governs TCP connections that choose ${name}`);
    const data = await transfer(name);
    await data.moves(4_000_000);
    await says(command, '[0-9a-f.:\\[\\]]+ → \\S+ +algorithm +[1-9]');
    command.child.kill('SIGTERM');
    expect(await command.ended).toMatchObject({ status: 0, stderr: '' });
    expect(isAvailable(name)).toBe(false);
    await data.moves(1_000_000);
  });

  test('ends with an algorithm that does not return, and connections go on', async () => {
    const name = uniqueName();
    const file = join(lab.runFolder, 'endless.mjs');
    const source = `import { compile } from 'selvage/congestion';
const program = compile('(def (Report (x 0))) (when true (report))');
let flows = 0;
export default { name: 'endless', onCreate(control) {
  if (control.flow.destinationPort === 5201) for (;;) flows++;
  control.install(program);
  return { onReport() {} };
} };`;
    writeFileSync(file, source);
    const command = run(file, name);
    await says(command, 'endless governs');
    const data = await transfer(name);
    const { status, stderr } = await command.ended;
    expect(status).toBe(1);
    expect(stderr).toContain('The algorithm has ended: it did not return from a call within 1 s');
    await data.moves(1_000_000);
  });

  test('that was silent for a while has its connections again', async () => {
    const name = uniqueName();
    const file = join(lab.runFolder, 'sleepy.mjs');
    const source = `import { compile } from 'selvage/congestion';
const program = compile('(def (Report (x 0))) (when true (report))');
let flows = 0;
let reports = 0;
export default { name: 'sleepy', onCreate(control) {
  if (control.flow.destinationPort === 5201) console.log('begun ' + ++flows);
  control.install(program, { Cwnd: 20 * control.flow.mssBytes });
  return { onReport() {
    if (++reports === 50) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 400);
  } };
} };`;
    writeFileSync(file, source);
    const command = run(file, name, '--report', '0.2');
    await says(command, 'sleepy governs');
    const data = await transfer(name);
    await says(command, 'begun 2');
    await eventually('its window again', async () => (await data.state()).cwnd === 20);
    await data.moves(1_000_000);
    command.child.kill('SIGTERM');
    expect((await command.ended).stderr).toContain('the algorithm answered no report for 250 ms');
  });

  test('refuses what is no algorithm, or selects other connections', async () => {
    const name = uniqueName();
    const missing = await run('/no/such/file.ts', name).ended;
    expect(missing).toMatchObject({ status: 1, stderr: expect.stringContaining('/no/such/file.ts') });
    const both = await selvageProgram('cc', 'run', 'x.ts', '--linux', name, '--vni', '7').ended;
    expect(both).toMatchObject({
      status: 1,
      stderr: expect.stringContaining('--linux and --vni do not go together.'),
    });
    const neither = await selvageProgram('cc', 'run', 'x.ts', '--report', '5').ended;
    expect(neither).toMatchObject({
      status: 1,
      stderr: expect.stringContaining('--report is for connections'),
    });
    expect(isAvailable(name)).toBe(false);
  });
});
