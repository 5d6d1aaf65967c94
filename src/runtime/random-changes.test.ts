// A row of engines to which everything is done at any time: replaced by either version, added, removed, several at once,
// refused, thrown. Against the plainest model there is: every number arrives once, and in order.

import { itForSeeds } from '../../test/support/seeds.ts';
import { below, chance, type Rng, SeededRng } from '../base/rng.ts';
import { applyChanges, type Change } from './change.ts';
import { sink, source, stage } from './pipeline.testing.ts';
import { factoryOf, TestExecutor } from './world.testing.ts';

class RandomRow {
  readonly test = new TestExecutor();
  readonly allowed = { count: 0 };
  readonly received: number[] = [];
  /** The names of the stages in their order. */
  row: string[] = [];
  refusals = 0;
  private made = 0;
  private readonly rng: Rng;

  constructor(rng: Rng) {
    this.rng = rng;
    applyChanges(this.test.executor, [
      { type: 'add', engine: 'source', factory: source(this.allowed) },
      { type: 'add', engine: 'sink', factory: sink(this.received) },
      { type: 'connect', from: 'source.out', to: 'sink.in' },
    ]);
  }

  allow(count: number): void {
    this.allowed.count += count;
    this.test.executor.find('source')!.woken = true;
  }

  /** One change of one to four parts. */
  change(): void {
    const { rng } = this;
    const changes: Change[] = [];
    const next = [...this.row];
    for (let i = 1 + below(rng, 4); i > 0; i--) this.plan(next, changes);
    changes.push(...linksOf(this.row, next));
    const refused = chance(rng, 0.25);
    // The one that refuses comes anywhere among them.
    if (refused)
      changes.splice(below(rng, changes.length + 1), 0, { type: 'add', engine: 'no', factory: refusing });
    try {
      applyChanges(this.test.executor, changes);
      if (refused) throw new RangeError('it was not refused');
      this.row = next;
    } catch (error) {
      if (!refused || error instanceof RangeError) throw error;
      this.refusals++;
    }
  }

  private plan(next: string[], changes: Change[]): void {
    const { rng, test } = this;
    const engine = next[below(rng, Math.max(1, next.length))];
    const touched = changes.some((change) => 'engine' in change && change.engine === engine);
    const version = chance(rng, 0.5) ? 1 : 2;
    // Rarely enough that it is not thought to be the state's fault.
    let failures = 0;
    const fails = () => failures < 2 && chance(rng, 0.01) && failures++ < 2;
    if (engine !== undefined && !touched && chance(rng, 0.4)) {
      changes.push({ type: 'replace', engine, factory: stage(test, version, fails) });
    } else if (engine !== undefined && !touched && chance(rng, 0.5)) {
      changes.push({ type: 'remove', engine });
      next.splice(next.indexOf(engine), 1);
    } else if (next.length < 5) {
      const name = `s${this.made++}`;
      changes.push({ type: 'add', engine: name, factory: stage(test, version, fails) });
      next.splice(below(rng, next.length + 1), 0, name);
    }
  }
}

const refusing = factoryOf(() => {
  throw new Error('no');
});

/** What must be connected otherwise for the new row. */
function linksOf(before: readonly string[], after: readonly string[]): Change[] {
  const pairs = (row: readonly string[]) =>
    [...row, 'sink'].map((to, i) => [row[i - 1] ?? 'source', to] as const);
  const had = new Set(pairs(before).map(String));
  return pairs(after)
    .filter((pair) => !had.has(String(pair)))
    .map(([from, to]) => ({ type: 'connect', from: `${from}.out`, to: `${to}.in` }));
}

itForSeeds('nothing is lost, doubled or overtaken', 150, (seed) => {
  const rng = new SeededRng(seed);
  const row = new RandomRow(rng);
  for (let step = 0; step < 60; step++) {
    if (chance(rng, 0.6)) row.allow(below(rng, 400));
    if (chance(rng, 0.4)) row.change();
    if (chance(rng, 0.5)) row.test.turns(below(rng, 6));
    else row.test.pass(below(rng, 200));
    row.received.forEach((number, place) => {
      if (number !== place) throw new Error(`${number} came in place ${place}`);
    });
  }
  row.test.pass(60_000_000);
  if (row.received.length !== row.allowed.count) {
    throw new Error(`${row.received.length} of ${row.allowed.count} arrived`);
  }
  const left = row.test.executor.slots.map(({ name }) => name).sort();
  if (`${left}` !== `${[...row.row, 'sink', 'source'].sort()}`) throw new Error(`engines left: ${left}`);
});
