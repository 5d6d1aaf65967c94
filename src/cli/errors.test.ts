import { CommanderError } from 'commander';
import { expect, test } from 'vitest';
import { SelvageError } from '../base/errors.ts';
import { describeError, exitCodeOf } from './errors.ts';

test('an error for people is its sentence and its hint', () => {
  const error = new SelvageError('in-use', 'UDP port 4789 is taken.', {
    hint: 'Stop the program that has it.',
  });
  expect(describeError(error, false)).toBe('UDP port 4789 is taken.\n  Stop the program that has it.\n');
  expect(exitCodeOf(error)).toBe(1);
});

test('a mistake of ours is one line and how to learn more', () => {
  const text = describeError(new TypeError('x is undefined'), false);
  expect(text).toBe('selvage failed unexpectedly: x is undefined\n  SELVAGE_DEBUG=1 shows where.\n');
  expect(describeError('a string', false)).toContain('a string');
});

test('with debug, the stack and what caused it', () => {
  const error = new SelvageError('failed', 'outer', { cause: new TypeError('inner') });
  const text = describeError(error, true);
  expect(text).toMatch(/^SelvageError: outer\n {4}at /);
  expect(text).toMatch(/\ncaused by TypeError: inner\n {4}at /);
});

test('commander has said its own already', () => {
  const error = new CommanderError(0, 'commander.help', '(outputHelp)');
  expect(describeError(error, false)).toBe('');
  expect(exitCodeOf(error)).toBe(0);
});
