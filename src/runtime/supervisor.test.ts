import { describe, expect, it } from 'vitest';
import { applyChanges } from './change.ts';
import { factoryOf, TestExecutor } from './world.testing.ts';

/** Counts its turns, one each time its descriptor is ready, and throws where `throws` says so. */
function counter(throws: (count: number) => boolean, version = 1) {
  return factoryOf<{ count: number }>((io, old) => {
    let { count } = (old?.state as { count: number } | undefined) ?? { count: 0 };
    io.watch(version === 1 ? 7 : 8);
    return {
      run: () => {
        count++;
        if (throws(count)) throw new Error(`at ${count}`);
        return 1;
      },
      save: () => ({ count }),
    };
  }, version);
}

function withNeighbour(factory: ReturnType<typeof counter>): TestExecutor {
  const test = new TestExecutor();
  applyChanges(test.executor, [
    { type: 'add', engine: 'broken', factory },
    { type: 'add', engine: 'neighbour', factory: factoryOf(() => ({ run: (_, budget) => budget })) },
  ]);
  return test;
}

const stateOf = (test: TestExecutor) => test.executor.find('broken')!.engine.save();

describe('an engine that throws', () => {
  it('is reported and goes on from its last state, while its neighbour runs on', () => {
    const test = withNeighbour(counter((count) => count === 1));
    test.turns(1);
    expect(test.failures).toMatchObject([
      { engine: 'broken', consequence: 'it is started from its last state', error: new Error('at 1') },
    ]);
    expect(test.watched.size).toBe(0);
    test.turns(2);
    expect(stateOf(test)).toEqual({ count: 2 });
    expect(test.watched.size).toBe(1);
    const { restarts, lastError, state } = test.executor.report()[0]!;
    expect({ restarts, lastError, state }).toEqual({ restarts: 1, lastError: 'at 1', state: 'running' });
    expect(test.executor.find('neighbour')!.turns).toBe(3);
  });

  it('is started from nothing when its state makes it throw again, after growing pauses', () => {
    const test = withNeighbour(counter((count) => count >= 2));
    const startedAt = test.nowMicros;
    const pauses: number[] = [];
    test.executor.find('broken')!.engine.run(0, 0);
    for (let failures = 0; failures < 4; ) {
      test.turns(1);
      test.nowMicros += 100;
      if (test.failures.length > failures) {
        failures = test.failures.length;
        pauses.push(test.executor.find('broken')!.retryAt - test.executor.nowMicros);
      }
    }
    expect(pauses).toEqual([0, 10_000, 20_000, 40_000]);
    expect(test.failures[3]!.consequence).toMatch(/^it is started anew/);
    test.nowMicros += 40_000;
    test.turns(2);
    expect(stateOf(test)).toEqual({ count: 1 });
    expect(test.nowMicros - startedAt).toBeLessThan(100_000);
  });

  it('stays stopped in the end, until it is replaced', () => {
    const test = withNeighbour(counter(() => true));
    for (let i = 0; i < 3000; i++) {
      test.turns(1);
      test.nowMicros += 10_000;
    }
    expect(test.executor.find('broken')!.state).toBe('stopped');
    expect(test.failures.length).toBe(13);
    expect(test.failures.at(-1)!.consequence).toContain('selvage upgrade');
    expect(test.executor.find('neighbour')!.turns).toBe(3000);
    applyChanges(test.executor, [{ type: 'replace', engine: 'broken', factory: counter(() => false) }]);
    test.turns(1);
    expect(test.executor.find('broken')!.state).toBe('running');
    expect(test.watched.has(7)).toBe(true);
  });

  it('after a longer calm starts at once again', () => {
    const test = withNeighbour(counter((count) => count % 2 === 0));
    for (let i = 0; i < 20; i++) {
      test.executor.find('broken')!.woken = true;
      test.turns(2);
      test.nowMicros += 20_000_000;
    }
    expect(test.failures.length).toBeGreaterThan(5);
    expect(new Set(test.failures.map(({ consequence }) => consequence))).toEqual(
      new Set(['it is started from its last state']),
    );
  });

  it('soon after it replaced another gives way to that one', () => {
    const test = withNeighbour(counter(() => false));
    test.turns(1);
    applyChanges(test.executor, [
      { type: 'replace', engine: 'broken', factory: { ...counter((count) => count === 2, 2), version: 1 } },
    ]);
    expect([...test.watched.keys()]).toEqual([8]);
    test.turns(1);
    expect(test.failures[0]!.consequence).toBe('version 1, which it replaced, takes its place again');
    test.turns(1);
    expect([...test.watched.keys()]).toEqual([7]);
    expect(stateOf(test)).toEqual({ count: 2 });
    test.executor.find('broken')!.woken = true;
    test.turns(1);
    expect(stateOf(test)).toEqual({ count: 3 });
  });

  it('soon after it replaced another whose code cannot read its state is started again itself', () => {
    const test = withNeighbour(counter(() => false));
    test.turns(1);
    const second = counter((count) => count === 2, 2);
    applyChanges(test.executor, [{ type: 'replace', engine: 'broken', factory: second }]);
    test.turns(1);
    expect(test.failures[0]!.consequence).toBe('it is started from its last state');
    test.turns(2);
    expect([...test.watched.keys()]).toEqual([8]);
    expect(stateOf(test)).toEqual({ count: 3 });
    expect(test.executor.report()[0]).toMatchObject({ version: 2, state: 'running' });
  });

  it('soon after it replaced another, and cannot say what it holds, gives way to that one anew', () => {
    const test = withNeighbour(counter(() => false));
    test.turns(1);
    const mute = () => {
      throw new Error('mute');
    };
    const second = factoryOf(() => ({ run: mute, save: mute }), 2);
    applyChanges(test.executor, [{ type: 'replace', engine: 'broken', factory: second }]);
    test.turns(2);
    expect(test.failures[0]!.consequence).toBe('version 1, which it replaced, takes its place again');
    expect(stateOf(test)).toEqual({ count: 0 });
  });
});
