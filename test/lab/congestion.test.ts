// Algorithms of congestion control that people bring, on live traffic between two tenants: started, swapped, refused,
// and ended in the middle of it, with nothing lost.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createConnection } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Lab } from '../../lab/lab.ts';
import { packageRoot } from '../../lab/package-root.ts';
import type { AlgorithmStatus, CongestionStatus } from '../../src/agent/congestion/congestion-status.ts';
import type { FlowStatus } from '../../src/agent/reports/status.ts';
import { below, SeededRng } from '../../src/base/rng.ts';
import { roundProgram } from '../../src/congestion/algorithms/round.ts';
import { CWND } from '../../src/congestion/language/instructions.ts';
import { Framer } from '../../src/congestion/plane/framer.ts';
import {
  type FromAlgorithm,
  type FromDatapath,
  readFromAlgorithm,
  readFromDatapath,
} from '../../src/congestion/plane/message-reader.ts';
import { MessageWriter } from '../../src/congestion/plane/message-writer.ts';
import { SELVAGE } from './agent-program.ts';
import { eventually } from './eventually.ts';
import { hasRights, needRights } from './rights.ts';
import { Transfer } from './transfer.ts';
import { upTwoHosts } from './two-hosts.ts';

needRights();

const GENTLE = join(packageRoot(), 'examples', 'congestion', 'gentle.ts');

let lab: Lab;
beforeAll(async () => {
  if (!hasRights) return;
  lab = await upTwoHosts();
  await lab.startAgents(['host1'], { congestion: 'reno' });
  await lab.startAgents(['host2']);
});
afterAll(() => lab?.down());

function cc(...words: string[]) {
  const argv = [...SELVAGE, ...words, '--runtime-dir', join(lab.runFolder, 'host1')];
  return lab.run('host1', argv, { anyStatus: true, timeoutMillis: 60_000 });
}

async function succeed(...words: string[]): Promise<unknown> {
  const { status, stdout, stderr } = await cc(...words, '--json');
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  return JSON.parse(stdout);
}

const algorithm = async (name: string): Promise<AlgorithmStatus | undefined> =>
  ((await succeed('cc', 'list')) as CongestionStatus).algorithms.find((each) => each.name === name);

const flows = async () => (await succeed('flows')) as FlowStatus[];

/** Once it decides over slots, and only then. */
const governs = (name: string) =>
  eventually(`${name} to control flows`, async () => {
    const found = await algorithm(name);
    return found !== undefined && found.controlled > 0 && found.reports > 0 && found;
  });

function moduleFile(name: string, source: string): string {
  const folder = join(lab.runFolder, 'modules');
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, name), source);
  return join(folder, name);
}

/** Installs a program that reports each round trip, and then does this upon reports. */
const misbehaving = (name: string, what: string) =>
  moduleFile(
    `${name}.ts`,
    `import { compile } from 'selvage/congestion';
const program = compile('(def (Report (volatile acked 0))) (when true (:= Report.acked (+ Report.acked Ack.bytes_acked)) (fallthrough)) (when (> Timer.Micros Flow.rtt_sample_us) (report) (reset))');
let reports = 0;
export default {
  name: '${name}',
  onCreate(control) {
    control.install(program, { Cwnd: control.flow.initialCwndBytes });
    return { onReport() { if (++reports > 200) { ${what} } } };
  },
};`,
  );

it('what is configured governs from the beginning, and others take over under load', async () => {
  const transfer = await Transfer.start(lab, 'tenant1', 'tenant2');
  await governs('reno');
  expect((await flows()).map(({ congestion, ccType }) => [congestion, ccType])).toEqual([['reno', 3]]);
  for (const next of ['gentle', 'cubic', 'gentle']) {
    if (next === 'gentle')
      expect(await succeed('cc', 'run', GENTLE, '--vni', '77')).toMatchObject({ algorithm: next });
    else await succeed('cc', 'set', next, '--vni', '77');
    await governs(next);
    await transfer.progress();
  }
  // Programs and what they know outlive the code that runs them.
  const shipped = join(packageRoot(), 'dist', 'switch-engine.js');
  await succeed('upgrade', 'switch', shipped);
  await governs('gentle');
  await transfer.progress();
  await succeed('cc', 'set', 'swift', '--vni', '77');
  await eventually('Swift to govern', async () => (await flows())[0]!.congestion === 'swift');
  await transfer.progress();
  await succeed('cc', 'set', 'configured', '--vni', '77');
  await governs('reno');
  const { counters } = (await succeed('cc', 'list')) as CongestionStatus;
  expect(counters).toMatchObject({ fallbacks: 0, commandsBad: 0, reportsRefused: 0 });
  const { sent, received } = await transfer.stop();
  expect(received).toBe(sent);
});

