import { expect, test } from 'vitest';
import { isOlder } from './support.ts';

test.each([
  ['6.10.0', false],
  ['6.12.41+deb13-amd64', false],
  ['7.0.0-rc1', false],
  ['6.9.12', true],
  ['6.1.0-13-amd64', true],
  ['5.15.0', true],
])('a kernel %s is too old: %s', (version, expected) => {
  expect(isOlder(version)).toBe(expected);
});
