// One flow's side of the control plane, for any datapath to be built around (CCP §4.5.1, §4.5.3: libccp): runs the
// program, holds the window and rate it sets, passes reports on, obeys commands. An algorithm that does not answer, asks
// for what makes no sense, or fails, loses the flow to the fallback, and the datapath says so. One that was only silent
// gets it back with the next program it installs; one that was absurd does not.

import { serialWithin } from '../base/serial.ts';
import type { Command, RegisterValues } from './commands.ts';
import { fallbackProgram } from './fallback.ts';
import { Machine, type MachineState } from './interpreter/machine.ts';
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
  /** Reports come no closer together; what a program says too soon waits for the first run after it. */
  readonly minReportMicros?: number;
}

/** All that a flow's datapath needs to go on. */
export interface FlowDatapathState {
  readonly machine: MachineState;
  readonly program: LoadedProgram;
  /** An algorithm's, and not the fallback's. */
  readonly isForeign: boolean;
  readonly generation: number;
  readonly isControlled: boolean;
  readonly isRefused: boolean;
  readonly serial: number;
  readonly answered: number;
  readonly waitingSinceMicros: number;
  readonly reportedMicros: number;
  readonly isReportDue: boolean;
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
  private readonly minReportMicros: number;
  private program: LoadedProgram;
  private isForeign: boolean;
  private generation: number;
  private isControlled: boolean;
  private isRefused: boolean;
  /** Of the last report, modulo 2^32; up to this one they have answers, or need none. */
  private serial: number;
  private answered: number;
  /** When the last report was made, and whether one came too soon after it. */
  private reportedMicros: number;
  private isReportDue: boolean;
  /** When the oldest report without an answer was made, or the flow began; Infinity when nothing is due. */
  private waitingSinceMicros: number;

  constructor(nowMicros: number, options: DatapathOptions, output: DatapathOutput, old?: FlowDatapathState) {
    this.options = options;
    this.output = output;
    this.timeoutMicros = options.answerTimeoutMicros ?? ANSWER_TIMEOUT_MICROS;
    this.minReportMicros = options.minReportMicros ?? 0;
    this.program = old?.program ?? fallback;
    this.isForeign = old?.isForeign ?? false;
    this.generation = old?.generation ?? 0;
    this.isControlled = old?.isControlled ?? false;
    this.isRefused = old?.isRefused ?? false;
    this.serial = old?.serial ?? 0;
    this.answered = old?.answered ?? 0;
    this.waitingSinceMicros = old?.waitingSinceMicros ?? nowMicros;
    this.reportedMicros = old?.reportedMicros ?? Number.NEGATIVE_INFINITY;
    this.isReportDue = old?.isReportDue ?? false;
    this.machine = new Machine(fallback, nowMicros, old?.machine);
    this.signals = this.machine.signals;
    if (old !== undefined) return;
    this.machine.set(CWND, options.initialCwndBytes);
    this.machine.set(fallbackMss, options.mssBytes);
    // No sample yet is no short round trip.
    this.signals[signals['Flow.rtt_sample_us']] = MAX_VALUE;
  }

  save(): FlowDatapathState {
    const { program, isForeign, generation, isControlled, isRefused, serial, answered } = this;
    const control = { generation, isControlled, isRefused, serial, answered };
    const { waitingSinceMicros, reportedMicros, isReportDue } = this;
    const times = { waitingSinceMicros, reportedMicros, isReportDue };
    return { machine: this.machine.save(), program, isForeign, ...control, ...times };
  }

  /** Who decides about the window. */
  get control(): 'algorithm' | 'fallback' {
    return this.isControlled ? 'algorithm' : 'fallback';
  }

  /** Its algorithm had it, lost it by silence alone, and was not told. */
  get isMissed(): boolean {
    return !this.isControlled && !this.isRefused && this.generation !== 0;
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
    const { machine } = this;
    const isTooSoon = nowMicros - this.reportedMicros < this.minReportMicros;
    const isDue = machine.run(nowMicros, isTooSoon);
    if (!this.isControlled) return;
    if (isTooSoon) {
      if (isDue) this.isReportDue = true;
      return;
    }
    if (!isDue && this.isReportDue) machine.takeReport();
    if (isDue || this.isReportDue) this.report(nowMicros);
  }

  private report(nowMicros: number): void {
    const { machine } = this;
    this.serial = (this.serial + 1) >>> 0;
    this.isReportDue = false;
    this.reportedMicros = nowMicros;
    this.waitingSinceMicros = Math.min(this.waitingSinceMicros, nowMicros);
    this.output.report(
      this.generation,
      this.serial,
      nowMicros,
      machine.report.subarray(0, machine.reportLength),
    );
  }

  /** Another algorithm is asked: the flow goes on as it is until that one installs a program, or is silent. */
  release(nowMicros: number): void {
    this.generation = 0;
    this.isControlled = false;
    this.isRefused = false;
    this.isReportDue = false;
    this.waitingSinceMicros = nowMicros;
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
        if (this.isControlled) this.takeAnswer(nowMicros, command.serial);
        return;
      case 'abandon':
        this.fallBack(nowMicros, 'failed', command.why);
    }
  }

  /** It counts once, and only to a report that was made: what was reported since is waited for from now on. */
  private takeAnswer(nowMicros: number, serial: number): void {
    if (!serialWithin(serial, this.answered, this.serial)) return;
    this.answered = serial >>> 0;
    this.waitingSinceMicros = this.answered === this.serial ? Number.POSITIVE_INFINITY : nowMicros;
  }

  private install(nowMicros: number, command: Command & { kind: 'install' }): void {
    const program = loadProgram(command.bytes);
    if (typeof program === 'string') {
      this.fallBack(nowMicros, 'absurd', `the program's bytes are refused: ${program}`);
      return;
    }
    this.program = program;
    this.isForeign = true;
    this.machine.load(program, nowMicros);
    this.generation = command.generation;
    this.isControlled = true;
    this.isReportDue = false;
    this.answered = this.serial;
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
    if (this.isForeign) {
      const inFlight = machine.signals[signals['Flow.bytes_in_flight']]!;
      const cwnd = Math.min(machine.cwnd, Math.max(inFlight, options.initialCwndBytes));
      machine.load(fallback, nowMicros);
      machine.set(CWND, Math.max(cwnd, options.mssBytes));
      machine.set(RATE, 0);
      machine.set(fallbackMss, options.mssBytes);
      machine.set(fallbackThreshold, cwnd);
      this.program = fallback;
      this.isForeign = false;
      this.isControlled = false;
    }
    this.output.event(nowMicros, { kind: 'fallback', reason, detail });
  }
}
