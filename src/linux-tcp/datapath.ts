// Linux TCP under the control plane (CCP §4.5.4): every connection that chose our name is a flow whose reports come to an
// algorithm and whose commands go back, while the kernel runs the program for every acknowledgement. The rules about
// silent, absurd and failed algorithms are those of FlowDatapath (src/congestion/datapath.ts), kept by the kernel's half;
// without this process it goes on under Reno.

import { serialWithin } from '../base/serial.ts';
import type { FlowInfo } from '../congestion/algorithm.ts';
import type { Command, ReportMessage } from '../congestion/commands.ts';
import { ANSWER_TIMEOUT_MICROS, type DatapathEvent } from '../congestion/datapath.ts';
import { loadProgram } from '../congestion/interpreter/program.ts';
import { MAX_VALUES } from '../congestion/language/instructions.ts';
import { type Watch, watch } from '../linux/readiness.ts';
import { explain, type Flow, newFlow, settingsOf } from './flow.ts';
import { type Kernel, KernelHalf, type KernelOptions } from './kernel-half.ts';
import { control, fallbackReasons, notice, noticeKinds } from './layout.ts';
import { answer, type Mail, post } from './mailbox.ts';

export interface LinuxDatapathOutput {
  open(flow: FlowInfo, nowMicros: number): void;
  /** The message is good during the call only. */
  report(message: ReportMessage): void;
  close(flow: number): void;
  event?(flow: number, nowMicros: number, event: DatapathEvent): void;
}

export interface LinuxDatapathCounts {
  readonly reports: number;
  /** Reports of programs that had been replaced, perhaps by another process. */
  readonly stale: number;
  /** Notices for which there was no room, and flows for which there was no slot, since the name was first used. */
  readonly missed: number;
  readonly unserved: number;
}

const BEAT_MILLIS = 50;
/** With many flows there is always a notice, and waking up for each costs more than all else: until the next look then. */
const REST_MILLIS = 1;
const CLOSE_MILLIS = 0.5;

const defaults = {
  ecn: false,
  maxFlows: 4096,
  reportIntervalMicros: 1000,
  answerTimeoutMicros: ANSWER_TIMEOUT_MICROS,
};

/**
 * Takes the name, and the flows that a process before us left under it; nothing is put out before it has returned. On
 * the main thread only.
 */
export function openLinuxDatapath(
  options: Pick<KernelOptions, 'name'> & Partial<KernelOptions>,
  output: LinuxDatapathOutput,
): LinuxDatapath {
  const all = { ...defaults, ...options };
  return new LinuxDatapath(new KernelHalf(all), all.answerTimeoutMicros, output);
}

export class LinuxDatapath {
  private readonly kernel: Kernel;
  private readonly timeoutMillis: number;
  private readonly output: LinuxDatapathOutput;
  private readonly flows = new Map<number, Flow>();
  private readonly flowsWaiting = new Set<Flow>();
  private readonly message = { flow: 0, generation: 0, serial: 0, nowMicros: 0, values: new Float64Array() };
  private readonly values = Array.from({ length: MAX_VALUES + 1 }, (_, length) => new Float64Array(length));
  private readonly watch: Watch;
  private readonly timer: NodeJS.Timeout;
  private readonly tally = { reports: 0, stale: 0 };
  private readonly takeNotice = (at: number) => this.take(at);
  private missed: number;
  private taken = 0;
  private heardAt = 0;
  private isClosed = false;
  private isDraining = false;

  constructor(kernel: Kernel, answerTimeoutMicros: number, output: LinuxDatapathOutput) {
    this.kernel = kernel;
    this.timeoutMillis = answerTimeoutMicros / 1000;
    this.output = output;
    this.missed = kernel.control[control.missed]!;
    this.timer = setInterval(() => this.beat(), BEAT_MILLIS);
    this.watch = watch(kernel.noticesFd, () => this.hear());
    this.beat();
    // Not before the caller has us in its hands.
    setImmediate(() => this.findFlows());
  }

  /** Of all flows, for an algorithm that takes the place of another: `renew` each and open it there. */
  get infos(): readonly FlowInfo[] {
    return Array.from(this.flows.values(), ({ info }) => info);
  }

  get counts(): LinuxDatapathCounts {
    const { kernel, tally } = this;
    const read = (index: number) => (this.isClosed ? 0 : kernel.control[index]! >>> 0);
    return { ...tally, missed: read(control.missed), unserved: read(control.unserved) };
  }

