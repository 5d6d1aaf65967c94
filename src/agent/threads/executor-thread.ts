// The agent's side of a thread with an executor: start it, ask it, stop it.

import { Worker } from 'node:worker_threads';
import { SelvageError } from '../../base/errors.ts';
import { EventFd } from '../../linux/eventfd.ts';
import type { SlotsChange } from '../../paths/routes.ts';
import type { EngineReport } from '../../runtime/engine-report.ts';
import type { SchedulerName } from '../../vswitch/scheduling/scheduler.ts';
import type { ClientsReport } from '../clients/report.ts';
import type { PlaneChange, PlaneReport } from '../congestion/plane-report.ts';
import type { Account } from '../reports/decision-report.ts';
import type { FlowPage, FlowReport } from '../reports/flow-report.ts';
import type { PathPage, PathReport } from '../reports/path-report.ts';
import type { QueuePage } from '../reports/queue-report.ts';
import type { ThreadQueues } from '../reports/queue-status.ts';
import type { PeerReport, SwitchReport } from '../reports/switch-report.ts';
import type { NewCode, UpgradeOutcome } from '../upgrades/replace-engine.ts';
import type { ExecutorStart, FromExecutor, Question, ToExecutor } from './thread-messages.ts';

/** Hears what a thread says unasked: of descriptors that failed, of engines that threw. */
export type Listener = (
  message: Extract<FromExecutor, { type: 'gone' | 'failure' }>,
  executor: string,
) => void;

interface Asker {
  readonly resolve: (answer: unknown) => void;
  readonly reject: (error: SelvageError) => void;
}

export class ExecutorThread {
  readonly name: string;
  /** Rejects when the thread ends without having been told to. */
  readonly failed: Promise<never>;
  private readonly worker: Worker;
  private readonly wake: EventFd;
  private readonly exited: Promise<void>;
  private readonly waiting = new Map<number, Asker>();
  private nextId = 1;
  private stopping = false;
  private hasFailed = false;

  private constructor(name: string, start: object, script: URL) {
    this.name = name;
    this.wake = new EventFd();
    this.worker = new Worker(script, { workerData: { ...start, wakeFd: this.wake.fd }, name });
    this.exited = new Promise((resolve) => this.worker.once('exit', () => resolve()));
    this.failed = new Promise((_, reject) => {
      this.worker.once('error', (error) => reject(SelvageError.from(error)));
      this.worker.once('exit', () => {
        if (!this.stopping) reject(new SelvageError('failed', `The ${name} thread ended.`));
      });
    });
    this.failed.catch((error) => {
      this.hasFailed = true;
      for (const { reject } of this.waiting.values()) reject(error);
      this.waiting.clear();
    });
  }

  /** Starts the thread; resolves when its engines run. */
  static async start<Start extends ExecutorStart>(
    name: string,
    start: Omit<Start, 'wakeFd'>,
    script: URL,
    listener: Listener,
  ): Promise<ExecutorThread> {
    const thread = new ExecutorThread(name, start, script);
    const ready = new Promise<void>((resolve) => {
      thread.worker.on('message', (message: FromExecutor) => {
        if (message.type === 'ready') resolve();
        else if (message.type === 'answer' || message.type === 'refusal') thread.take(message);
        else listener(message, name);
      });
    });
    await Promise.race([ready, thread.failed]);
    return thread;
  }

  /** Of the data thread. */
  async status(): Promise<SwitchReport> {
    return (await this.ask({ about: 'status' })) as SwitchReport;
  }

  /** Of the data thread: the part of its status that is about peers. */
  async peers(): Promise<readonly PeerReport[]> {
    return (await this.ask({ about: 'peers' })) as readonly PeerReport[];
  }

  /** Of the data thread: the source ports that the slots to a peer should use. */
  async bindSlots(change: SlotsChange): Promise<void> {
    await this.ask({ about: 'slots', ...change });
  }

  /** Of the data thread: what these algorithms of the congestion control plane do there, after a change if there is one. */
  async plane(algorithms: readonly string[], change?: PlaneChange): Promise<PlaneReport> {
    return (await this.ask({ about: 'plane', algorithms, change })) as PlaneReport;
  }

  /** Of the data thread: its connections, page after page. */
  async flows(): Promise<readonly FlowReport[]> {
    return (await this.pages<FlowPage>('flows')).flatMap(({ flows }) => flows);
  }

  /** Of the data thread: the connection with this CID, if it has it. */
  async flow(cid: number): Promise<FlowReport | undefined> {
    return (await this.ask({ about: 'flow', cid })) as FlowReport | undefined;
  }

  /** Of the data thread: the slots to its peers. */
  async paths(): Promise<readonly PathReport[]> {
    return (await this.pages<PathPage>('paths')).flatMap(({ paths }) => paths);
  }

  /** Of the data thread: what waits there. */
  async queues(): Promise<ThreadQueues> {
    const pages = await this.pages<QueuePage>('queues');
    return { totals: pages[0]!.totals!, queues: pages.flatMap(({ queues }) => queues) };
  }

  /** Of the data thread: lets another scheduler decide whose turn it is. */
  async schedule(scheduler: SchedulerName): Promise<void> {
    await this.ask({ about: 'scheduler', scheduler });
  }

  /** Of the data thread: what it decided about paths. */
  async account(): Promise<Account> {
    return (await this.ask({ about: 'decisions' })) as Account;
  }

  /** Of the thread that serves clients. */
  async clients(): Promise<ClientsReport> {
    return (await this.ask({ about: 'clients' })) as ClientsReport;
  }

  async engines(): Promise<readonly EngineReport[]> {
    return (await this.ask({ about: 'engines' })) as readonly EngineReport[];
  }

  /** All or none. Rejects with SelvageError when the engines that run stay. */
  async upgrade(engines: readonly NewCode[]): Promise<readonly UpgradeOutcome[]> {
    return (await this.ask({ about: 'upgrade', engines })) as readonly UpgradeOutcome[];
  }

  async stop(): Promise<void> {
    this.stopping = true;
    this.tell({ type: 'stop' });
    await this.exited;
    this.wake.close();
  }

  /** One behind the other, so that packets pass between them. */
  private async pages<Page extends { readonly next?: number | undefined }>(
    about: 'flows' | 'paths' | 'queues',
  ): Promise<Page[]> {
    const pages: Page[] = [];
    for (let from: number | undefined = 0; from !== undefined; from = pages.at(-1)!.next)
      pages.push((await this.ask({ about, from })) as Page);
    return pages;
  }

  private ask(question: Question): Promise<unknown> {
    if (this.hasFailed) return this.failed;
    const id = this.nextId++;
    const answer = new Promise<unknown>((resolve, reject) => this.waiting.set(id, { resolve, reject }));
    this.tell({ type: 'ask', id, question });
    return answer;
  }

  private tell(message: ToExecutor): void {
    this.worker.postMessage(message);
    this.wake.signal();
  }

  private take(message: Extract<FromExecutor, { type: 'answer' | 'refusal' }>): void {
    const asker = this.waiting.get(message.id);
    this.waiting.delete(message.id);
    if (message.type === 'answer') asker?.resolve(message.answer);
    else {
      const { message: sentence, hint } = message;
      asker?.reject(new SelvageError('failed', sentence, hint === undefined ? {} : { hint }));
    }
  }
}
