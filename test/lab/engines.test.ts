// The switch of a real agent is replaced under real traffic: by newly built code, by another version, and by what cannot
// work, which must leave everything as it was.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Probe, startProbe } from '../../bench/workloads/packet-probe.ts';
import type { Lab } from '../../lab/lab.ts';
import { packageRoot } from '../../lab/package-root.ts';
import { clientSocketPath } from '../../src/agent/clients/socket.ts';
import type { EngineStatus, Upgraded } from '../../src/agent/reports/status.ts';
import { connect, type Session } from '../../src/client/index.ts';
import { SELVAGE, statusOf } from './agent-program.ts';
import { eventually } from './eventually.ts';
import { hasRights, needRights } from './rights.ts';
import { Transfer } from './transfer.ts';
import { upTwoHosts } from './two-hosts.ts';

needRights();

const SHIPPED = join(packageRoot(), 'dist', 'switch-engine.js');
const SHIPPED_CLIENTS = join(packageRoot(), 'dist', 'clients-engine.js');
const example = (name: string) => join(packageRoot(), 'examples', 'engines', name);

let lab: Lab;
beforeAll(async () => {
  if (!hasRights) return;
  lab = await upTwoHosts();
  await lab.startAgents(['host1', 'host2']);
});
afterAll(() => lab?.down());

function selvage(...words: string[]) {
  const argv = [...SELVAGE, ...words, '--runtime-dir', join(lab.runFolder, 'host1')];
  return lab.run('host1', argv, { anyStatus: true, timeoutMillis: 60_000 });
}

async function upgrade(file: string): Promise<Upgraded[number]> {
  const { status, stdout, stderr } = await selvage('upgrade', 'switch', file, '--json');
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  const upgraded: Upgraded = JSON.parse(stdout);
  expect(upgraded.length).toBe(1);
  return upgraded[0]!;
}

async function engines(): Promise<EngineStatus[]> {
  return JSON.parse((await selvage('engines', '--json')).stdout);
}

/** Writes a module of an engine; its file. */
function moduleFile(name: string, source: string): string {
  const folder = join(lab.runFolder, 'modules');
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, name), source);
  return join(folder, name);
}