  command(id: number, command: Command): void {
    const flow = this.flows.get(id);
    if (flow === undefined || this.isClosed || flow.isLost || !this.isThere(flow)) return;
    this.obey(flow, command);
    if (!flow.isMissed || flow.isLost) return;
    flow.isMissed = false;
    // Not within a call from whoever is going to be told.
    setImmediate(() => this.introduceAgain(flow));
  }

  private obey(flow: Flow, command: Command): void {
    switch (command.kind) {
      case 'answer':
        this.answer(flow, command.serial);
        return;
      case 'install':
        this.install(flow, command);
        return;
      case 'update':
        this.send(flow, settingsOf(flow, command.values));
        return;
      case 'abandon':
        flow.failure = command.why;
        flow.isLost = true;
        this.send(flow, [{ kind: 'failed' }]);
    }
  }

  /** Somebody else is going to control the flow: what was held against the one before is forgotten. */
  renew(id: number): void {
    const flow = this.flows.get(id);
    if (flow === undefined || this.isClosed) return;
    flow.generation = 0;
    flow.program = undefined;
    flow.isLost = false;
    flow.waiting.length = 0;
    this.send(flow, [{ kind: 'renew' }]);
  }

  /** Gives the name back; flows that run go on under Reno. */
  close(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    clearInterval(this.timer);
    this.watch.close();
    // Whoever calls us may be handling a notice, which lies in memory that goes.
    if (!this.isDraining) this.kernel.close();
  }

  /** The kernel sees the last one only, so none that would not count may take its place. */
  private answer(flow: Flow, serial: number): void {
    // Without a program of its own an algorithm answers reports of the one before.
    if (flow.generation === 0 || !serialWithin(serial, flow.answered, flow.reported)) return;
    flow.answered = serial >>> 0;
    answer(this.kernel.slots, flow.slot, serial);
  }

  private install(flow: Flow, { generation, bytes, values }: Command & { kind: 'install' }): void {
    const program = loadProgram(bytes);
    if (typeof program === 'string') {
      flow.refusal = program;
      flow.isLost = true;
      this.send(flow, [{ kind: 'refused' }]);
      return;
    }
    flow.program = program;
    flow.isMissed = false;
    const number = Atomics.add(this.kernel.control, control.nextGeneration, 1) >>> 0;
    const mail: Mail = { kind: 'install', generation: number, theirs: generation, bytes };
    this.send(flow, [mail, ...settingsOf(flow, values)]);
  }

  private send(flow: Flow, mail: readonly Mail[]): void {
    flow.waiting.push(...mail);
    this.sendWaiting(flow);
  }

  /** Another may have begun in its slot already, and its end be told of only now: the mailbox is that one's. */
  private isThere({ slot, info }: Flow): boolean {
    return this.kernel.slots.flowIn(slot) === info.id;
  }

  private sendWaiting(flow: Flow): void {
    const { waiting, slot, info } = flow;
    if (!this.isThere(flow)) {
      waiting.length = 0;
      this.flowsWaiting.delete(flow);
      return;
    }
    for (const mail of waiting.splice(0, post(this.kernel.slots, slot, info.id, waiting))) {
      if (mail.kind === 'absurd') flow.objection = mail.why;
      else if (mail.kind === 'install') {
        flow.generation = mail.generation;
        flow.theirs = mail.theirs;
      }
    }
    if (waiting.length > 0) this.flowsWaiting.add(flow);
    else this.flowsWaiting.delete(flow);
  }

  private sendAllWaiting(): void {
    for (const flow of this.flowsWaiting) this.sendWaiting(flow);
  }

  private beat(): void {
    Atomics.add(this.kernel.control, control.beat, 1);
    this.sendAllWaiting();
    const missed = Atomics.load(this.kernel.control, control.missed);
    if (missed === this.missed) return;
    this.missed = missed;
    this.findFlows();
  }

  /** Those that were there before us, or whose notice was missed; and forgets those whose end was. */
  findFlows(): void {
    if (this.isClosed) return;
    const { slots } = this.kernel;
    const nowMicros = monotonicMicros();
    for (const flow of [...this.flows.values()]) {
      if (!this.isThere(flow)) this.forget(flow.info.id);
    }
    for (let slot = 0; slot < slots.count; slot++) {
      const flow = slots.flowIn(slot);
      if (flow !== 0) this.open(slot, flow, nowMicros);
    }
  }