it('is chosen for single connections, and traced', async () => {
  const transfer = await Transfer.start(lab, 'tenant1', 'tenant2');
  const [flow] = await flows();
  await succeed('cc', 'set', 'vegas', '--flow', flow!.cid);
  await governs('vegas');
  const svg = join(lab.runFolder, 'trace.svg');
  const { stdout } = await cc('cc', 'trace', flow!.cid, '--seconds', '1', '--svg', svg);
  expect(stdout).toContain('under vegas');
  expect(stdout).toMatch(/rate: .* Mbit\/s/);
  const refused = await cc('cc', 'set', 'reno', '--flow', 'ffffffff');
  expect(refused).toMatchObject({
    status: 1,
    stderr: expect.stringContaining('There is no connection ffffffff.'),
  });
  await succeed('cc', 'set', 'configured', '--flow', flow!.cid);
  const { sent, received } = await transfer.stop();
  expect(received).toBe(sent);
});

it.each([
  ['absent.ts', undefined, /absent\.ts/],
  ['syntax.ts', 'export default {', /syntax\.ts:1:\d+: /],
  ['nothing.ts', 'export const algorithm = 1;', /it exports nothing by default/],
  [
    'program.ts',
    "import { compile } from 'selvage/congestion'; export default { name: 'bad', onCreate() { compile('(when true\\n  (:= Report.x 1))'); } };",
    /program\.ts failed its trial: .*line 2.*/,
  ],
  [
    'throws.ts',
    "export default { name: 'bad', onCreate() { throw new Error('no ideas'); } };",
    /throws\.ts failed its trial: no ideas\./,
  ],
  [
    'idle.ts',
    "export default { name: 'bad', onCreate() { return { onReport() {} }; } };",
    /onCreate installed no program\.\n.*control\.install/,
  ],
  [
    'native.ts',
    readFileSync(GENTLE, 'utf8').replace("'gentle'", "'swift'"),
    /swift is the name of an algorithm that comes with Selvage\.\n.*--name/,
  ],
])('%s is refused with the reason, and changes nothing', async (name, source, reason) => {
  const before = await succeed('cc', 'list');
  const file = source === undefined ? join(lab.runFolder, name) : moduleFile(name, source);
  const { status, stdout, stderr } = await cc('cc', 'run', file, '--vni', '77');
  expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
  expect(stderr).toMatch(reason);
  expect(((await succeed('cc', 'list')) as CongestionStatus).rules).toEqual(
    (before as CongestionStatus).rules,
  );
  expect(await algorithm('bad')).toBeUndefined();
});

it.each([
  ['loops', 'for (;;);', /did not return from a call within 1 s/],
  [
    'crashes',
    "queueMicrotask(() => { throw new Error('out of the blue'); });",
    /it crashed: out of the blue/,
  ],
  ['throws', "throw new Error('out of ideas');", /it threw.*out of ideas/],
  ['nonsense', 'control.update({ Cwnd: Number.NaN });', /absurd/],
])('an algorithm that %s loses its flows, which go on, and says so', async (name, what, trouble) => {
  const transfer = await Transfer.start(lab, 'tenant1', 'tenant2');
  await succeed('cc', 'run', misbehaving(name, what), '--vni', '77');
  let said: string | undefined;
  await eventually(`${name} to say so`, async () => {
    said = (await algorithm(name))?.trouble;
    return trouble.test(said ?? '');
  }).catch(() => expect(said).toMatch(trouble));
  await transfer.progress();
  if (/return|crashed/.test(said!))
    await eventually('it to be started again', async () => (await algorithm(name))!.restarts > 0);
  await succeed('cc', 'set', 'configured', '--vni', '77');
  await governs('reno');
  const { sent, received } = await transfer.stop();
  expect(received).toBe(sent);
});

/** Says and hears messages over the agent's socket. */
class Peer {
  readonly heard: (FromAlgorithm | FromDatapath)[] = [];
  private readonly socket = createConnection(join(lab.runFolder, 'host1', 'cc.sock'));
  private readonly writer = new MessageWriter();
  private readonly framer = new Framer();
  closed = false;

  constructor(act: (said: FromAlgorithm | FromDatapath, peer: Peer) => void = () => {}) {
    this.socket.on('data', (bytes) =>
      this.framer.take(bytes, (message, length) => {
        const said = readFromDatapath(message, length) ?? readFromAlgorithm(message, length)!;
        this.heard.push(said);
        act(said, this);
      }),
    );
    this.socket.on('close', () => {
      this.closed = true;
    });
    this.socket.on('error', () => {});
  }

  say(write: (writer: MessageWriter) => number): void {
    this.socket.write(this.writer.bytes.slice(0, write(this.writer)));
  }

  raw(bytes: Uint8Array): void {
    this.socket.write(bytes);
  }

  end(): void {
    this.socket.destroy();
  }
}

