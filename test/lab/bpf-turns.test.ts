// A flow in the kernel and FlowDatapath (CCP §4.5.3) are the same: whatever an algorithm commands, answers or does not answer, both have
// the same window after every acknowledgement, make the same reports and say the same of it.
import fc from 'fast-check';
import { afterEach, expect, test } from 'vitest';
import type { Command } from '../../src/congestion/commands.ts';
import { FlowDatapath } from '../../src/congestion/datapath.ts';
import { generate } from '../../src/congestion/language/compiler.ts';
import { CWND, RATE, TIMER } from '../../src/congestion/language/instructions.ts';
import { program, value } from '../../src/congestion/language/program-arbitrary.testing.ts';
import { signalNames } from '../../src/congestion/language/signals.ts';
import { MAX_VALUE } from '../../src/congestion/language/values.ts';
import { LinuxDatapath } from '../../src/linux-tcp/datapath.ts';
import { control } from '../../src/linux-tcp/layout.ts';
import { answer } from '../../src/linux-tcp/mailbox.ts';
import { needBpf } from './rights.ts';
import { TurnTrial } from './turn-trial.ts';

needBpf();

const TIMEOUT_MICROS = 10_000;
const MSS_BYTES = 1448;
const INITIAL_BYTES = 10 * MSS_BYTES;

let trial: TurnTrial;
afterEach(() => trial?.close());

type Step =
  | { readonly kind: 'command'; readonly command: Command }
  /** To a report so far from the last one; it may never have been made, or have an answer. */
  | { readonly kind: 'answer'; readonly ahead: number }
  /** In the mailbox, as a process before may have left it: so far behind the last report that has one. */
  | { readonly kind: 'left'; readonly behind: number }
  | { readonly kind: 'turn'; readonly passedMicros: number; readonly signals: readonly number[] };

const sensible = fc.oneof(fc.nat(100_000), value);
const values = fc.array(
  fc.tuple(
    fc.oneof(
      { weight: 4, arbitrary: fc.constantFrom(CWND, RATE, 32, 33, 34) },
      { weight: 1, arbitrary: fc.constantFrom(TIMER, 3, 127, 1000, 2.5) },
    ),
    fc.oneof(
      { weight: 12, arbitrary: sensible },
      { weight: 1, arbitrary: fc.constantFrom(-1, Number.NaN, 1e300) },
    ),
  ),
  { maxLength: 4 },
);
const bytes = fc.oneof(
  { weight: 8, arbitrary: program.map((each) => generate(each).bytes) },
  { weight: 1, arbitrary: fc.constantFrom(new Uint8Array(1808), new Uint8Array(3)) },
);
const command: fc.Arbitrary<Command> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('update' as const), values }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('install' as const),
      generation: fc.integer({ min: 1, max: 9 }),
      bytes,
      values,
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('abandon' as const), why: fc.constant('it threw') }),
  },
);
const ahead = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(0, -1) },
  { weight: 1, arbitrary: fc.integer({ min: -9, max: 9 }) },
  { weight: 1, arbitrary: fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }) },
);
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 3, arbitrary: command.map((command) => ({ kind: 'command' as const, command })) },
  { weight: 2, arbitrary: ahead.map((ahead) => ({ kind: 'answer' as const, ahead })) },
  { weight: 1, arbitrary: fc.nat(9).map((behind) => ({ kind: 'left' as const, behind })) },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('turn' as const),
      passedMicros: fc.oneof(
        { weight: 5, arbitrary: fc.nat(2000) },
        { weight: 1, arbitrary: fc.nat(20_000) },
      ),
      signals: fc.tuple(...signalNames.map(() => sensible)),
    }),
  },
);

/** What can be seen from outside, in the order in which it happens. */
type Seen = readonly [what: string, ...details: unknown[]];

/** Both flows, told the same. */
class Pair {
  readonly seen: { readonly model: Seen[]; readonly kernel: Seen[] } = { model: [], kernel: [] };
  private readonly model: FlowDatapath;
  private readonly linux: LinuxDatapath;
  private readonly pending: Command[] = [];
  /** From then on the kernel runs on under the old program, of which the model has let go at once. */
  private isRenewed = false;
  /** Later than this machine has been up for: what was before the flow was found does not count. */
  private nowMicros = 1e15;
  private signals: readonly number[] = signalNames.map(() => 0);
  private hasProgram = false;
  private reported = 0;

  constructor(minReportMicros: number) {
    trial.begin(this.nowMicros, MSS_BYTES, INITIAL_BYTES);
    const sizes = { mssBytes: MSS_BYTES, initialCwndBytes: INITIAL_BYTES, maxCwndBytes: MAX_VALUE };
    this.model = new FlowDatapath(
      this.nowMicros,
      { ...sizes, answerTimeoutMicros: TIMEOUT_MICROS, minReportMicros },
      {
        report: (generation, serial, nowMicros, values) => {
          this.reported = serial;
          this.seen.model.push(['report', generation, serial, nowMicros, [...values]]);
        },
        event: (nowMicros, event) => this.seen.model.push(['event', nowMicros, event]),
      },
    );
    const { slots, notices, noticesFd } = trial;
    const kernel = { control: trial.control, slots, notices, noticesFd, close: () => {} };
    this.linux = new LinuxDatapath(kernel, TIMEOUT_MICROS, {
      open: () => {},
      report: ({ generation, serial, nowMicros, values }) =>
        this.seen.kernel.push(['report', generation, serial, nowMicros, [...values]]),
      close: () => {},
      event: (_, nowMicros, event) => this.seen.kernel.push(['event', nowMicros, event]),
    });
    this.linux.findFlows();
    this.turn(this.nowMicros, this.signals);
  }