  private hear(): void {
    const { taken, heardAt } = this;
    this.heardAt = performance.now();
    this.poll();
    const isBusy = this.taken > taken + 1 || this.heardAt - heardAt < CLOSE_MILLIS;
    if (isBusy && !this.isClosed) this.watch.restFor(REST_MILLIS);
  }

  /** Takes in what the kernel says; called by itself whenever there is something. */
  poll(): void {
    if (this.isClosed) return;
    this.isDraining = true;
    try {
      this.kernel.notices.drain(this.takeNotice);
    } catch (thrown) {
      // From here it would vanish.
      setImmediate(() => {
        throw thrown;
      });
    }
    this.isDraining = false;
    if (this.isClosed) this.kernel.close();
    else this.sendAllWaiting();
  }

  private take(at: number): void {
    this.taken++;
    if (this.isClosed) return;
    const { u32 } = this.kernel.notices;
    const flow = u32[at + notice.flow]!;
    const nowMicros = u32[at + notice.nowLow]! + u32[at + notice.nowHigh]! * 2 ** 32;
    switch (u32[at + notice.kind]) {
      case noticeKinds.open:
        this.open(u32[at + notice.detail]!, flow, nowMicros);
        return;
      case noticeKinds.close:
        this.forget(flow);
        return;
      case noticeKinds.report:
        this.report(flow, nowMicros, at);
        return;
      case noticeKinds.installed:
        this.installed(flow, nowMicros, u32[at + notice.detail]!);
        return;
      case noticeKinds.fallback:
        this.fellBack(flow, nowMicros, u32[at + notice.detail]!, u32[at + notice.more]!);
    }
  }

  private open(slot: number, id: number, nowMicros: number): void {
    if (this.flows.has(id)) return;
    const info = this.kernel.slots.describe(slot, id);
    if (info === undefined) return;
    this.flows.set(id, newFlow(info, slot, nowMicros));
    this.renew(id);
    this.output.open(info, nowMicros);
  }

  /** One that was only silent speaks again: it gets the flow as if it were new. */
  private introduceAgain(flow: Flow): void {
    const { slot, info } = flow;
    if (this.isClosed || flow.isLost || this.flows.get(info.id) !== flow) return;
    this.forget(info.id);
    this.open(slot, info.id, monotonicMicros());
  }

  private forget(id: number): void {
    const flow = this.flows.get(id);
    if (flow === undefined) return;
    this.flows.delete(id);
    this.flowsWaiting.delete(flow);
    this.output.close(id);
  }

  private report(id: number, nowMicros: number, at: number): void {
    const { u32 } = this.kernel.notices;
    const flow = this.flows.get(id);
    if (flow === undefined || flow.generation !== u32[at + notice.detail]) {
      this.tally.stale++;
      return;
    }
    const count = Math.min(u32[at + notice.values]!, MAX_VALUES);
    const values = this.values[count]!;
    const first = at + notice.words;
    for (let i = 0; i < count; i++) values[i] = u32[first + 2 * i]! + u32[first + 2 * i + 1]! * 2 ** 32;
    const { message } = this;
    message.flow = id;
    message.generation = flow.theirs;
    message.serial = u32[at + notice.more]!;
    message.nowMicros = nowMicros;
    message.values = values;
    this.tally.reports++;
    flow.reported = message.serial;
    this.output.report(message);
  }

  private installed(id: number, nowMicros: number, generation: number): void {
    const flow = this.flows.get(id);
    if (flow === undefined || flow.generation !== generation) return;
    flow.isMissed = false;
    this.output.event?.(id, nowMicros, { kind: 'installed', generation: flow.theirs });
  }

  private fellBack(id: number, nowMicros: number, code: number, more: number): void {
    const flow = this.flows.get(id);
    const reason = fallbackReasons[code];
    if (flow === undefined || reason === undefined || nowMicros < flow.sinceMicros) return;
    flow.isMissed = reason === 'silent' && flow.generation !== 0;
    const detail = explain(flow, reason, more, this.timeoutMillis);
    this.output.event?.(id, nowMicros, { kind: 'fallback', reason, detail });
  }
}

/** As the kernel's half counts time. */
function monotonicMicros(): number {
  const [seconds, nanos] = process.hrtime();
  return seconds * 1e6 + Math.floor(nanos / 1000);
}
