import { describe, expect, it } from 'vitest';
import { applyChanges, type Change } from './change.ts';
import { sink, source, stage } from './pipeline.testing.ts';
import { factoryOf, TestExecutor } from './world.testing.ts';

/** A source and a sink with these stages between them; `allow` lets more numbers through. */
function pipeline(...names: string[]) {
  const test = new TestExecutor();
  const allowed = { count: 0 };
  const received: number[] = [];
  const row = ['source', ...names, 'sink'];
  applyChanges(test.executor, [
    { type: 'add', engine: 'source', factory: source(allowed) },
    ...names.map((engine): Change => ({ type: 'add', engine, factory: stage(test, 1) })),
    { type: 'add', engine: 'sink', factory: sink(received) },
    ...row.slice(1).map((to, i): Change => ({ type: 'connect', from: `${row[i]}.out`, to: `${to}.in` })),
  ]);
  const allow = (count: number) => {
    allowed.count += count;
    test.executor.find('source')!.woken = true;
  };
  const expectAll = () => expect(received).toEqual(Array.from({ length: allowed.count }, (_, i) => i));
  return { test, received, allow, expectAll, executor: test.executor };
}

const refusing = (sentence: string) =>
  factoryOf(() => {
    throw new Error(sentence);
  }, 3);

describe('a change', () => {
  it('replaces an engine by one of a newer version, which transforms what it finds', () => {
    const { test, allow, expectAll, executor } = pipeline('a');
    allow(100);
    test.turns(2);
    const [replaced] = applyChanges(executor, [{ type: 'replace', engine: 'a', factory: stage(test, 2) }]);
    expect(replaced).toEqual({ engine: 'a', from: 1, to: 2, gapMicros: 0 });
    test.pass(10_000);
    expectAll();
  });

  it('adds an engine between two, before what is on its way there has arrived', () => {
    const { test, allow, expectAll, executor } = pipeline();
    allow(500);
    test.executor.turn(test.nowMicros);
    applyChanges(executor, [
      { type: 'add', engine: 'a', factory: stage(test, 1) },
      { type: 'connect', from: 'source.out', to: 'a.in' },
      { type: 'connect', from: 'a.out', to: 'sink.in' },
    ]);
    allow(500);
    test.pass(10_000);
    expectAll();
  });

  it('removes an engine, which passes on what it holds; nothing overtakes', () => {
    const { test, allow, expectAll, executor } = pipeline('a', 'b');
    allow(800);
    test.turns(3);
    expect(executor.find('a')!.engine.save()).not.toMatchObject({ numbers: [] });
    applyChanges(executor, [
      { type: 'remove', engine: 'a' },
      { type: 'connect', from: 'source.out', to: 'b.in' },
    ]);
    expect(executor.find('a')).toBeUndefined();
    allow(800);
    test.pass(20_000);
    expectAll();
    expect(executor.slots.map(({ name }) => name)).toEqual(['source', 'b', 'sink']);
  });

  it('is all or nothing: when one of several refuses, none changes', () => {
    const { test, allow, expectAll, executor } = pipeline('a', 'b');
    allow(300);
    test.turns(3);
    const before = executor.slots.map(({ engine, factory }) => [engine, factory]);
    const attempt = () =>
      applyChanges(executor, [
        { type: 'replace', engine: 'a', factory: stage(test, 2) },
        { type: 'add', engine: 'c', factory: stage(test, 1) },
        { type: 'connect', from: 'a.out', to: 'c.in' },
        { type: 'connect', from: 'c.out', to: 'b.in' },
        { type: 'replace', engine: 'b', factory: refusing('not with this state') },
      ]);
    expect(attempt).toThrow('Version 3 of b refused to load: not with this state.');
    expect(executor.slots.map(({ engine, factory }) => [engine, factory])).toEqual(before);
    test.pass(10_000);
    expectAll();
  });

  it.each<[string, Change[], string]>([
    ['an engine that is not there', [{ type: 'remove', engine: 'x' }], 'There is no engine x'],
    [
      'a queue that is not there',
      [{ type: 'connect', from: 'a.left', to: 'b.in' }],
      'The engine a has no output left.',
    ],
    [
      'two that feed one',
      [{ type: 'connect', from: 'source.out', to: 'b.in' }],
      'b.in would be fed by two engines.',
    ],
    [
      'a name that is taken',
      [{ type: 'add', engine: 'a', factory: factoryOf(() => ({})) }],
      'There is an engine a in executor test already.',
    ],
    [
      'a version without a queue that is connected',
      [
        {
          type: 'replace',
          engine: 'a',
          factory: factoryOf((io) => ({ arm: io.input('in').arm, run: () => 0 }), 4),
        },
      ],
      'Version 4 of a has no output out, which is connected.',
    ],
  ])('refuses %s', (_, changes, sentence) => {
    const { test, allow, expectAll, executor } = pipeline('a', 'b');
    expect(() => applyChanges(executor, changes)).toThrow(sentence);
    allow(50);
    test.pass(10_000);
    expectAll();
  });

  it('watches what the new engine asks for, and leaves the rest', () => {
    const test = new TestExecutor();
    const watching = (...fds: number[]) =>
      factoryOf((io) => ({ watches: fds.map((fd) => io.watch(fd)), run: () => 0 }));
    applyChanges(test.executor, [{ type: 'add', engine: 'a', factory: watching(3, 4) }]);
    const kept = test.watched.get(4);
    applyChanges(test.executor, [{ type: 'replace', engine: 'a', factory: watching(4, 5) }]);
    expect([...test.watched.keys()].sort()).toEqual([4, 5]);
    expect(test.watched.get(4)).toBe(kept);
  });
});

it('an engine that takes nothing holds up those before it and costs no turns', () => {
  const { test, allow, executor } = pipeline('a');
  let taking = false;
  const received: number[] = [];
  const inner = sink(received);
  const holding = factoryOf((io) => {
    const engine = inner.load(io as never);
    return { run: (now, budget) => (taking ? engine.run(now, budget) : 0) };
  });
  applyChanges(executor, [{ type: 'replace', engine: 'sink', factory: holding }]);
  allow(5000);
  test.pass(200_000);
  const { turns } = executor.find('source')!;
  test.pass(200_000);
  expect(executor.find('source')!.turns).toBe(turns);
  taking = true;
  executor.find('sink')!.woken = true;
  test.pass(200_000);
  expect(received).toEqual(Array.from({ length: 5000 }, (_, i) => i));
});