  step(step: Step): void {
    if (step.kind === 'command') this.command(step.command);
    else if (step.kind === 'answer')
      this.command({ kind: 'answer', serial: (this.reported + step.ahead) >>> 0 });
    else if (step.kind === 'left') this.leave(step.behind);
    else this.turn(this.nowMicros + step.passedMicros, step.signals);
  }

  /** Somebody else is to have the flow, and may be silent, whatever is answered to reports of the one before. */
  renew(): void {
    this.turn(this.nowMicros, this.signals);
    this.linux.renew(trial.flow);
    this.model.release(this.nowMicros);
    this.isRenewed = true;
    this.turn(this.nowMicros, this.signals);
  }

  close(): void {
    this.linux.close();
  }

  /** The kernel gets it at the next turn, so that is when the model does. */
  private command(command: Command): void {
    this.pending.push(command);
    this.linux.command(trial.flow, command);
    // What comes behind it is held back until the kernel has said whether it counts.
    if (command.kind === 'update' && command.values.some((each) => this.isDoubtful(each))) {
      this.turn(this.nowMicros, this.signals);
    }
    if (command.kind === 'install' && command.bytes.length === 1808)
      this.hasProgram ||= command.bytes[0] !== 0;
  }

  private isDoubtful([register, value]: readonly [number, number]): boolean {
    const isKnown =
      register === CWND || register === RATE || (this.hasProgram && register >= 32 && register <= 34);
    return !isKnown || !(value >= 0 && value < Number.POSITIVE_INFINITY);
  }

  /** The kernel has taken what was there before. */
  private leave(behind: number): void {
    this.turn(this.nowMicros, this.signals);
    answer(trial.slots, 0, (this.model.save().answered - behind) >>> 0);
  }

  private turn(nowMicros: number, signals: readonly number[]): void {
    const { model } = this;
    this.nowMicros = nowMicros;
    this.signals = signals;
    const before = this.seen.model.splice(0);
    for (const command of this.pending.splice(0)) model.command(nowMicros, command);
    this.seen.model.unshift(...before, ...lastInstalled(this.seen.model.splice(0)));
    model.advance(nowMicros);
    model.signals.set(signals);
    model.invoke(nowMicros);
    trial.control[control.beat]!++;
    trial.turn(nowMicros, signals);
    this.linux.poll();
    if (this.isRenewed) {
      expect(fallbacks(this.seen.kernel)).toEqual(fallbacks(this.seen.model));
      return;
    }
    expect(this.seen.kernel).toEqual(this.seen.model);
    expect(trial.isControlled).toBe(model.control === 'algorithm');
    const rate = trial.rate === 0 ? Number.POSITIVE_INFINITY : Math.max(trial.rate, MSS_BYTES);
    expect([Math.max(trial.cwnd, MSS_BYTES), rate]).toEqual([model.cwndBytes, model.rateBytesPerSecond]);
  }
}

function fallbacks(seen: readonly Seen[]): readonly Seen[] {
  return seen.filter(([, , event]) => (event as { kind?: string }).kind === 'fallback');
}

/** A program that was replaced before the kernel looked was never installed there. */
function lastInstalled(events: readonly Seen[]): readonly Seen[] {
  const isInstalled = ([, , event]: Seen) => (event as { kind?: string }).kind === 'installed';
  const last = events.findLastIndex(isInstalled);
  return events.filter((event, i) => i === last || !isInstalled(event));
}

test.each([0, 3000])(
  'a flow that reports %d µs apart at the closest is what FlowDatapath is, whatever happens',
  (apart) => {
    trial = new TurnTrial(TIMEOUT_MICROS, apart);
    const counts = { report: 0, installed: 0, silent: 0, absurd: 0, failed: 0 };
    const property = fc.property(fc.array(step, { minLength: 10, maxLength: 60 }), (steps) => {
      const pair = new Pair(apart);
      try {
        for (const each of steps) pair.step(each);
      } finally {
        pair.close();
      }
      for (const [what, , event] of pair.seen.kernel) {
        if (what === 'report') counts.report++;
        else counts[(event as { reason?: 'silent' }).reason ?? 'installed']++;
      }
    });
    fc.assert(property, { numRuns: 500 });
    for (const count of Object.values(counts)) expect(count).toBeGreaterThan(20);
  },
);

test('somebody else who is silent loses the flow, whatever was answered before', () => {
  trial = new TurnTrial(TIMEOUT_MICROS, 0);
  let lost = 0;
  const after = fc.array(
    step.filter(({ kind }) => kind !== 'command'),
    { minLength: 5, maxLength: 30 },
  );
  const property = fc.property(fc.array(step, { maxLength: 40 }), after, (before, after) => {
    const pair = new Pair(0);
    try {
      for (const each of before) pair.step(each);
      pair.renew();
      const known = fallbacks(pair.seen.kernel).length;
      for (const each of after) pair.step(each);
      lost += fallbacks(pair.seen.kernel).length - known;
    } finally {
      pair.close();
    }
  });
  fc.assert(property, { numRuns: 300 });
  expect(lost).toBeGreaterThan(20);
});
