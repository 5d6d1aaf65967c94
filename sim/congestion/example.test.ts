// The algorithm in examples/, from its file to a full link: it compiles, passes the rehearsal, and shares a bottleneck with
// a short queue.
import { join } from 'node:path';
import { build } from 'esbuild';
import { expect, test } from 'vitest';
import { loadAlgorithm } from '../../src/agent/congestion/algorithm-code.ts';
import { rehearse } from '../../src/congestion/rehearsal.ts';
import { dumbbell, RTT_MICROS } from './bottleneck.testing.ts';
import { fairness } from './dumbbell.ts';

const root = join(import.meta.dirname, '..', '..');

async function load(name: string) {
  const file = join(root, 'examples', 'congestion', name);
  const { outputFiles } = await build({
    entryPoints: [file],
    bundle: true,
    write: false,
    platform: 'node',
    format: 'cjs',
    alias: { 'selvage/congestion': join(root, 'src', 'congestion', 'public.ts') },
  });
  return loadAlgorithm({ file, source: outputFiles[0]!.text });
}

test('gentle.ts fills a link and shares it', async () => {
  const algorithm = await load('gentle.ts');
  rehearse(algorithm);
  const network = dumbbell({}, [
    { algorithm, rttMicros: RTT_MICROS },
    { algorithm, rttMicros: RTT_MICROS, startMicros: 1e6 },
  ]);
  network.runUntil(10e6);
  const { utilisation, rates } = network.measureUntil(40e6);
  expect(network.agentFailures).toEqual([]);
  expect(utilisation).toBeGreaterThan(0.85);
  expect(fairness(rates)).toBeGreaterThan(0.8);
});
