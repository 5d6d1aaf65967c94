// The switch of a real agent is replaced under real traffic: by newly built code, by another version, and by what cannot
// work, which must leave everything as it was.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Probe, startProbe } from '../../bench/workloads/packet-probe.ts';
import type { Lab } from '../../lab/lab.ts';
import { packageRoot } from '../../lab/package-root.ts';
import type { EngineStatus, Upgraded } from '../../src/agent/status.ts';
import { SELVAGE, statusOf } from './agent-program.ts';
import { eventually } from './eventually.ts';
import { hasRights, needRights } from './rights.ts';
import { Transfer } from './transfer.ts';
import { upTwoHosts } from './two-hosts.ts';

needRights();

const SHIPPED = join(packageRoot(), 'dist', 'switch-engine.js');
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
    for (let i = 0; i < 3; i++) {
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
      { executor: 'data', engine: 'switch', version: 1, state: 'running', restarts: 0, replacements: 3 },
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
    ['nothing.ts', 'export const engine = 1;', /nothing\.ts has no default export\.\n.*docs\/engines\.md/],
    ['missing.ts', "import './absent.ts'; export default {};", /Could not resolve "\.\/absent\.ts"/],
    ['shape.ts', 'export default { version: 1 };', /is no engine factory: it has no function `load`\./],
    ['throws.ts', "throw new Error('not today');", /has no default export/],
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

  it('is shown to people', async () => {
    const { stdout } = await selvage('engines');
    expect(stdout).toMatch(/^EXECUTOR +ENGINE +VERSION +STATE .*LAST GAP\ndata +switch +1 +running /);
    expect(stdout).toContain('switch (executor data) failed last with: worn out');
    const { status, stderr } = await selvage('upgrade', 'router', SHIPPED);
    expect({ status, stderr }).toEqual({
      status: 1,
      stderr: 'There is no engine router.\n  There is: switch.\n',
    });
  });
});
