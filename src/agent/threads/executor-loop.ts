// The thread around an executor: it waits in epoll, first awake and then asleep, tells the executor what became ready,
// and obeys the main thread. It returns to its event loop only while other code is being made ready, turn by turn.

import { type MessagePort, receiveMessageOnPort } from 'node:worker_threads';
import { SelvageError } from '../../base/errors.ts';
import { Epoll } from '../../linux/epoll.ts';
import { EventFd } from '../../linux/eventfd.ts';
import { yieldCore } from '../../linux/scheduling.ts';
import { applyChanges } from '../../runtime/change.ts';
import { Executor, type Waiter } from '../../runtime/executor.ts';
import type { SlotWatch } from '../../runtime/slot.ts';
import { SpinTime } from '../../runtime/spin.ts';
import { replaceEngines } from '../upgrades/replace-engine.ts';
import { nextEvents } from './next-events.ts';
import type { ExecutorStart, FromExecutor, OwnQuestion, Question, ToExecutor } from './thread-messages.ts';

const TAG_WAKE = 0;
/** Between looks at the event loop while something is done there. */
const NAP_MICROS = 200;
/** How long engines have for coming to an end: the switch tells its peers. */
const LEAVE_MICROS = 500_000;

export class ExecutorLoop {
  readonly executor: Executor;
  private readonly port: MessagePort;
  private readonly own: (question: OwnQuestion) => unknown;
  private readonly wake: EventFd;
  private readonly descriptors = new Descriptors();
  private readonly spin = new SpinTime();
  /** Answers that take more than one turn, for which the event loop is needed. */
  private jobs = 0;
  /** When the thread ends though engines are left, or Infinity. */
  private leaveAt = Number.POSITIVE_INFINITY;

  /** `own` answers questions for the thread itself; what it throws is refused with its sentence. */
  constructor(
    name: string,
    port: MessagePort,
    { wakeFd }: ExecutorStart,
    own: (question: OwnQuestion) => unknown,
  ) {
    this.port = port;
    this.own = own;
    this.wake = new EventFd(wakeFd);
    this.descriptors.epoll.add(wakeFd, TAG_WAKE);
    this.executor = new Executor({
      name,
      clock: now,
      waiter: this.descriptors,
      onFailure: ({ error, ...failure }) => {
        const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
        this.say({ type: 'failure', failure: { ...failure, error: text } });
      },
    });
  }

  /** Ends when it is told to stop. */
  async run(): Promise<void> {
    this.say({ type: 'ready' });
    while (!this.hasStopped) {
      this.runTurns();
      if (!this.hasStopped) await nextEvents();
    }
  }

  /** Until it is told to stop, or the event loop is needed. */
  private runTurns(): void {
    const { executor, descriptors } = this;
    const { epoll } = descriptors;
    do {
      executor.turn(now());
      const until = Math.min(executor.nextTimeout(), this.leaveAt);
      const more = until <= executor.nowMicros;
      const ready = more ? this.poll() : this.jobs > 0 ? this.nap(until) : this.wait(until);
      for (let i = 0; i < ready; i++) {
        const tag = epoll.tag(i);
        if (tag === TAG_WAKE) this.obey();
        else {
          const watch = descriptors.watchOf(tag);
          if (watch === undefined) continue;
          executor.wake(watch);
          if (epoll.hasFailed(i)) this.giveUp(watch);
        }
      }
    } while (this.jobs === 0 && !this.hasStopped);
  }

  /** An engine that wants to be run again and finds nothing lets others have the core. */
  private poll(): number {
    if (this.executor.worked === 0) yieldCore();
    return this.descriptors.epoll.wait(0);
  }

  /**
   * Waits as long as a job can wait. Not spinning: a thread that never sleeps is made to wait by the system for others,
   * just when packets come.
   */
  private nap(until: number): number {
    return this.descriptors.epoll.wait(Math.min(NAP_MICROS, until - this.executor.nowMicros));
  }

