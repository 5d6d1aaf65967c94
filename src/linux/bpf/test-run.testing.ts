// Runs a BPF program of type `syscall` once, from here (BPF_PROG_TEST_RUN).

import { SelvageError } from '../../base/errors.ts';
import { errnoName } from '../libc.ts';
import { mapMemory } from '../memory.ts';
import { libbpf } from './libbpf.ts';

/** struct bpf_test_run_opts: its size comes first, all else may be 0. */
const OPTIONS_BYTES = 80;
const RETVAL_AT = 48;

const options = mapMemory(4096);

/** What the program returned. */
export function runOnce(programFd: number): number {
  options.bytes.u8.fill(0, 0, OPTIONS_BYTES);
  options.u32[0] = OPTIONS_BYTES;
  const code = libbpf().testRun(programFd, options.address);
  if (code < 0) throw new SelvageError('failed', `A BPF program could not be run: ${errnoName(-code)}.`);
  return options.u32[RETVAL_AT / 4]!;
}
