// The interpreter in the kernel, one program and up to eight samples at a time (bpf/machine-trial.bpf.c).
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../../lab/package-root.ts';
import { PROGRAM_BYTES, REGISTERS, SIGNAL_REGISTERS } from '../../src/congestion/language/instructions.ts';
import { mapArray } from '../../src/linux/bpf/mapped-array.ts';
import { BpfObject } from '../../src/linux/bpf/object.ts';
import { runOnce } from '../../src/linux/bpf/test-run.testing.ts';

export const MAX_SAMPLES = 8;

/** Where the fields of `struct trial` lie. */
const NOW_AT = 16;
const SIGNALS_AT = NOW_AT + MAX_SAMPLES * 8;
const AFTER_AT = SIGNALS_AT + MAX_SAMPLES * SIGNAL_REGISTERS * 8;
const REPORTED_AT = AFTER_AT + MAX_SAMPLES * REGISTERS * 8;
const PROGRAM_AT = REPORTED_AT + MAX_SAMPLES * 96 * 8;
const TRIAL_BYTES = PROGRAM_AT + PROGRAM_BYTES + REGISTERS * 8 + 8;

export interface Sample {
  readonly nowMicros: number;
  readonly signals: readonly number[];
}

export interface Outcome {
  /** 0 when the program was accepted. */
  readonly refusal: number;
  readonly samples: readonly { readonly registers: bigint[]; readonly report: bigint[] | undefined }[];
}

export class MachineTrial {
  private readonly object: BpfObject;
  private readonly program: number;
  private readonly memory: ReturnType<typeof mapArray>;
  private readonly u32: Uint32Array;
  private readonly u64: BigUint64Array;

  constructor() {
    const file = join(packageRoot(), 'bpf/built/machine-trial.bpf.o');
    this.object = new BpfObject(file, readFileSync(file));
    this.object.load();
    this.program = this.object.programFd('run_trial');
    this.memory = mapArray(this.object.map('trials').fd, 1, TRIAL_BYTES);
    this.u32 = new Uint32Array(this.memory.buffer);
    this.u64 = new BigUint64Array(this.memory.buffer);
  }

  run(bytes: Uint8Array, samples: readonly Sample[], check: 'checked' | 'unchecked' = 'checked'): Outcome {
    const { u32, u64 } = this;
    u32[0] = samples.length;
    u32[1] = check === 'unchecked' ? 1 : 0;
    for (const [i, { nowMicros, signals }] of samples.entries()) {
      u64[NOW_AT / 8 + i] = BigInt(nowMicros);
      u64.set(signals.map(BigInt), SIGNALS_AT / 8 + i * SIGNAL_REGISTERS);
    }
    new Uint8Array(this.memory.buffer, PROGRAM_AT, PROGRAM_BYTES).set(bytes);
    runOnce(this.program);
    const reports = u32[3]!;
    const slice = (at: number, length: number) => Array.from(u64.subarray(at / 8, at / 8 + length));
    return {
      refusal: u32[2]!,
      samples: samples.map((_, i) => ({
        registers: slice(AFTER_AT + i * REGISTERS * 8, REGISTERS),
        report: (reports >> i) & 1 ? slice(REPORTED_AT + i * 96 * 8, 96) : undefined,
      })),
    };
  }

  close(): void {
    this.memory.unmap();
    this.object.close();
  }
}
