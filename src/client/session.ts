// A client's session: its flows and its heap, waiting for them, and their end.

import { isMainThread } from 'node:worker_threads';
import { SelvageError } from '../base/errors.ts';
import { Epoll } from '../linux/epoll.ts';
import { close } from '../linux/libc.ts';
import { Readiness } from '../linux/readiness.ts';
import { yieldCore } from '../linux/scheduling.ts';
import { clearPipe } from '../linux/wake-pipe.ts';
import { Endpoint } from '../runtime/shm/endpoint.ts';
import { halfOf } from '../runtime/shm/half.ts';
import type { SessionShape } from '../runtime/shm/layout.ts';
import { SpinTime } from '../runtime/spin.ts';
import type { Session } from './api.ts';
import type { Control } from './control.ts';
import type { SharedMemory } from './finishing.ts';
import { ClientFlow } from './flow.ts';
import { ClientHeap } from './heap.ts';

export interface SessionParts extends SharedMemory {
  readonly control: Control;
  readonly timeoutMillis: number;
}

const TAG_CONTROL = 0;
const TAG_BELL = 1;
/** Another thread that is ready gets the core once in so many looks. */
const YIELD_LOOKS = 16;

export class ClientSession implements Session {
  readonly flows: readonly ClientFlow[];
  readonly heap: ClientHeap;
  ended: SelvageError | undefined;
  private readonly parts: SessionParts;
  private readonly endpoint: Endpoint;
  private readonly epoll = new Epoll();
  private readonly halfRing: number;
  private readonly spin = new SpinTime();
  private readiness: Readiness | undefined;
  private waiting: Promise<void> | undefined;
  private isClosed = false;
  private nextFlow = 0;

  constructor(shape: SessionShape, parts: SessionParts) {
    const { mine, theirs, control, agentBell, clientBell, timeoutMillis } = parts;
    this.parts = parts;
    this.halfRing = shape.records / 2;
    this.endpoint = new Endpoint(shape, halfOf(mine), halfOf(theirs), () => agentBell.signal());
    this.flows = this.endpoint.flows.map(
      (channel, index) => new ClientFlow(channel, index, shape.recordWords, this.endpoint, () => this.ended),
    );
    this.heap = new ClientHeap(this.endpoint, control, timeoutMillis, (error) => this.end(error));
    this.epoll.add(control.fd, TAG_CONTROL);
    this.epoll.add(clientBell, TAG_BELL);
  }

  push(src: Uint32Array, n: number): number {
    return this.flows[0]!.push(src, n);
  }

  pop(dst: Uint32Array, n: number): number {
    return this.flows[0]!.pop(dst, n);
  }

  readyFlow(): number {
    const { endpoint, flows } = this;
    endpoint.listen();
    for (let i = 0; i < flows.length; i++) {
      const flow = this.nextFlow;
      this.nextFlow = flow + 1 === flows.length ? 0 : flow + 1;
      if (!endpoint.isAwake(flow)) continue;
      if (endpoint.flows[flow]!.available() > 0) return flow;
      // One that waits for room stays awake: nobody has asked for its doorbell.
      if (flows[flow]!.isShort) continue;
      if (!endpoint.flows[flow]!.arm()) return flow;
      endpoint.rest(flow);
    }
    return -1;
  }

  wait(): Promise<void> {
    // Several may wait at once: for the same.
    this.waiting ??= this.waitOnce().finally(() => {
      this.waiting = undefined;
    });
    return this.waiting;
  }

  waitSync(timeoutMillis = Number.POSITIVE_INFINITY): boolean {
    const deadline = performance.now() + timeoutMillis;
    while (!this.look()) {
      if (this.ended !== undefined) throw this.ended;
      if (performance.now() >= deadline) return false;
      if (!this.arm()) continue;
      const asleep = performance.now();
      const ready = this.epoll.wait(Math.max(0, deadline - asleep) * 1000);
      this.spin.slept((performance.now() - asleep) * 1000);
      this.attend(ready);
    }
    return true;
  }

  close(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.end(new SelvageError('not-running', 'This session was closed.', { hint: 'Connect anew.' }));
    for (const flow of this.flows) flow.close();
    this.heap.close(this.ended!);
    this.readiness?.close();
    this.epoll.close();
    this.parts.control.close();
    this.parts.agentBell.close();
    close(this.parts.clientBell);
  }

  private async waitOnce(): Promise<void> {
    if (!isMainThread) {
      throw new SelvageError('unsupported', 'A worker cannot wait for a session in its event loop.', {
        hint: 'Use waitSync there.',
      });
    }
    while (!this.look()) {
      if (this.ended !== undefined) throw this.ended;
      if (!this.arm()) continue;
      this.readiness ??= new Readiness(this.epoll.fd);
      const asleep = performance.now();
      await this.readiness.wait();
      this.spin.slept((performance.now() - asleep) * 1000);
      this.attend(this.isClosed ? 0 : this.epoll.wait(0));
    }
  }

  /** Whether there is something to wake for; looks a short, adaptive time. */
  private look(): boolean {
    if (this.hasWork()) return true;
    if (this.spin.micros === 0 || this.ended !== undefined) return false;
    const until = performance.now() + this.spin.micros / 1000;
    for (let looks = 1; performance.now() < until; looks++) {
      if (this.hasWork()) return true;
      if (looks % YIELD_LOOKS === 0) yieldCore();
    }
    return false;
  }

  private hasWork(): boolean {
    if (this.isClosed) return false;
    const { endpoint, flows } = this;
    endpoint.listen();
    if (this.heap.isWaiting && endpoint.returns.available() > 0) return true;
    if (endpoint.awakeFlows === 0) return false;
    for (let flow = 0; flow < flows.length; flow++) {
      if (!endpoint.isAwake(flow)) continue;
      const channel = endpoint.flows[flow]!;
      if (channel.available() > 0) return true;
      if (flows[flow]!.isShort && channel.room(this.halfRing) >= this.halfRing) return true;
    }
    return false;
  }

  /** Lets everything ring; false when something came meanwhile. */
  private arm(): boolean {
    const { endpoint, flows } = this;
    if (this.isClosed) return false;
    if (this.heap.isWaiting && !endpoint.returns.arm()) return false;
    for (let flow = 0; flow < flows.length; flow++) {
      if (!endpoint.isAwake(flow)) continue;
      const channel = endpoint.flows[flow]!;
      if (!channel.arm() || (flows[flow]!.isShort && !channel.armRoom())) return false;
      endpoint.rest(flow);
    }
    return endpoint.sleep();
  }

  private attend(ready: number): void {
    for (let i = 0; i < ready; i++) {
      if (this.epoll.tag(i) === TAG_BELL) clearPipe(this.parts.clientBell);
      else this.heap.receive(0);
    }
  }

  private end(why: SelvageError): void {
    this.ended ??= why;
  }
}
