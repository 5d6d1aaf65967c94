// The lock of the set-up, between real processes: its holder may be killed.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { afterEach, expect, test } from 'vitest';

const SCRIPT = `
  import { withLock } from '${new URL('lock.mjs', import.meta.url)}';
  const [name] = process.argv.slice(-1);
  await withLock(name, () => console.log('waits'), async () => {
    console.log('holds');
    for await (const _ of process.stdin);
  });
  console.log('done');
`;

const children: ChildProcess[] = [];
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});

function start(name: string) {
  const child = spawn(process.execPath, ['--input-type=module', '-e', SCRIPT, name], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  children.push(child);
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const exited = once(child, 'exit').then(([code]) => code);
  return { child, exited, says: async () => (await lines.next()).value };
}

const unique = (name: string) => `${name} ${process.pid}`;

test('is held by one at a time, and given on', async () => {
  const first = start(unique('lock'));
  expect(await first.says()).toBe('holds');
  const others = [start(unique('lock')), start(unique('lock'))];
  for (const other of others) expect(await other.says()).toBe('waits');
  first.child.stdin.end();
  expect(await first.says()).toBe('done');
  const [next, last] = await Promise.race(
    others.map(async (other) => {
      expect(await other.says()).toBe('holds');
      return other === others[0] ? others : [...others].reverse();
    }),
  );
  next!.child.stdin.end();
  expect(await next!.says()).toBe('done');
  last!.child.stdin.end();
  expect(await Promise.all([first, ...others].map(({ exited }) => exited))).toEqual([0, 0, 0]);
});

test('is free when its holder was killed', async () => {
  const first = start(unique('killed'));
  expect(await first.says()).toBe('holds');
  const other = start(unique('killed'));
  expect(await other.says()).toBe('waits');
  first.child.kill('SIGKILL');
  expect(await other.says()).toBe('holds');
});

test('of another name is another lock', async () => {
  for (const name of ['one', 'other']) expect(await start(unique(name)).says()).toBe('holds');
});
