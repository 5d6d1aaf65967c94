// The agent's side of its data thread: start it, ask it, stop it.

import { Worker } from 'node:worker_threads';
import { SelvageError } from '../base/errors.ts';
import { EventFd } from '../linux/eventfd.ts';
import type { DataThreadReport, DataThreadStart, FromDataThread, ToDataThread } from './thread-messages.ts';

export class DataThread {
  /** Rejects when the thread ends without having been told to. */
  readonly failed: Promise<never>;
  private readonly worker: Worker;
  private readonly wake: EventFd;
  private readonly exited: Promise<void>;
  private readonly waiting = new Map<number, (report: DataThreadReport) => void>();
  private nextId = 1;
  private stopping = false;

  private constructor(start: Omit<DataThreadStart, 'wakeFd'>, script: URL) {
    this.wake = new EventFd();
    this.worker = new Worker(script, { workerData: { ...start, wakeFd: this.wake.fd }, name: 'data' });
    this.exited = new Promise((resolve) => this.worker.once('exit', () => resolve()));
    this.failed = new Promise((_, reject) => {
      this.worker.once('error', (error) => reject(SelvageError.from(error)));
      this.worker.once('exit', () => {
        if (!this.stopping) reject(new SelvageError('failed', 'The data thread ended.'));
      });
    });
    this.failed.catch(() => {});
  }

  /** Starts the thread; resolves when it forwards packets. `onGone` hears of ports whose TAP was removed. */
  static async start(
    start: Omit<DataThreadStart, 'wakeFd'>,
    script: URL,
    onGone: (port: number) => void,
  ): Promise<DataThread> {
    const thread = new DataThread(start, script);
    const ready = new Promise<void>((resolve) => {
      thread.worker.on('message', (message: FromDataThread) => {
        if (message.type === 'ready') resolve();
        else if (message.type === 'gone') onGone(message.port);
        else thread.answer(message.id, message.report);
      });
    });
    await Promise.race([ready, thread.failed]);
    return thread;
  }

  report(): Promise<DataThreadReport> {
    const id = this.nextId++;
    const answer = new Promise<DataThreadReport>((resolve) => this.waiting.set(id, resolve));
    this.tell({ type: 'report', id });
    return Promise.race([answer, this.failed]);
  }

  async stop(): Promise<void> {
    this.stopping = true;
    this.tell({ type: 'stop' });
    await this.exited;
    this.wake.close();
  }

  private tell(message: ToDataThread): void {
    this.worker.postMessage(message);
    this.wake.signal();
  }

  private answer(id: number, report: DataThreadReport): void {
    this.waiting.get(id)?.(report);
    this.waiting.delete(id);
  }
}
