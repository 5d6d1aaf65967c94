// The agent's side of its clients' thread: start it, ask it, stop it.
import { Worker } from 'node:worker_threads';
import { SelvageError } from '../../base/errors.ts';
import { EventFd } from '../../linux/eventfd.ts';
import type { ClientsConfig, ClientsReport } from './service.ts';
import type { ClientThreadStart, FromClientThread, ToClientThread } from './thread-messages.ts';

export class ClientThread {
  private readonly worker: Worker;
  private readonly wake = new EventFd();
  private readonly exited: Promise<void>;
  private readonly waiting = new Map<number, (report: ClientsReport | undefined) => void>();
  private nextId = 1;
  private isRunning = true;
  private stopping = false;

  private constructor(clients: ClientsConfig, script: URL, onFailure: (error: SelvageError) => void) {
    const start: ClientThreadStart = { clients, wakeFd: this.wake.fd };
    this.worker = new Worker(script, { workerData: start, name: 'clients' });
    let failure: SelvageError | undefined;
    this.worker.once('error', (error) => {
      failure = SelvageError.from(error);
    });
    this.exited = new Promise((resolve) => {
      this.worker.once('exit', () => {
        this.isRunning = false;
        for (const answer of this.waiting.values()) answer(undefined);
        if (!this.stopping) onFailure(failure ?? new SelvageError('failed', 'The clients’ thread ended.'));
        resolve();
      });
    });
  }

  /** Resolves when clients are served. `onFailure` hears when the thread ends without having been told to. */
  static async start(
    clients: ClientsConfig,
    script: URL,
    onFailure: (error: SelvageError) => void,
  ): Promise<ClientThread> {
    const thread = new ClientThread(clients, script, onFailure);
    const ready = new Promise<void>((resolve) => {
      thread.worker.on('message', (message: FromClientThread) => {
        if (message.type === 'ready') resolve();
        else thread.answer(message.id, message.report);
      });
    });
    await Promise.race([ready, thread.exited]);
    return thread;
  }

  /** Undefined when the thread has ended. */
  report(): Promise<ClientsReport | undefined> {
    if (!this.isRunning) return Promise.resolve(undefined);
    const id = this.nextId++;
    const answer = new Promise<ClientsReport | undefined>((resolve) => this.waiting.set(id, resolve));
    this.tell({ type: 'report', id });
    return answer;
  }

  async stop(): Promise<void> {
    this.stopping = true;
    if (this.isRunning) this.tell({ type: 'stop' });
    await this.exited;
    this.wake.close();
  }

  private tell(message: ToClientThread): void {
    this.worker.postMessage(message);
    this.wake.signal();
  }

  private answer(id: number, report: ClientsReport): void {
    this.waiting.get(id)?.(report);
    this.waiting.delete(id);
  }
}