describe('the switch', () => {
  let probe: Probe;
  beforeAll(async () => {
    if (!hasRights) return;
    // Few packets: what a late receiver's socket has no room for is not the switch's loss.
    const { address } = lab.tenant('tenant2').selvage;
    probe = await startProbe(lab, 'tenant1', 'tenant2', { address, burst: 1 });
  });
  afterAll(() => probe?.stop());

  it('is replaced under load: nothing is lost, doubled or overtaken, and connections stay', async () => {
    const transfer = await Transfer.start(lab, 'tenant1', 'tenant2');
    const before = await statusOf(lab, 'host1');
    await probe.endPhase();
    // The second one goes on from what the first one made.
    for (let i = 0; i < 2; i++) {
      const { gapMicros, ...outcome } = await upgrade(SHIPPED);
      expect(outcome).toMatchObject({ engine: 'switch', executor: 'data', from: 1, to: 1 });
      console.log(`replaced under load, gap ${(gapMicros / 1000).toFixed(2)} ms`);
      await transfer.progress();
    }
    const { packets, lost, duplicated, reordered } = await probe.endPhase();
    expect({ lost, duplicated, reordered }).toEqual({ lost: 0, duplicated: 0, reordered: 0 });
    expect(packets).toBeGreaterThan(1000);
    const { sent, received } = await transfer.stop();
    expect(received).toBe(sent);
    const after = await statusOf(lab, 'host1');
    const { connectionsOpened } = after.counters;
    expect(connectionsOpened).toBe(before.counters['connectionsOpened']);
    expect(after.counters['framesIn']).toBeGreaterThan(before.counters['framesIn']!);
    expect(await engines()).toMatchObject([
      { executor: 'data', engine: 'switch', version: 1, state: 'running', restarts: 0, replacements: 2 },
      { executor: 'services', engine: 'clients', version: 1, state: 'running', restarts: 0, replacements: 0 },
    ]);
  });

  it('becomes another version and comes back, and refuses what it does not know', async () => {
    const { from, to } = await upgrade(example('frame-sizes.ts'));
    expect([from, to]).toEqual([1, 1001]);
    await probe.endPhase();
    await eventually('frames to be counted', async () => {
      const { counters } = await statusOf(lab, 'host1');
      return counters['framesUpTo512']! > 100;
    });
    const refused = await selvage('upgrade', 'switch', SHIPPED);
    expect(refused).toMatchObject({
      status: 1,
      stdout: '',
      stderr: expect.stringContaining('left a state of version 1001, and this one knows version 1.'),
    });
    const { to: back } = await upgrade(example('frame-sizes-off.ts'));
    expect(back).toBe(1);
    const { lost, duplicated, reordered } = await probe.endPhase();
    expect({ lost, duplicated, reordered }).toEqual({ lost: 0, duplicated: 0, reordered: 0 });
  });

  it.each([
    ['syntax.ts', 'export default {', /syntax\.ts:1:\d+: /],
    [
      'nothing.ts',
      'export const engine = 1;',
      /nothing\.ts failed its trial: .* it exports nothing by default\.\n.*docs\/engines\.md/,
    ],
    ['missing.ts', "import './absent.ts'; export default {};", /Could not resolve "\.\/absent\.ts"/],
    ['shape.ts', 'export default { version: 1 };', /no engine factory .*: it has no function `load`\./],
    ['awaits.ts', 'export default await 1;', /awaits\.ts:1:\d+: Top-level await/],
    [
      'evaluation.ts',
      "export default { version: 1, load() {} }; throw new Error('not today');",
      /failed its trial: The module cannot be run: not today\./,
    ],
    [
      'load.ts',
      "export default { version: 2, load() { throw new Error('wrong kernel'); } };",
      /Version 2 of switch refused to load: wrong kernel\./,
    ],
  ])('stays when %s cannot take its place', async (name, source, sentence) => {
    const before = await engines();
    const { status, stdout, stderr } = await selvage('upgrade', 'switch', moduleFile(name, source));
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
    expect(stderr).toMatch(sentence);
    expect((await engines())[0]!.replacements).toBe(before[0]!.replacements);
    await probe.endPhase();
    await eventually('packets to flow', async () => (await probe.endPhase()).packets > 0);
  });

  it('comes back by itself when its successor fails at work', async () => {
    const source = `
      import { switchEngine } from 'selvage/switch-engine';
      export default { version: 1, load(io, old) {
        const engine = switchEngine.load(io, old);
        let turns = 0;
        return { run(now, budget) { if (++turns > 50) throw new Error('worn out'); return engine.run(now, budget); },
          nextTimeout: () => engine.nextTimeout(), drain: (now) => engine.drain(now), save: () => engine.save(),
          report: () => engine.report() };
      } };`;
    await upgrade(moduleFile('worn.ts', source));
    const [engine] = await eventually('the old switch to be back', async () => {
      const now = await engines();
      return now[0]!.restarts > 0 && now;
    });
    expect(engine).toMatchObject({ version: 1, state: 'running', restarts: 1, lastError: 'worn out' });
    await probe.endPhase();
    await eventually('packets to flow', async () => (await probe.endPhase()).packets > 0);
  });

  it('that reports nothing forwards all the same, and the status says why there is none', async () => {
    const source = `
      import { switchEngine } from 'selvage/switch-engine';
      export default { version: 1, load(io, old) {
        const engine = switchEngine.load(io, old);
        return { run: (now, budget) => engine.run(now, budget), nextTimeout: () => engine.nextTimeout(),
          drain: (now) => engine.drain(now), save: () => engine.save() };
      } };`;
    await upgrade(moduleFile('silent.ts', source));
    expect(await selvage('status')).toMatchObject({
      status: 1,
      stderr: expect.stringMatching(/^The switch that runs says nothing of its work\.\n.*docs\/engines\.md/),
    });
    await probe.endPhase();
    await eventually('packets to flow', async () => (await probe.endPhase()).packets > 0);
    await upgrade(SHIPPED);
  });

  it('is shown to people', async () => {
    const { stdout } = await selvage('engines');
    expect(stdout).toMatch(/^EXECUTOR +ENGINE +VERSION +STATE .*LAST GAP\ndata +switch +1 +running /);
    expect(stdout).toContain('switch (executor data) failed last with: worn out');
    expect(stdout).toMatch(/^services +clients +1 +running /m);
    const { status, stderr } = await selvage('upgrade', 'router', SHIPPED);
    expect({ status, stderr }).toEqual({
      status: 1,
      stderr: 'There is no engine router.\n  There is: switch, clients.\n',
    });
  });
});

