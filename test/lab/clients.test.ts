// Sessions between two real processes: what was sent comes back, whoever is slow; and what is said when they cannot be had.
import { execFile } from 'node:child_process';
import { chmodSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { packageRoot } from '../../lab/package-root.ts';
import { below, chance, type Rng, SeededRng } from '../../src/base/rng.ts';
import type { Flow, Session } from '../../src/client/index.ts';
import { connect, connectSync } from '../../src/client/index.ts';
import { groupName } from '../../src/linux/groups.ts';
import { itForSeeds } from '../support/seeds.ts';
import { ClientsHost } from './clients-host.ts';
import { eventually } from './eventually.ts';

const NOBODY = 65534;
const isRoot = process.getuid!() === 0;

let host: ClientsHost;
beforeAll(async () => {
  host = await ClientsHost.start();
});
afterAll(() => host?.stop());

/** One flow's records: sent in order, and expected back in order. */
class Exchange {
  sent = 0;
  received = 0;
  private readonly flow: Flow;
  private readonly seed: number;
  private readonly words: number;
  private readonly buffer: Uint32Array;

  constructor(flow: Flow, seed: number, words: number, most: number) {
    this.flow = flow;
    this.seed = seed;
    this.words = words;
    this.buffer = new Uint32Array(words * most);
  }

  send(n: number): void {
    for (let i = 0; i < n * this.words; i++) this.buffer[i] = this.wordAt(this.sent * this.words + i);
    this.sent += this.flow.push(this.buffer, n);
  }

  receive(n: number): number {
    const count = this.flow.pop(this.buffer, n);
    for (let i = 0; i < count * this.words; i++) {
      if (this.buffer[i] === this.wordAt(this.received * this.words + i)) continue;
      throw new Error(
        `word ${i % this.words} of record ${this.received + Math.floor(i / this.words)} is wrong`,
      );
    }
    this.received += count;
    return count;
  }

  private wordAt(index: number): number {
    return Math.imul(index + this.seed, 0x9e3779b1) >>> 0;
  }
}

itForSeeds('every record comes back once, whole and in order', 12, (seed) => {
  const rng = new SeededRng(seed);
  const records = 2 ** (1 + below(rng, 8));
  const words = [1, 4, 16, 100, 2048][below(rng, 5)]!;
  const session = connectSync({
    service: 'echo',
    socket: host.socket,
    flows: 1 + below(rng, 4),
    recordBytes: words * 4,
    records,
  });
  const exchanges = session.flows.map((flow, i) => new Exchange(flow, seed + i, words, records));
  const total = Math.min(20_000, Math.floor(500_000 / words));
  while (exchanges.some(({ received }) => received < total)) {
    const exchange = exchanges[below(rng, exchanges.length)]!;
    if (chance(rng, 0.5)) exchange.send(Math.min(below(rng, records + 1), total - exchange.sent));
    else if (exchange.receive(1 + below(rng, records)) === 0 && chance(rng, 0.3))
      waitIfDue(session, exchanges);
  }
  session.close();
});

/** Waits only when there is something to wait for. */
function waitIfDue(session: Session, exchanges: readonly Exchange[]): void {
  if (!exchanges.some(({ sent, received }) => sent > received)) return;
  expect(session.waitSync(30_000)).toBe(true);
}

itForSeeds('every block comes back as a copy', 6, (seed) => {
  const rng = new SeededRng(seed);
  const session = connectSync({
    service: 'echo',
    socket: host.socket,
    recordBytes: 16,
    records: 16,
    blocks: true,
  });
  const { heap } = session;
  const record = new Uint32Array(4);
  let [sent, received] = [0, 0];
  const receive = () => {
    while (session.pop(record, 1) === 1) {
      const [address, length, seed] = [record[0]!, record[1]!, record[2]!];
      if (length > 0) {
        expect([...heap.received(address, length)]).toEqual(bytesOf(seed, length));
        heap.giveBack(address);
      }
      received++;
    }
  };
  while (sent < 300) {
    const length = chance(rng, 0.1) ? 0 : 1 + below(rng, 2 ** (1 + below(rng, 14)));
    const address = length === 0 ? 0 : heap.alloc(length);
    expect(address).toBeGreaterThanOrEqual(0);
    if (length > 0) heap.view(address, length).set(bytesOf(sent, length));
    record.set([address, length, sent, 0]);
    while (session.push(record, 1) === 0) {
      expect(session.waitSync(30_000)).toBe(true);
      receive();
      record.set([address, length, sent, 0]);
    }
    sent++;
    if (chance(rng, 0.4)) receive();
  }
  while (received < sent) {
    expect(session.waitSync(30_000)).toBe(true);
    receive();
  }
  session.close();

  function bytesOf(seed: number, length: number): number[] {
    const own: Rng = new SeededRng(seed);
    const first = below(own, 256);
    return Array.from({ length }, (_, i) => (first + i * 7) & 255);
  }
});

test('a heap that is full says so, and goes on when blocks come back', async () => {
  const session = await connect({
    service: 'echo',
    socket: host.socket,
    recordBytes: 8,
    records: 64,
    blocks: true,
  });
  const { heap } = session;
  const blocks: number[] = [];
  for (let address = heap.alloc(2 ** 20); address >= 0; address = heap.alloc(2 ** 20)) blocks.push(address);
  expect(blocks.length).toBe(64);
  const record = Uint32Array.of(blocks.pop()!, 1);
  session.push(record, 1);
  await session.wait();
  await eventually('the block to come back', () => heap.alloc(2 ** 20) >= 0);
  expect(() => heap.free(blocks[0]! + 64)).toThrow(/no such block/);
  heap.free(blocks[0]!);
  session.close();
});

test('the event loop goes on while a session is waited for', async () => {
  const session = await connect({ service: 'echo', socket: host.socket, records: 2 });
  let ticks = 0;
  const ticking = setInterval(() => ticks++, 1);
  const waiting = Promise.all([session.wait(), session.wait()]);
  await eventually('the event loop to turn', () => ticks > 3);
  clearInterval(ticking);
  session.push(new Uint32Array(16), 1);
  await waiting;
  expect(session.pop(new Uint32Array(16), 1)).toBe(1);
  session.close();
});

test('of many flows those with records are named, in turns', async () => {
  const session = await connect({
    service: 'echo',
    socket: host.socket,
    flows: 64,
    recordBytes: 4,
    records: 8,
  });
  const record = new Uint32Array(1);
  expect(session.readyFlow()).toBe(-1);
  for (const flow of [3, 40, 63]) {
    record[0] = flow;
    session.flows[flow]!.push(record, 1);
    session.flows[flow]!.push(record, 1);
  }
  const named: number[] = [];
  while (named.length < 6) {
    await session.wait();
    for (let flow = session.readyFlow(); flow >= 0; flow = session.readyFlow()) {
      expect([session.flows[flow]!.pop(record, 1), record[0]]).toEqual([1, flow]);
      named.push(flow);
    }
  }
  expect(named.sort((a, b) => a - b)).toEqual([3, 3, 40, 40, 63, 63]);
  expect(session.readyFlow()).toBe(-1);
  session.close();
});

test('a queue that is full takes no more, and whoever waits hears when it has room', async () => {
  const session = await connect({ service: 'echo', socket: host.socket, recordBytes: 4, records: 4 });
  const records = new Uint32Array(8);
  let taken = 0;
  await eventually('both queues to be full', () => {
    taken += session.push(records, 4);
    return taken >= 8 && session.push(records, 1) === 0;
  });
  expect(taken).toBe(8);
  let back = 0;
  while (back < 8) {
    await session.wait();
    back += session.pop(records, 8);
  }
  expect(session.push(records, 4)).toBe(4);
  session.close();
});

describe('the end of a session', () => {
  test('that is closed', async () => {
    const session = await connect({ service: 'echo', socket: host.socket });
    const waiting = session.wait();
    session.close();
    await expect(waiting).rejects.toMatchObject({ message: 'This session was closed.' });
    expect(() => session.push(new Uint32Array(16), 1)).toThrow('This session was closed.');
    expect(() => session.pop(new Uint32Array(16), 1)).toThrow('This session was closed.');
    session.close();
  });

  test('whose agent ends', async () => {
    const other = await ClientsHost.start();
    const session = await connect({ service: 'echo', socket: other.socket });
    const waiting = session.wait();
    other.child.kill('SIGKILL');
    await expect(waiting).rejects.toMatchObject({
      code: 'not-running',
      hint: expect.stringContaining('connect anew'),
    });
    expect(() => session.waitSync()).toThrow(/has ended/);
    expect(session.ended).toMatchObject({ code: 'not-running' });
    session.close();
    await other.stop();
  });
});

test('memory that nobody looks at any more is unmapped', async () => {
  setFlagsFromString('--expose-gc');
  const collectGarbage: () => void = runInNewContext('gc');
  const maps = () => readFileSync('/proc/self/maps', 'utf8').match(/memfd:selvage/g)?.length ?? 0;
  const before = maps();
  for (let i = 0; i < 20; i++) connectSync({ service: 'echo', socket: host.socket }).close();
  expect(maps()).toBeGreaterThan(before);
  await eventually('all of it to be unmapped', () => {
    collectGarbage();
    return maps() <= before;
  });
});

describe('a session cannot be had', () => {
  const failing = (options: object) => connect({ service: 'echo', socket: host.socket, ...options });

  test('where no agent is', () =>
    expect(failing({ socket: '/nonexistent/clients.sock' })).rejects.toMatchObject({
      code: 'not-running',
      hint: expect.stringContaining('selvage agent'),
    }));

  test('of a service that is not there', () =>
    expect(failing({ service: 'ecko' })).rejects.toMatchObject({
      code: 'bad-input',
      message: 'There is no service ecko here.',
    }));

  test('of an impossible shape', () =>
    expect(failing({ records: 3 })).rejects.toThrow(/records is not a power of two/));
});

describe('who may', () => {
  const program = join(packageRoot(), 'test/lab/one-echo.mjs');
  const asNobody = (socket: string, group: number) =>
    promisify(execFile)('setpriv', [
      ...[`--reuid=${NOBODY}`, `--regid=${group}`, '--clear-groups'],
      ...[process.execPath, program, socket],
    ]).then(({ stdout }) => JSON.parse(stdout));

  beforeEach(async ({ skip }) => {
    skip(!isRoot, 'needs root to become another user');
    const reading = promisify(execFile)('setpriv', [`--reuid=${NOBODY}`, '--clear-groups', 'cat', program]);
    skip(!(await reading.then(Boolean, () => false)), 'nobody may not read these files');
  });

  test('is root alone unless a group is configured', async () => {
    chmodSync(host.folder, 0o755);
    expect(await asNobody(host.socket, NOBODY)).toMatchObject({
      code: 'no-privilege',
      hint: expect.stringContaining('clients.group'),
    });
  });

  test('is a member of the group', async () => {
    const group = groupName(NOBODY);
    const open = await ClientsHost.start({ group });
    chmodSync(open.folder, 0o755);
    expect(await asNobody(open.socket, NOBODY)).toEqual({ echoed: 4711 });
    expect(await asNobody(open.socket, 1)).toMatchObject({
      code: 'no-privilege',
      hint: expect.stringContaining(`usermod -aG ${group}`),
    });
    // Someone let the socket itself stand open: the agent asks the kernel who they are.
    chmodSync(open.socket, 0o666);
    expect(await asNobody(open.socket, 1)).toMatchObject({
      code: 'no-privilege',
      message: `Only members of the group ${group} may open sessions.`,
    });
    await open.stop();
  });
});
