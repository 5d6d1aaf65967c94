// The clients' engine in an executor, in virtual time, with clients of a model: replaced before any turn, refused, and
// throwing anywhere. No record is lost, doubled or overtaken, nobody sleeps for good, and a session that was being served
// when the engine threw is ended with a word.
import { isDeepStrictEqual } from 'node:util';
import { expect, it } from 'vitest';
import { itForSeeds } from '../../../test/support/seeds.ts';
import { shapeOf } from '../../../test/support/state-shape.ts';
import { below, chance, type Rng, SeededRng } from '../../base/rng.ts';
import { applyChanges } from '../../runtime/change.ts';
import type { EngineFactory } from '../../runtime/engine.ts';
import type { Hello } from '../../runtime/shm/messages.ts';
import { TestExecutor } from '../../runtime/world.testing.ts';
import { clientsEngine } from './clients-engine.ts';
import type { ClientsEngine } from './engine.ts';
import type { ClientResources, ClientsGiven } from './given.ts';
import { MemoryResources } from './memory-resources.ts';
import { ModelClient } from './model-client.testing.ts';

const BUDGET = 16;
const RECORDS = 600;
const MOST_STEPS = 100_000;

type Factory = EngineFactory<unknown, never>;

class World {
  readonly test = new TestExecutor();
  readonly memory = new MemoryResources();
  readonly clients: ModelClient[] = [];
  /** A call of the resources either throws, or is carried out and then throws. */
  throws: () => boolean = () => false;
  private readonly rng: Rng;

  constructor(seed: number, sessions: number) {
    this.rng = new SeededRng(seed);
    const access = { gid: undefined, group: undefined, uid: 0, sessionsPerUser: sessions };
    const given: ClientsGiven = { access, resources: this.breakable() };
    applyChanges(this.test.executor, [
      { type: 'add', engine: 'clients', factory: clientsEngine, given, budget: BUDGET },
    ]);
    for (let i = 0; i < sessions; i++) this.connect();
  }

  get engine(): ClientsEngine {
    return this.test.executor.find('clients')!.engine as ClientsEngine;
  }

  connect(): void {
    const connection = this.memory.connect({ pid: 1, uid: 0, gid: 0, groups: [] });
    this.clients.push(new ModelClient(connection, helloOf(this.rng), this.rng, RECORDS));
  }

  replace(factory: Factory = clientsEngine): void {
    applyChanges(this.test.executor, [{ type: 'replace', engine: 'clients', factory }]);
  }

  /** Steps of some client and turns of the engine, until all clients have all their records or were told the end. */
  run(beforeTurn: () => void): void {
    const { test, memory, clients, rng } = this;
    for (let step = 0; step < MOST_STEPS; step++) {
      if (clients.every((client) => client.isDone || client.connection.isClosed)) return;
      clients[below(rng, clients.length)]!.step();
      if (chance(rng, 0.5)) continue;
      beforeTurn();
      const watch = test.watched.get(memory.fd);
      if (watch !== undefined && memory.isReady) test.executor.wake(watch);
      test.nowMicros += below(rng, 20);
      test.executor.turn(test.nowMicros);
    }
    throw new Error(`clients wait for ever: ${clients.map(({ received }) => `[${received}]`)}`);
  }

  private breakable(): ClientResources {
    const maybe = () => {
      if (this.throws()) throw new Error('broken');
    };
    return new Proxy(this.memory, {
      get(target, name) {
        const value: unknown = Reflect.get(target, name);
        if (typeof value !== 'function') return value;
        return (...args: unknown[]) => {
          maybe();
          const result: unknown = value.apply(target, args);
          maybe();
          return result;
        };
      },
    });
  }
}

function helloOf(rng: Rng): Hello {
  const blocks = chance(rng, 0.3);
  const recordWords = blocks ? 4 : [1, 4, 100][below(rng, 3)]!;
  const [flows, records] = [1 + below(rng, 3), 2 ** (1 + below(rng, 4))];
  return { type: 'hello', versions: [1, 1], service: 'echo', blocks, flows, recordWords, records };
}

itForSeeds('a replacement before any turn loses, doubles and delays no record', 20, (seed) => {
  const world = new World(seed, 1 + below(new SeededRng(seed), 4));
  const rng = new SeededRng(seed ^ 0x5a5a);
  let replaced = 0;
  world.run(() => {
    if (!chance(rng, 0.5)) return;
    world.replace();
    replaced++;
  });
  expect(replaced).toBeGreaterThan(25);
  const { sessions, records, closed } = world.engine.report();
  expect({ sessions: sessions.length, closed }).toEqual({ sessions: world.clients.length, closed: 0 });
  expect(records).toBe(world.clients.reduce((sum, { received }) => sum + RECORDS * received.length, 0));
});

