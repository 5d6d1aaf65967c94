// The built eBPF objects: they are what their sources say, and who cannot load one is told why.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { packageRoot } from '../../lab/package-root.ts';
import { findProgram } from '../../lab/programs.ts';
import { SelvageError } from '../../src/base/errors.ts';
import { BpfObject } from '../../src/linux/bpf/object.ts';
import { staleObjects } from '../../tools/build-bpf.ts';
import { whyNoBpf } from './rights.ts';

test('are what their sources compile to', async ({ skip }) => {
  if ((await findProgram('clang-14')) === undefined)
    skip('there is no clang 14 here and it could not be fetched');
  expect(await staleObjects()).toEqual([]);
});

test('one that the kernel refuses comes with the last words of its verifier', ({ skip }) => {
  skip(whyNoBpf !== undefined, whyNoBpf);
  const bytes = readFileSync(join(packageRoot(), 'bpf/built/machine-trial.bpf.o'));
  // Its calls of bpf_map_lookup_elem become calls of nothing.
  const call = Buffer.from([0x85, 0, 0, 0, 1, 0, 0, 0]);
  for (let at = bytes.indexOf(call); at >= 0; at = bytes.indexOf(call)) bytes.writeUInt32LE(0xfff, at + 4);
  const object = new BpfObject('broken.bpf.o', bytes);
  let thrown: unknown;
  try {
    object.load();
  } catch (error) {
    thrown = error;
  } finally {
    object.close();
  }
  expect(thrown).toBeInstanceOf(SelvageError);
  const { message, hint } = thrown as SelvageError;
  expect(message).toContain('The kernel refused broken.bpf.o');
  expect(hint).toMatch(/invalid func .*4095/);
});

test('bytes that are no object are refused in a sentence', ({ skip }) => {
  skip(whyNoBpf !== undefined, whyNoBpf);
  expect(() => new BpfObject('noise.o', new Uint8Array(100))).toThrow('noise.o is no BPF object');
});
