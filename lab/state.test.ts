// Which lab goes where none is named: never one that a running process is using.
import { expect, test } from 'vitest';
import { chooseToEnd, type LabState } from './state.ts';

const lab = (name: string, pid?: number) =>
  ({ name, owner: pid === undefined ? undefined : { pid, startTicks: 1 } }) as LabState;

test.each([
  ['none', [], undefined],
  ['the only one', [lab('1')], '1'],
  ['the only one that belongs to no process', [lab('1', 42), lab('2'), lab('3', 43)], '2'],
])('%s', (_, states, wanted) => {
  expect(chooseToEnd(states)).toBe(wanted);
});

test('one in use is not taken from its process unless it is named', () => {
  expect(() => chooseToEnd([lab('2', 42)])).toThrow('Lab 2 belongs to process 42, and goes with it.');
});

test('of several it must be said which', () => {
  expect(() => chooseToEnd([lab('1'), lab('2', 42), lab('3')])).toThrow('Several labs are up: 1, 3.');
});
