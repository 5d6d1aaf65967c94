// One connection of a load client: at most one request at a time, each answered, failed or timed out exactly once.
// After a failure the connection is made anew, as real clients do, and the next request starts with making it.
import { connect, type Socket } from 'node:net';
import type { LoadSpec } from './protocol.ts';
import { ReplyReader } from './replies.ts';

/** After a refusal: a server that is gone must not turn us into a busy loop. */
const RETRY_MILLIS = 10;

export interface Outcome {
  readonly succeeded: boolean;
  readonly startedAt: number;
  readonly now: number;
}

export class Connection {
  private readonly spec: LoadSpec;
  private readonly bytes: Buffer;
  private readonly done: (outcome: Outcome) => void;
  private socket: Socket | undefined;
  private startedAt: number | undefined;
  private stopped = false;

  constructor(spec: LoadSpec, done: (outcome: Outcome) => void) {
    this.spec = spec;
    this.bytes = requestBytes(spec.request);
    this.done = done;
  }

  /** Rejects when the server cannot be reached; patience is that of TCP. */
  open(): Promise<void> {
    return new Promise((resolve, reject) => {
      const socket = this.newSocket();
      socket.once('connect', resolve);
      socket.once('error', reject);
    });
  }

  /** Starts a request, and from then on one after the other. */
  start(): void {
    if (this.stopped) return;
    this.startedAt = performance.now();
    // What is written before the connection is made waits for it in the socket.
    (this.socket ?? this.newSocket()).write(this.bytes);
  }

  failIfLate(now: number): void {
    if (this.startedAt !== undefined && now - this.startedAt >= this.spec.timeoutMillis) this.fail(0);
  }

  close(): void {
    this.stopped = true;
    this.startedAt = undefined;
    this.dropSocket();
  }

  private newSocket(): Socket {
    const socket = connect({ host: this.spec.host, port: this.spec.port, noDelay: true });
    const replies = new ReplyReader();
    this.socket = socket;
    socket.on('data', (bytes) => {
      const reply = replies.push(bytes);
      if (reply !== 'incomplete') this.finish(reply === 'ok', 0);
    });
    socket.on('error', () => {});
    socket.on('close', () => {
      if (this.socket === socket) this.fail(RETRY_MILLIS);
    });
    return socket;
  }

  private fail(retryMillis: number): void {
    this.dropSocket();
    this.finish(false, retryMillis);
  }

  private finish(succeeded: boolean, pauseMillis: number): void {
    const { startedAt } = this;
    if (startedAt === undefined) return;
    const now = performance.now();
    this.startedAt = undefined;
    this.done({ succeeded, startedAt, now });
    const waitMillis = Math.max(pauseMillis, startedAt + this.spec.intervalMillis - now);
    if (waitMillis > 0) setTimeout(() => this.start(), waitMillis);
    else this.start();
  }

  private dropSocket(): void {
    const { socket } = this;
    this.socket = undefined;
    socket?.destroy();
  }
}

/** What redis-benchmark sends. */
function requestBytes(request: LoadSpec['request']): Buffer {
  const words = request === 'get' ? ['GET', 'key:__rand_int__'] : ['SET', 'key:__rand_int__', 'VXK'];
  const parts = words.map((word) => `$${word.length}\r\n${word}\r\n`);
  return Buffer.from(`*${words.length}\r\n${parts.join('')}`);
}
