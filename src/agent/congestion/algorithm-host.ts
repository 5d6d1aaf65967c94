// An algorithm in a thread of its own, as the rest of the process has it: started, joined to datapaths, watched, ended. It
// is ended when one call of it does not return, since its flows are on their own by then anyway.

import { Worker } from 'node:worker_threads';
import { SelvageError } from '../../base/errors.ts';
import type { Channel, ChannelStart, Wake } from '../../congestion/plane/channel.ts';
import { MessageRing, newRingMemory } from '../../congestion/plane/message-ring.ts';
import { Progress } from '../../congestion/plane/progress.ts';
import type { AlgorithmCode } from './algorithm-code.ts';
import type { AlgorithmThreadStart } from './algorithm-thread.ts';
import { newBellMemory } from './bell.ts';
import type { FromAlgorithmThread, ToAlgorithmThread } from './thread-messages.ts';

/** For being loaded, and for the return of one call. */
const START_PATIENCE_MILLIS = 10_000;
const CALL_PATIENCE_MILLIS = 1000;
const WATCH_MILLIS = 250;
const MOST_HEAP_MEGABYTES = 256;

export interface AlgorithmHostEvents {
  /** It threw, and lost this many flows. */
  trouble(message: string, flows: number): void;
  /** Its thread is no more, and nobody asked for that. */
  ended(reason: string): void;
}

export class AlgorithmHost {
  readonly progress = new Progress();
  private readonly bell = newBellMemory();
  private readonly worker: Worker;
  private readonly exited: Promise<void>;
  private readonly watchdog: NodeJS.Timeout;
  /** What its datapaths have written for it, by channel. */
  private readonly unread = new Map<number, MessageRing>();
  private lastChannel = 0;
  /** The call that was going on at the last look, and how many looks have found it so. */
  private watched = { call: 0, looks: 0 };
  private reason: string | undefined;
  private stopping = false;

  private constructor(algorithm: string | AlgorithmCode, script: URL, events: AlgorithmHostEvents) {
    const start: AlgorithmThreadStart = { algorithm, bell: this.bell, progress: this.progress.memory };
    this.worker = new Worker(script, {
      workerData: start,
      name: 'algorithm',
      resourceLimits: { maxOldGenerationSizeMb: MOST_HEAP_MEGABYTES },
    });
    this.watchdog = setInterval(() => this.watch(), WATCH_MILLIS);
    this.watchdog.unref();
    this.worker.on('error', (error) => {
      this.reason ??= `it crashed: ${SelvageError.from(error).message}`;
    });
    this.worker.on('message', (message: FromAlgorithmThread) => {
      if (message.type === 'trouble') events.trouble(message.message, message.flows);
    });
    this.exited = new Promise((resolve) => {
      this.worker.once('exit', () => {
        clearInterval(this.watchdog);
        resolve();
        if (!this.stopping) events.ended(this.reason ?? 'its thread ended');
      });
    });
  }

  /** The name of one that is built in, or code. Rejects with SelvageError when it cannot be loaded. */
  static async start(
    algorithm: string | AlgorithmCode,
    script: URL,
    events: AlgorithmHostEvents,
  ): Promise<AlgorithmHost> {
    let isReady = false;
    let fail: (reason: string) => void = () => {};
    const host = new AlgorithmHost(algorithm, script, {
      trouble: events.trouble,
      ended: (reason) => (isReady ? events.ended(reason) : fail(reason)),
    });
    const late = setTimeout(() => fail('it did not come up in time'), START_PATIENCE_MILLIS);
    try {
      await new Promise<void>((resolve, reject) => {
        fail = (reason) => reject(new SelvageError('failed', `The algorithm cannot run: ${reason}.`));
        host.worker.on('message', (message: FromAlgorithmThread) => {
          if (message.type === 'ready') resolve();
          else if (message.type === 'refused') reject(refusal(message));
        });
      });
      isReady = true;
      return host;
    } catch (error) {
      await host.stop();
      throw error;
    } finally {
      clearTimeout(late);
    }
  }

  /** Joins a datapath to it, which it wakes like this. */
  attach(wake: Wake): Channel {
    const toAlgorithm = newRingMemory();
    const fromAlgorithm = newRingMemory();
    const channel: ChannelStart = { id: ++this.lastChannel, toAlgorithm, fromAlgorithm, wake };
    this.unread.set(channel.id, new MessageRing(toAlgorithm));
    this.tell({ type: 'attach', channel });
    return { ...channel, bell: this.bell };
  }

  /** The datapath is gone. */
  detach({ id }: Pick<Channel, 'id'>): void {
    this.unread.delete(id);
    this.tell({ type: 'detach', id });
  }

  /** Ends it, whatever it is doing. */
  async stop(): Promise<void> {
    this.stopping = true;
    clearInterval(this.watchdog);
    void this.worker.terminate();
    await this.exited;
  }

  private tell(message: ToAlgorithmThread): void {
    this.worker.postMessage(message);
  }

  /** A handler that does not return, or something else that keeps the thread from reading. */
  private watch(): void {
    const { call } = this.progress;
    const isIdle = call % 2 === 0 && [...this.unread.values()].every((ring) => ring.isEmpty);
    if (isIdle || call !== this.watched.call) {
      this.watched = { call, looks: 0 };
      return;
    }
    // Looks, and not time: after a pause of the whole machine there is one.
    if (++this.watched.looks < CALL_PATIENCE_MILLIS / WATCH_MILLIS) return;
    this.reason = `it did not return from a call within ${CALL_PATIENCE_MILLIS / 1000} s, and was ended`;
    void this.worker.terminate();
  }
}

function refusal({ message, hint }: FromAlgorithmThread & { type: 'refused' }): SelvageError {
  return new SelvageError('bad-input', message, hint === undefined ? {} : { hint });
}