itForSeeds('loading leaves the old state as it is, so that the old engine can go on', 10, (seed) => {
  const world = new World(seed, 3);
  const rng = new SeededRng(seed ^ 0xa5a5);
  const refusing: Factory = {
    version: 2,
    load(io, old) {
      const before = structuredClone(old!.state);
      clientsEngine.load(io, old);
      expect(isDeepStrictEqual(structuredClone(old!.state), before)).toBe(true);
      throw new Error('after all not');
    },
  };
  world.run(() => {
    if (chance(rng, 0.2)) expect(() => world.replace(refusing)).toThrow('after all not');
  });
  expect(world.engine.report()).toMatchObject({ closed: 0, interrupted: 0 });
});

itForSeeds('that throws between sessions keeps all of them', 10, (seed) => {
  const world = new World(seed, 3);
  const rng = new SeededRng(seed ^ 0x3c3c);
  let throws = 0;
  world.replace({
    version: 1,
    load(io, old) {
      const engine = clientsEngine.load(io, old);
      const run = (now: number, budget: number) => {
        if (chance(rng, 0.1)) {
          throws++;
          throw new Error('between');
        }
        return engine.run(now, budget);
      };
      return {
        run,
        nextTimeout: () => engine.nextTimeout(),
        drain: (now) => engine.drain(now),
        save: () => engine.save(),
        report: () => engine.report(),
      };
    },
  });
  world.test.executor.find('clients')!.previous = undefined;
  world.run(() => calm(world));
  expect(throws).toBeGreaterThan(3);
  expect(world.engine.report()).toMatchObject({ closed: 0, interrupted: 0 });
});

itForSeeds('that throws in the middle of a session ends that one with a word, and no other', 40, (seed) => {
  const world = new World(seed, 4);
  const rng = new SeededRng(seed ^ 0x7777);
  world.throws = () => chance(rng, 0.003);
  world.run(() => calm(world));
  world.throws = () => false;
  for (const { connection, lastWord } of world.clients) {
    if (connection.isClosed) expect(lastWord).toMatchObject({ type: 'refusal', code: 'failed' });
  }
  // What nobody knows of any more is closed, once it is well again.
  world.connect();
  world.run(() => calm(world));
  const open = world.clients.filter(({ connection }) => !connection.isClosed).length;
  expect(world.memory.ids().length).toBe(open);
  expect(world.engine.report().sessions.length).toBe(open);
});

/** The next failure is not of the same row. */
function calm({ test }: World): void {
  test.executor.find('clients')!.failedAt = Number.NEGATIVE_INFINITY;
}

it('that cannot go on starts without its sessions, which are told', () => {
  const world = new World(1, 2);
  world.run(() => {});
  let fails = true;
  world.replace({
    version: 1,
    load(io, old) {
      if (old !== undefined && fails) return { ...idle, save: () => old.state, run: fail };
      return clientsEngine.load(io, old);
    },
  });
  world.test.executor.find('clients')!.previous = undefined;
  for (let i = 0; i < 100; i++) world.test.pass(10_000);
  fails = false;
  world.connect();
  world.run(() => {});
  expect(world.test.failures.at(-1)!.consequence).toMatch(/^it is started anew/);
  const [first, second, third] = world.clients;
  for (const client of [first, second]) {
    expect(client!.lastWord).toMatchObject({
      message: expect.stringContaining('anew, without its sessions'),
    });
  }
  expect(third!.isDone).toBe(true);
});

const idle = { run: () => 0, nextTimeout: () => Number.POSITIVE_INFINITY, drain: () => true };
function fail(): never {
  throw new Error('not with this state');
}

it('that is removed serves what is there, then tells everybody', () => {
  const world = new World(3, 2);
  world.run(() => {});
  applyChanges(world.test.executor, [{ type: 'remove', engine: 'clients' }]);
  world.test.settle();
  expect(world.test.executor.slots).toEqual([]);
  for (const { lastWord } of world.clients) {
    expect(lastWord).toMatchObject({ message: 'The agent serves no clients any more.' });
  }
  expect(world.memory.ids()).toEqual([]);
});

it('the state of version 1 has this shape: another one is another version, and a transformation', async () => {
  const shapes = new Set<string>();
  for (let seed = 1; seed <= 3; seed++) {
    const world = new World(seed, 3);
    world.run(() => {
      for (const line of shapeOf(world.engine.save())) shapes.add(line);
    });
  }
  await expect(`${[...shapes].sort().join('\n')}\n`).toMatchFileSnapshot('snapshots/clients-state-1.txt');
});
