// One flow's side of the control plane, for any datapath to be built around (CCP §4.5.1, §4.5.3: libccp): runs the
// program, holds the window and rate it sets, passes reports on, obeys commands. An algorithm that does not answer, asks
// for what makes no sense, or fails, loses the flow to the fallback, and the datapath says so. One that was only silent
// gets it back with the next program it installs; one that was absurd does not.

import type { Command, RegisterValues } from './commands.ts';
import { fallbackProgram } from './fallback.ts';
import { Machine } from './interpreter/machine.ts';
import { isVariable, type LoadedProgram, loadProgram } from './interpreter/program.ts';
import { CWND, RATE } from './language/instructions.ts';
import { signals } from './language/signals.ts';
import { MAX_VALUE } from './language/values.ts';

/** Reports come about once a round trip: who has not seen one for so long does not control anything. */
export const ANSWER_TIMEOUT_MICROS = 250_000;

/** `silent`: no program, or no answer, in time. `absurd`: a command was refused. `failed`: the algorithm threw. */
export type FallbackReason = 'silent' | 'absurd' | 'failed';

export type DatapathEvent =
  | { readonly kind: 'installed'; readonly generation: number }
  | { readonly kind: 'fallback'; readonly reason: FallbackReason; readonly detail: string };

export interface DatapathOptions {
  readonly mssBytes: number;
  readonly initialCwndBytes: number;
  /** What the receiver and the sender's memory allow. */
  readonly maxCwndBytes: number;
  readonly answerTimeoutMicros?: number;
}

export interface DatapathOutput {
  /** `values` is good during the call only. */
  report(generation: number, serial: number, nowMicros: number, values: Float64Array): void;
  event(nowMicros: number, event: DatapathEvent): void;
}

const fallback = loadProgram(fallbackProgram.bytes) as LoadedProgram;
const fallbackMss = fallbackProgram.registers.get('mss')!;
const fallbackThreshold = fallbackProgram.registers.get('ssthresh')!;

export class FlowDatapath {
  /** To be filled before each call of `invoke` (language/signals.ts). */
  readonly signals: Float64Array;
  private readonly options: DatapathOptions;
  private readonly output: DatapathOutput;
  private readonly timeoutMicros: number;
  private readonly machine: Machine;
  private program: LoadedProgram = fallback;
  private generation = 0;
  private isControlled = false;
  private isRefused = false;
  private serial = 0;
  /** When the oldest report without an answer was made, or the flow began; Infinity when nothing is due. */
  private waitingSinceMicros: number;

  constructor(nowMicros: number, options: DatapathOptions, output: DatapathOutput) {
    this.options = options;
    this.output = output;
    this.timeoutMicros = options.answerTimeoutMicros ?? ANSWER_TIMEOUT_MICROS;
    this.waitingSinceMicros = nowMicros;
    this.machine = new Machine(fallback, nowMicros);
    this.machine.set(CWND, options.initialCwndBytes);
    this.machine.set(fallbackMss, options.mssBytes);
    this.signals = this.machine.signals;
    // No sample yet is no short round trip.
    this.signals[signals['Flow.rtt_sample_us']] = MAX_VALUE;
  }

  /** Who decides about the window. */
  get control(): 'algorithm' | 'fallback' {
    return this.isControlled ? 'algorithm' : 'fallback';
  }

  /** Never less than one packet, so that something can always be learned. */
  get cwndBytes(): number {
    return Math.max(this.options.mssBytes, Math.min(this.machine.cwnd, this.options.maxCwndBytes));
  }

  /** Infinity when unpaced; never less than a packet a second. */
  get rateBytesPerSecond(): number {
    const { rate } = this.machine;
    return rate === 0 ? Number.POSITIVE_INFINITY : Math.max(rate, this.options.mssBytes);
  }

  /** When to call `advance` at the latest. */
  get nextTimeoutMicros(): number {
    return this.waitingSinceMicros + this.timeoutMicros;
  }

  /** An acknowledgement or a timeout has been taken in, and `signals` say what came of it. */
  invoke(nowMicros: number): void {
    if (!this.machine.run(nowMicros) || !this.isControlled) return;
    this.serial++;
    this.waitingSinceMicros = Math.min(this.waitingSinceMicros, nowMicros);
    const { machine } = this;
    this.output.report(
      this.generation,
      this.serial,
      nowMicros,
      machine.report.subarray(0, machine.reportLength),
    );
  }

  advance(nowMicros: number): void {
    if (nowMicros < this.nextTimeoutMicros) return;
    const what = this.generation === 0 ? 'installed no program' : 'answered no report';
    this.fallBack(nowMicros, 'silent', `the algorithm ${what} for ${this.timeoutMicros / 1000} ms`);
  }

  command(nowMicros: number, command: Command): void {
    if (this.isRefused) return;
    switch (command.kind) {
      case 'install':
        this.install(nowMicros, command);
        return;
      case 'update':
        if (this.isControlled) this.set(nowMicros, command.values);
        return;
      case 'answer':
        // Answers come in order: what was reported since is waited for from now on.
        if (!this.isControlled) return;
        this.waitingSinceMicros = command.serial >= this.serial ? Number.POSITIVE_INFINITY : nowMicros;
        return;
      case 'abandon':
        this.fallBack(nowMicros, 'failed', command.why);
    }
  }

  private install(nowMicros: number, command: Command & { kind: 'install' }): void {
    const program = loadProgram(command.bytes);
    if (typeof program === 'string') {
      this.fallBack(nowMicros, 'absurd', `the program's bytes are refused: ${program}`);
      return;
    }
    this.program = program;
    this.machine.load(program, nowMicros);
    this.generation = command.generation;
    this.isControlled = true;
    this.waitingSinceMicros = Number.POSITIVE_INFINITY;
    this.output.event(nowMicros, { kind: 'installed', generation: command.generation });
    this.set(nowMicros, command.values);
  }

  private set(nowMicros: number, values: RegisterValues): void {
    for (const [register, value] of values) {
      if (register !== CWND && register !== RATE && !isVariable(this.program, register)) {
        this.fallBack(nowMicros, 'absurd', `the program has no register ${register}`);
        return;
      }
      if (!(value >= 0 && value < Number.POSITIVE_INFINITY)) {
        this.fallBack(nowMicros, 'absurd', `register ${register} was to be ${value}`);
        return;
      }
      this.machine.set(register, value);
    }
  }

  /** On with what is in flight, or the initial window, whichever the algorithm's own window did not even reach. */
  private fallBack(nowMicros: number, reason: FallbackReason, detail: string): void {
    const { machine, options } = this;
    this.waitingSinceMicros = Number.POSITIVE_INFINITY;
    this.isRefused = reason !== 'silent';
    if (this.isControlled) {
      const inFlight = machine.signals[signals['Flow.bytes_in_flight']]!;
      const cwnd = Math.min(machine.cwnd, Math.max(inFlight, options.initialCwndBytes));
      machine.load(fallback, nowMicros);
      machine.set(CWND, Math.max(cwnd, options.mssBytes));
      machine.set(RATE, 0);
      machine.set(fallbackMss, options.mssBytes);
      machine.set(fallbackThreshold, cwnd);
      this.program = fallback;
      this.isControlled = false;
    }
    this.output.event(nowMicros, { kind: 'fallback', reason, detail });
  }
}
