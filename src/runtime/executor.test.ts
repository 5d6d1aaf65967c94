import { describe, expect, it } from 'vitest';
import { applyChanges } from './change.ts';
import { factoryOf, TestExecutor } from './world.testing.ts';

/** Always has work, and takes so long for each turn. */
function hog(test: TestExecutor, micros: number) {
  return factoryOf(() => ({
    run: (_, budget) => {
      test.nowMicros += micros;
      return budget;
    },
  }));
}

function busyMicros(test: TestExecutor, name: string): number {
  return test.executor.find(name)!.busyMicros;
}

describe('turns', () => {
  it('run only what is due: woken by a descriptor, by time, or not done yet', () => {
    const test = new TestExecutor();
    const runs: string[] = [];
    const ready: boolean[] = [];
    const factory = (name: string, timeout: number, work: number[]) =>
      factoryOf((io) => {
        const watch = io.watch(name.length);
        return {
          run: () => {
            runs.push(name);
            ready.push(watch.ready);
            return work.shift() ?? 0;
          },
          nextTimeout: () =>
            runs.filter((run) => run === name).length < 2 ? timeout : Number.POSITIVE_INFINITY,
        };
      });
    applyChanges(test.executor, [
      { type: 'add', engine: 'timer', factory: factory('timer', 1_000_500, []) },
      { type: 'add', engine: 'more', factory: factory('more', Number.POSITIVE_INFINITY, [256, 256, 1]) },
      { type: 'add', engine: 'fd', factory: factory('fd', Number.POSITIVE_INFINITY, []) },
    ]);
    test.settle();
    expect(runs).toEqual(['timer', 'more', 'fd', 'more', 'more']);
    expect(test.executor.nextTimeout()).toBe(1_000_500);
    test.pass(1000);
    expect(runs.slice(5)).toEqual(['timer']);
    test.executor.wake(test.watched.get(2)!);
    test.settle();
    expect(runs.slice(6)).toEqual(['fd']);
    expect(ready.filter(Boolean).length).toBe(1);
  });

  it('hand each engine its budget', () => {
    const test = new TestExecutor();
    const budgets: number[] = [];
    const factory = factoryOf(() => ({ run: (_, budget) => budgets.push(budget) && 0 }));
    applyChanges(test.executor, [
      { type: 'add', engine: 'a', factory },
      { type: 'add', engine: 'b', factory, budget: 7 },
    ]);
    test.settle();
    expect(budgets).toEqual([256, 7]);
  });
});

describe('fairness', () => {
  it.each([
    [900, 100],
    [5000, 20],
    [60, 60],
  ])('turns of %i µs and of %i µs get the same time', (slow, quick) => {
    const test = new TestExecutor();
    applyChanges(test.executor, [
      { type: 'add', engine: 'slow', factory: hog(test, slow) },
      { type: 'add', engine: 'quick', factory: hog(test, quick) },
    ]);
    test.turns(60_000);
    const ratio = busyMicros(test, 'slow') / busyMicros(test, 'quick');
    expect(ratio).toBeGreaterThan(0.9);
    expect(ratio).toBeLessThan(1.1);
  });

  it('an engine alone is never held back, and one that was idle owes nothing', () => {
    const test = new TestExecutor();
    applyChanges(test.executor, [{ type: 'add', engine: 'slow', factory: hog(test, 50_000) }]);
    test.turns(100);
    expect(test.executor.find('slow')!.turns).toBe(100);
    applyChanges(test.executor, [{ type: 'add', engine: 'quick', factory: hog(test, 10) }]);
    test.turns(1100);
    // It owed ten milliseconds, not the five seconds that it had alone.
    expect(test.executor.find('slow')!.turns).toBeGreaterThan(100);
  });

  it('an engine with little to do waits at most for one turn of each other', () => {
    const test = new TestExecutor();
    let asked = 0;
    let longest = 0;
    applyChanges(test.executor, [
      { type: 'add', engine: 'slow', factory: hog(test, 3000) },
      {
        type: 'add',
        engine: 'little',
        factory: factoryOf((io) => {
          io.watch(5);
          return {
            run: (now) => {
              if (asked > 0) longest = Math.max(longest, now - asked);
              asked = 0;
              test.nowMicros += 5;
              return 1;
            },
          };
        }),
      },
    ]);
    for (let i = 0; i < 1000; i++) {
      if (i % 7 === 0) {
        asked = test.nowMicros;
        test.executor.wake(test.watched.get(5)!);
      }
      test.turns(1);
    }
    expect(longest).toBeLessThanOrEqual(3000);
  });
});
