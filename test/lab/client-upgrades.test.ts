// The engine that serves clients is replaced, and fails, while real programs stream through it: sessions stay, and every
// record comes back once and in order.
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { packageRoot } from '../../lab/package-root.ts';
import { connect } from '../../src/client/index.ts';
import { ClientsHost } from './clients-host.ts';
import { eventually } from './eventually.ts';

const SHIPPED = join(packageRoot(), 'dist', 'clients-engine.js');
const PROGRAM = join(packageRoot(), 'test/lab/streaming-client.mjs');

let host: ClientsHost;
let folder: string;
beforeAll(async () => {
  host = await ClientsHost.start();
  folder = mkdtempSync(join(tmpdir(), 'selvage-modules-'));
});
afterAll(async () => {
  await host?.stop();
  rmSync(folder, { recursive: true });
});

/** Another process, with a session of so many flows. */
class Streamer {
  private readonly child: ChildProcess;
  private readonly lines: AsyncIterator<string>;

  private constructor(recordBytes: number, flows: number) {
    const argv = [PROGRAM, host.socket, String(recordBytes), String(flows)];
    this.child = spawn(process.execPath, argv, { stdio: ['pipe', 'pipe', 'inherit'] });
    this.child.stdin!.on('error', () => {});
    this.lines = createInterface({ input: this.child.stdout! })[Symbol.asyncIterator]();
  }

  static async start(recordBytes: number, flows: number): Promise<Streamer> {
    const streamer = new Streamer(recordBytes, flows);
    await streamer.next();
    return streamer;
  }

  async received(): Promise<number> {
    this.child.stdin!.write('?\n');
    return Number(await this.next());
  }

  /** Resolves when many more records have come back. */
  async progress(): Promise<void> {
    const before = await this.received();
    await eventually('records to come back', async () => (await this.received()) > before + 2000);
  }

  async stop(): Promise<{ sent: number[]; received: number[] }> {
    this.child.stdin!.end();
    return JSON.parse(await this.next());
  }

  kill(): void {
    this.child.kill('SIGKILL');
  }

  private async next(): Promise<string> {
    const { done, value } = await this.lines.next();
    if (done) throw new Error('the streaming client has ended');
    return value;
  }
}

async function whileStreaming(work: (progress: () => Promise<unknown>) => Promise<void>): Promise<void> {
  const shapes = [
    [16, 1],
    [64, 3],
    [1024, 2],
  ] as const;
  const streamers = await Promise.all(shapes.map(([bytes, flows]) => Streamer.start(bytes, flows)));
  const progress = () => Promise.all(streamers.map((streamer) => streamer.progress()));
  try {
    await progress();
    const before = await host.report();
    await work(progress);
    const after = await host.report();
    expect({ opened: after.opened, closed: after.closed, interrupted: after.interrupted }).toEqual({
      opened: before.opened,
      closed: before.closed,
      interrupted: before.interrupted,
    });
    for (const streamer of streamers) {
      const { sent, received } = await streamer.stop();
      expect(received).toEqual(sent);
    }
  } finally {
    for (const streamer of streamers) streamer.kill();
  }
}

/** Writes a module of an engine; its file. */
function moduleFile(name: string, source: string): string {
  const file = join(folder, name);
  writeFileSync(file, source);
  return file;
}

const wrapped = (turn: string) => `
  import { clientsEngine } from 'selvage/clients-engine';
  export default { version: 1, warmUp: clientsEngine.warmUp, load(io, old) {
    const engine = clientsEngine.load(io, old);
    let turns = 0;
    return { run(now, budget) { turns++; ${turn}; return engine.run(now, budget); },
      nextTimeout: () => engine.nextTimeout(), drain: () => engine.drain(), save: () => engine.save(),
      report: () => engine.report() };
  } };`;

test('it is replaced while clients stream', () =>
  whileStreaming(async (progress) => {
    for (let i = 0; i < 3; i++) {
      const outcome = await host.upgrade('clients', SHIPPED);
      expect(outcome).toMatchObject({ executor: 'services', engine: 'clients', from: 1, to: 1 });
      await progress();
    }
    expect(await host.engines()).toMatchObject([
      { executor: 'services', engine: 'clients', version: 1, state: 'running', restarts: 0, replacements: 3 },
    ]);
  }));

test('sessions that sleep meanwhile are woken by their doorbells', async () => {
  const session = await connect({ service: 'echo', socket: host.socket, flows: 8, recordBytes: 4 });
  const record = new Uint32Array(1);
  for (let round = 0; round < 3; round++) {
    const waiting = session.wait();
    await host.upgrade('clients', SHIPPED);
    record[0] = round;
    session.flows[round]!.push(record, 1);
    await waiting;
    expect([session.flows[round]!.pop(record, 1), record[0]]).toEqual([1, round]);
  }
  session.close();
});

test('one that refuses to load changes nothing', () =>
  whileStreaming(async (progress) => {
    const file = moduleFile(
      'refuses.ts',
      "export default { version: 9, load() { throw new Error('not here'); } };",
    );
    expect(await host.upgrade('clients', file)).toEqual({
      error: 'Version 9 of clients refused to load: not here.',
    });
    await progress();
  }));

test('one that throws while clients stream is started again, and its sessions stay', () =>
  whileStreaming(async (progress) => {
    const before = (await host.engines())[0]!.restarts;
    const file = moduleFile('throws.ts', wrapped("if (turns % 500 === 0) throw new Error('now and then')"));
    await host.upgrade('clients', file);
    const [engine] = await eventually('it to fail', async () => {
      const engines = await host.engines();
      return engines[0]!.restarts > before && engines;
    });
    expect(engine).toMatchObject({ state: 'running', lastError: 'now and then' });
    await progress();
  }));
