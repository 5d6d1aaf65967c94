// Tools are stood in for by the shell: what matters is how their answers become errors.
import { expect, test } from 'vitest';
import { runBatch, runTool } from './ip.ts';

const sh = { path: '/bin/sh' };

test('returns what the tool wrote, and gives it its input and environment', async () => {
  const tool = { path: '/bin/sh', env: { WHO: 'tool' } };
  expect(await runTool(tool, ['-c', 'cat; echo "$WHO $LC_ALL"'], { input: 'in\n' })).toBe('in\ntool C\n');
});

test.each([
  ['RTNETLINK answers: Operation not permitted', 'no-privilege', 'Operation not permitted.'],
  ['RTNETLINK answers: File exists', 'in-use', 'File exists.'],
  ['Error: Unknown device type.', 'unsupported', 'Unknown device type.'],
  ['Error: Specified qdisc kind is unknown.', 'unsupported', 'Specified qdisc kind is unknown.'],
  [
    'Cannot open network namespace "x": No such file or directory',
    'not-running',
    'Cannot open network namespace',
  ],
  ['something else', 'failed', 'something else.'],
])('%j is a %s error', async (answer, code, sentence) => {
  const failed = runTool(sh, ['-c', `echo '${answer}' >&2; exit 2`]);
  await expect(failed).rejects.toMatchObject({ code, message: expect.stringContaining(sentence) });
});

test('names the line of a batch that failed', async () => {
  const ip = { path: '/bin/sh' };
  const failed = runTool(
    ip,
    [
      '-c',
      'cat > /dev/null; echo "RTNETLINK answers: File exists" >&2; echo "Command failed -:2" >&2; exit 1',
    ],
    {
      input: 'link add one\nlink add two\n',
    },
  );
  await expect(failed).rejects.toThrow('sh link add two failed: File exists.');
});

test('an empty batch runs nothing', async () => {
  await expect(runBatch({ path: '/nonexistent' }, [])).resolves.toBeUndefined();
});

test('a tool that is missing or does not end is an error of its own', async () => {
  await expect(runTool({ path: '/nonexistent/ip' }, [])).rejects.toMatchObject({ code: 'no-program' });
  const stuck = runTool({ path: '/bin/sleep' }, ['100'], { timeoutMillis: 50 });
  await expect(stuck).rejects.toThrow('it did not end in time');
});