/** A session of this process with the agent of host1, which must still be the same after `work`. */
async function withSession(work: (echoes: () => Promise<void>) => Promise<void>): Promise<void> {
  const socket = clientSocketPath(join(lab.runFolder, 'host1'));
  const session = await connect({ service: 'echo', socket, recordBytes: 4 });
  let sent = 0;
  try {
    await work(async () => {
      for (let i = 0; i < 100; i++) await echoOne(session, sent++);
    });
    const { clients } = await statusOf(lab, 'host1');
    expect(clients!.sessions).toMatchObject([{ pid: process.pid, records: sent }]);
  } finally {
    session.close();
  }
}

async function echoOne(session: Session, number: number): Promise<void> {
  const record = Uint32Array.of(number);
  session.push(record, 1);
  await session.wait();
  expect([session.pop(record, 1), record[0]]).toEqual([1, number]);
}

describe('several engines', () => {
  it('of threads of their own change one after the other, and sessions stay', () =>
    withSession(async (echoes) => {
      await echoes();
      const { stdout } = await selvage('upgrade', 'clients', SHIPPED_CLIENTS);
      expect(stdout).toMatch(/^clients \(executor services\): version 1 → 1, gap [\d.]+ [µm]s\n$/);
      await echoes();
      const { status, stderr } = await selvage('upgrade', 'switch', SHIPPED, 'clients', SHIPPED_CLIENTS);
      expect({ status, stderr }).toEqual({
        status: 1,
        stderr:
          'Engines of several executors (data, services) cannot change at once.\n' +
          '  Upgrade them one after the other, or name an executor that has them all with --executor.\n',
      });
      const odd = await selvage('upgrade', 'clients', SHIPPED_CLIENTS, 'switch');
      expect(odd).toMatchObject({
        status: 1,
        stderr: expect.stringMatching(/^The engine switch has no file\./),
      });
    }));

  it('of one thread change at once, all or none', async () => {
    await lab.stopAgents(['host1']);
    const edit = <Config extends object>(config: Config) => ({
      ...config,
      clients: { thread: 'data' as const },
    });
    await lab.startAgents(['host1'], { edit });
    await withSession(async (echoes) => {
      await echoes();
      const { stdout } = await selvage('upgrade', 'switch', SHIPPED, 'clients', SHIPPED_CLIENTS, '--json');
      const [first, second, ...others]: Upgraded = JSON.parse(stdout);
      expect([first, second, others]).toMatchObject([
        { executor: 'data', engine: 'switch', gapMicros: second!.gapMicros },
        { executor: 'data', engine: 'clients', atMicros: first!.atMicros },
        [],
      ]);
      await echoes();
      const refusing = moduleFile(
        'refuse.ts',
        "export default { version: 2, load() { throw new Error('no'); } };",
      );
      const refused = await selvage('upgrade', 'switch', SHIPPED, 'clients', refusing);
      expect(refused).toMatchObject({ status: 1, stderr: 'Version 2 of clients refused to load: no.\n' });
      await echoes();
      const replaced = (await engines()).map(({ engine, replacements }) => [engine, replacements]);
      expect(replaced).toEqual([
        ['switch', 1],
        ['clients', 1],
      ]);
    });
    const { address } = lab.tenant('tenant2').selvage;
    await lab.run('tenant1', ['ping', '-c', '1', '-W', '5', address]);
  });
});