  /** Waits for input; the number of ready descriptors. */
  private wait(until: number): number {
    const { spin } = this;
    const { epoll } = this.descriptors;
    const awakeUntil = Math.min(until, this.executor.nowMicros + spin.micros);
    let ready = epoll.wait(0);
    while (ready === 0 && now() < awakeUntil) {
      // Whoever else wants this core gets it: spinning must not slow the tenants down.
      yieldCore();
      ready = epoll.wait(0);
    }
    if (ready > 0) return ready;
    const asleep = now();
    ready = epoll.wait(Math.max(0, until - asleep));
    spin.slept(now() - asleep);
    return ready;
  }

  private obey(): void {
    this.wake.clear();
    for (
      let next = receiveMessageOnPort(this.port);
      next !== undefined;
      next = receiveMessageOnPort(this.port)
    ) {
      const message = next.message as ToExecutor;
      if (message.type === 'stop') this.leave();
      else this.answer(message.id, message.question);
    }
  }

  /** Removes all engines: each has some time for passing on what it holds. */
  private leave(): void {
    if (this.leaveAt < Number.POSITIVE_INFINITY) return;
    const { executor } = this;
    this.leaveAt = now() + LEAVE_MICROS;
    const names = executor.slots.filter(({ leaving }) => !leaving).map(({ name }) => name);
    applyChanges(
      executor,
      names.map((engine) => ({ type: 'remove', engine })),
    );
  }

  private get hasStopped(): boolean {
    if (this.leaveAt === Number.POSITIVE_INFINITY) return false;
    return this.executor.slots.length === 0 || now() >= this.leaveAt;
  }

  private answer(id: number, question: Question): void {
    if (question.about === 'engines') this.say({ type: 'answer', id, answer: this.executor.report() });
    else if (question.about !== 'upgrade') this.answerOwn(id, question);
    else {
      this.jobs++;
      replaceEngines(this.executor, question.engines, nextEvents)
        .then(
          (answer) => this.say({ type: 'answer', id, answer }),
          (thrown) => this.refuse(id, thrown),
        )
        .finally(() => {
          this.jobs--;
        });
    }
  }

  private answerOwn(id: number, question: OwnQuestion): void {
    try {
      this.say({ type: 'answer', id, answer: this.own(question) });
    } catch (thrown) {
      this.refuse(id, thrown);
    }
  }

  private refuse(id: number, thrown: unknown): void {
    const { message, hint } = SelvageError.from(thrown);
    this.say({ type: 'refusal', id, message, hint });
  }

  /** Watching it further would keep the thread awake. */
  private giveUp(watch: SlotWatch): void {
    this.descriptors.giveUp(watch);
    this.say({ type: 'gone', fd: watch.fd });
  }

  private say(message: FromExecutor): void {
    this.port.postMessage(message);
  }
}

/** What the executor's engines wait for, by the numbers that epoll knows them by. */
class Descriptors implements Waiter {
  readonly epoll = new Epoll();
  private readonly watches: (SlotWatch | undefined)[] = [undefined];
  private readonly failed = new Set<number>();

  add(watch: SlotWatch): void {
    if (this.failed.has(watch.fd)) return;
    const free = this.watches.indexOf(undefined, TAG_WAKE + 1);
    const tag = free < 0 ? this.watches.length : free;
    this.watches[tag] = watch;
    this.epoll.add(watch.fd, tag);
  }

  remove(watch: SlotWatch): void {
    const tag = this.watches.indexOf(watch);
    if (tag < 0) return;
    this.watches[tag] = undefined;
    this.epoll.remove(watch.fd);
  }

  giveUp(watch: SlotWatch): void {
    this.remove(watch);
    this.failed.add(watch.fd);
  }

  watchOf(tag: number): SlotWatch | undefined {
    return this.watches[tag];
  }
}

function now(): number {
  return performance.now() * 1000;
}
