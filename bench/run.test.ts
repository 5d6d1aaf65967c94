// A name that is not a benchmark's.
import { expect, test } from 'vitest';
import { BENCHES } from './benches.ts';
import { runBench } from './run.ts';

test.each([
  ['thruput', 'Did you mean throughput?'],
  ['redis-los', 'Did you mean redis-loss?'],
  ['xyz', `There are ${BENCHES.map((bench) => bench.name).join(', ')}.`],
])('%s: %s', async (name, hint) => {
  const running = runBench(name, { quick: true, json: false });
  await expect(running).rejects.toMatchObject({
    code: 'bad-input',
    message: `There is no benchmark ${name}.`,
    hint: expect.stringContaining(hint),
  });
});
