// An algorithm's thread as built: reports of a flow reach it, commands come back, and it is ended when a call of it does
// not return; what it cannot be is said.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type FromAlgorithm, readFromAlgorithm } from '../../congestion/plane/message-reader.ts';
import { MAX_MESSAGE_BYTES, MessageRing } from '../../congestion/plane/message-ring.ts';
import { MessageWriter } from '../../congestion/plane/message-writer.ts';
import type { AlgorithmCode } from './algorithm-code.ts';
import { AlgorithmHost } from './algorithm-host.ts';
import { Bell, newBellMemory } from './bell.ts';

const folder = mkdtempSync(join(tmpdir(), 'selvage-algorithm-'));
const script = pathToFileURL(join(folder, 'algorithm-thread.js'));
const writer = new MessageWriter();
const started: AlgorithmHost[] = [];

beforeAll(() =>
  build({
    entryPoints: [join(import.meta.dirname, 'algorithm-thread.ts')],
    outfile: join(folder, 'algorithm-thread.js'),
    bundle: true,
    platform: 'node',
    format: 'esm',
    external: ['esbuild'],
    logLevel: 'silent',
  }),
);
afterAll(async () => {
  await Promise.all(started.map((host) => host.stop()));
  rmSync(folder, { recursive: true });
});

async function run(algorithm: string | AlgorithmCode, troubles: string[] = []) {
  let ended: (reason: string) => void = () => {};
  const end = new Promise<string>((resolve) => {
    ended = resolve;
  });
  const host = await AlgorithmHost.start(algorithm, script, {
    trouble: (message) => troubles.push(message),
    ended,
  });
  started.push(host);
  return { host, end };
}

/** Acts upon each report like this. */
const code = (onReport: string): AlgorithmCode => ({
  file: '/made/up.ts',
  source: `const program = { bytes: new Uint8Array(1808), registers: new Map([['Cwnd', 24]]), reportNames: [] };
    module.exports.default = { name: 'up', onCreate(control) {
      control.install(program, { Cwnd: 5000 });
      return { onReport() { ${onReport} } };
    } };`,
});

function join1(host: AlgorithmHost) {
  const memory = newBellMemory();
  const channel = host.attach({ bell: memory });
  const bell = new Bell(memory);
  const [toAlgorithm, fromAlgorithm] = [
    new MessageRing(channel.toAlgorithm),
    new MessageRing(channel.fromAlgorithm),
  ];
  const message = new Uint8Array(MAX_MESSAGE_BYTES);
  const say = (length: number) => {
    toAlgorithm.push(writer.bytes, length);
    new Bell(channel.bell).ring();
  };
  const hear = async (): Promise<FromAlgorithm | undefined> => {
    for (;;) {
      const seen = bell.calls;
      const length = fromAlgorithm.pop(message);
      if (length > 0) return readFromAlgorithm(message, length);
      await bell.heard(seen);
    }
  };
  const create = (sid: number) =>
    say(
      writer.create(
        sid,
        {
          id: sid,
          mssBytes: 1400,
          initialCwndBytes: 14_000,
          protocol: 'tcp',
          source: '10.0.0.1',
          sourcePort: 1,
          destination: '10.0.0.2',
          destinationPort: 2,
        },
        'up',
        0,
      ),
    );
  const report = (sid: number, serial: number) =>
    say(writer.report(sid, 1, serial, 1000, new Float64Array(5), 5));
  return { create, report, hear, say };
}

it('carries flows to an algorithm that is built in, and its commands back', async () => {
  const { host } = await run('reno');
  const { create, hear } = join1(host);
  create(9);
  expect(await hear()).toMatchObject({
    kind: 'command',
    flow: 9,
    command: { kind: 'install', generation: 1 },
  });
  const other = join1(host);
  other.create(9);
  expect(await other.hear()).toMatchObject({ flow: 9, command: { kind: 'install' } });
});

it('answers every report, also when messages between them were none', async () => {
  const { host } = await run(code(''));
  const { create, report, hear, say } = join1(host);
  create(1);
  expect(await hear()).toMatchObject({ command: { kind: 'install' } });
  for (let serial = 1; serial <= 50; serial++) {
    writer.bytes.fill(serial, 0, 200);
    say(3 + serial);
    report(1, serial);
  }
  for (let serial = 1; serial <= 50; serial++)
    expect(await hear()).toMatchObject({ flow: 1, command: { kind: 'answer', serial } });
  expect(host.progress.bad).toBe(50);
});

it('leaves the flows of an algorithm that throws, and goes on with others', async () => {
  const troubles: string[] = [];
  const { host } = await run(code("throw new Error('out of ideas')"), troubles);
  const { create, report, hear } = join1(host);
  create(1);
  await hear();
  report(1, 1);
  expect(await hear()).toEqual({
    kind: 'command',
    flow: 1,
    command: { kind: 'abandon', why: 'out of ideas' },
  });
  create(2);
  expect(await hear()).toMatchObject({ flow: 2, command: { kind: 'install' } });
  // It comes by another way than commands do.
  await expect.poll(() => troubles).toEqual(['out of ideas']);
});

describe('is ended, and says why, when it', () => {
  it.each([
    ['does not return', 'for (;;);', /did not return from a call within 1 s/],
    ['crashes', "setTimeout(() => { throw new Error('boom') })", /it crashed: boom/],
    [
      'takes all memory',
      'const all = []; setInterval(() => { for (let i = 0; i < 10; i++) all.push(new Array(1e6).fill(i)) }, 1)',
      /it crashed: .*memory/,
    ],
    ['leaves', 'process.exit()', /its thread ended/],
  ])('%s', async (_, onReport, reason) => {
    const { host, end } = await run(code(onReport));
    const { create, report, hear } = join1(host);
    create(1);
    await hear();
    report(1, 1);
    expect(await end).toMatch(reason);
  });

  it('does not return later, with something left to read', async () => {
    const { host, end } = await run(code('setTimeout(() => { for (;;); })'));
    const { create, report, hear } = join1(host);
    create(1);
    await hear();
    report(1, 1);
    const more = setInterval(() => report(1, 2), 100);
    expect(await end).toMatch(/did not return from a call within 1 s/);
    clearInterval(more);
  });
});

it.each([
  ['nobody', /There is no algorithm nobody/],
  [{ file: '/made/up.ts', source: 'throw new Error("not today")' }, /not today/],
  [{ file: '/made/up.ts', source: '' }, /it exports nothing by default/],
])('is refused when it cannot be loaded', async (algorithm, why) => {
  await expect(run(algorithm)).rejects.toThrow(why);
});