it('a program behind the socket controls flows, and when it goes they go on by themselves', async () => {
  const transfer = await Transfer.start(lab, 'tenant1', 'tenant2');
  const program = new Peer((said, peer) => {
    if (said.kind === 'create') {
      const values = [[CWND, said.flow.initialCwndBytes]] as const;
      peer.say((writer) =>
        writer.command(said.flow.id, { kind: 'install', generation: 1, bytes: roundProgram.bytes, values }),
      );
    } else if (said.kind === 'report') {
      peer.say((writer) => writer.command(said.flow, { kind: 'answer', serial: said.serial }));
    }
  });
  program.say((writer) => writer.offer('foreign'));
  await eventually('the offer to be taken', () => algorithm('foreign'));
  await succeed('cc', 'set', 'foreign', '--vni', '77');
  expect(await governs('foreign')).toMatchObject({ from: 'socket', state: 'running' });
  await transfer.progress();
  program.end();
  await eventually('its flows to be on their own', async () => {
    const each = await algorithm('foreign');
    return each?.state === 'ended' && each.controlled === 0 && each.fallback > 0;
  });
  await transfer.progress();
  await succeed('cc', 'set', 'configured', '--vni', '77');
  await governs('reno');
  const { sent, received } = await transfer.stop();
  expect(received).toBe(sent);
});

it('a datapath behind the socket is served, and one that talks nonsense is not, nor does it matter', async () => {
  const datapath = new Peer();
  datapath.say((writer) => writer.ready(1));
  datapath.say((writer) =>
    writer.create(
      5,
      {
        id: 5,
        mssBytes: 1448,
        initialCwndBytes: 14_480,
        protocol: 'tcp',
        source: '10.0.0.1',
        sourcePort: 1,
        destination: '10.0.0.2',
        destinationPort: 2,
      },
      'reno',
      0,
    ),
  );
  await eventually('a program', () =>
    datapath.heard.find(
      (said) => said.kind === 'command' && said.flow === 5 && said.command.kind === 'install',
    ),
  );
  const rng = new SeededRng(7);
  for (let i = 0; i < 50; i++) {
    const noise = new Peer();
    const bytes = Uint8Array.from({ length: 500 }, () => below(rng, 256));
    // The length that it says it has is no message's, every fifth time for certain.
    if (i % 5 === 0) bytes[3] = 0xff;
    noise.raw(bytes);
    if (i % 5 === 0) await eventually('it to be thrown out', () => noise.closed);
    noise.end();
  }
  datapath.say((writer) => writer.report(5, 1, 1, 1000, Float64Array.of(1448, 0, 1, 0, 100), 5));
  await eventually('an answer', () =>
    datapath.heard.find((said) => said.kind === 'command' && said.command.kind === 'answer'),
  );
  datapath.end();
  const { counters } = (await succeed('cc', 'list')) as CongestionStatus;
  expect(counters['socketsClosed']).toBeGreaterThanOrEqual(10);
});

it('one that is ended leaves its connections to what is configured, or to the transport, while packets flow', async () => {
  const transfer = await Transfer.start(lab, 'tenant1', 'tenant2');
  await succeed('cc', 'set', 'vegas', '--vni', '77');
  await governs('vegas');
  const before = ((await succeed('cc', 'list')) as CongestionStatus).counters['fallbacks'];
  expect(await succeed('cc', 'end', 'vegas')).toEqual({ algorithm: 'vegas', governed: ['VNI 77'] });
  await governs('reno');
  expect(await algorithm('vegas')).toBeUndefined();
  expect(await succeed('cc', 'end', 'reno')).toEqual({ algorithm: 'reno', governed: ['VNI 77'] });
  await eventually('Swift to govern', async () => (await flows())[0]!.congestion === 'swift');
  await transfer.progress();
  const { rules, counters } = (await succeed('cc', 'list')) as CongestionStatus;
  expect(rules).toEqual([{ algorithm: 'swift', governs: 'VNI 77' }]);
  expect(counters['fallbacks']).toBe(before);
  await succeed('cc', 'set', 'configured', '--vni', '77');
  await governs('reno');
  const refused = await cc('cc', 'end', 'vegas');
  expect(refused).toMatchObject({ status: 1, stderr: expect.stringContaining('no algorithm vegas to end') });
  const { sent, received } = await transfer.stop();
  expect(received).toBe(sent);
});

it('another agent begins with what is configured', async () => {
  await succeed('cc', 'set', 'cubic', '--all');
  await lab.stopAgents();
  await lab.startAgents(['host1'], { congestion: GENTLE });
  await lab.startAgents(['host2']);
  const transfer = await Transfer.start(lab, 'tenant1', 'tenant2');
  await governs(GENTLE);
  expect(((await succeed('cc', 'list')) as CongestionStatus).rules).toEqual([]);
  const { sent, received } = await transfer.stop();
  expect(received).toBe(sent);
});
