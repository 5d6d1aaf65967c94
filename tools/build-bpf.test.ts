import { expect, test } from 'vitest';
import { builtManifest, manifest } from './build-bpf.ts';

test('the eBPF objects were built from the sources beside them (npm run build-bpf)', () => {
  expect(builtManifest()).toBe(manifest());
});
