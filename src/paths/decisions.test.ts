// The ring keeps the newest decisions in their order, also beyond the switch that made them.
import { expect, it } from 'vitest';
import { Decisions } from './decisions.ts';

it('keeps the last thousand, the newest last', () => {
  let decisions = new Decisions();
  for (let i = 0; i < 3000; i++) {
    decisions.add(i, i % 2 === 0 ? 'slot-left' : 'slot-back', i % 5, i % 8, i % 32);
    if (i % 700 === 0) decisions = new Decisions(structuredClone(decisions.save()));
  }
  const all = decisions.all();
  expect(all.map(({ atMicros }) => atMicros)).toEqual(Array.from({ length: 1024 }, (_, i) => 1976 + i));
  expect(all.at(-1)).toEqual({
    atMicros: 2999,
    name: 'slot-back',
    peer: 4,
    slot: 7,
    candidate: 23,
    next: 0,
    why: 0,
  });
});

it('tells of nothing where nothing was decided', () => {
  expect(new Decisions().all()).toEqual([]);
});
