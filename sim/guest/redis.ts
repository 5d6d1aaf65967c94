// Redis and redis-benchmark as far as the network can tell: clients that each send a request, wait for the whole
// answer and send the next; one thread on either side that takes its time for each. Both say when something is done
// to whoever keeps the records.

import type { Clock } from '../clock.ts';
import { Conveyor } from '../conveyor.ts';
import type { Connection } from './connection.ts';
import type { Guest, Neighbor } from './guest.ts';

export interface RedisWorkload {
  readonly clients: number;
  readonly requestBytes: number;
  readonly responseBytes: number;
  /** Of the server's one thread, a request. */
  readonly serverMicros: number;
  /** Of the clients' one thread, from an answer to the next request. */
  readonly clientMicros: number;
}

/** GET of a small key: what redis-benchmark sends and gets back, 16 clients. */
export const REDIS_GET: RedisWorkload = {
  clients: 16,
  requestBytes: 40,
  responseBytes: 5,
  serverMicros: 12,
  clientMicros: 4,
};

const REDIS_PORT = 6379;

/** Work for one thread: each item is done when those before it are done and its own time has passed. */
class Worker<T> {
  private readonly clock: Clock;
  private readonly micros: number;
  private readonly queue: Conveyor<T>;
  private idleAtMicros = 0;

  constructor(clock: Clock, micros: number, done: (item: T) => void) {
    this.clock = clock;
    this.micros = micros;
    this.queue = new Conveyor(clock, done);
  }

  add(item: T): void {
    this.idleAtMicros = Math.max(this.idleAtMicros, this.clock.nowMicros) + this.micros;
    this.queue.push(this.idleAtMicros, item);
  }
}

export function serveRedis(clock: Clock, guest: Guest, workload: RedisWorkload): void {
  const { requestBytes, responseBytes, serverMicros } = workload;
  const worker = new Worker<Connection>(clock, serverMicros, (connection) => connection.write(responseBytes));
  guest.listen(REDIS_PORT, (connection) => {
    let received = 0;
    connection.onData = (bytes) => {
      received += bytes;
      for (; received >= requestBytes; received -= requestBytes) worker.add(connection);
    };
  });
}

/** What the clients tell: when a request was sent and when its answer was there. */
export type Answered = (client: number, sentMicros: number, answeredMicros: number) => void;

export class RedisClients {
  /** Since when each client waits for an answer; Infinity for one that does not. */
  readonly waitingSince: Float64Array;
  private readonly clock: Clock;
  private readonly workload: RedisWorkload;
  private readonly answered: Answered;
  private readonly connections: readonly Connection[];
  private readonly worker: Worker<number>;
  private stopped = false;

  /** Connects at once; requests flow as soon as a connection is open. */
  constructor(clock: Clock, guest: Guest, server: Neighbor, workload: RedisWorkload, answered: Answered) {
    this.clock = clock;
    this.workload = workload;
    this.answered = answered;
    this.waitingSince = new Float64Array(workload.clients).fill(Number.POSITIVE_INFINITY);
    this.worker = new Worker<number>(clock, workload.clientMicros, (client) => this.ask(client));
    this.connections = Array.from({ length: workload.clients }, (_, client) => {
      const connection = guest.connect(server, REDIS_PORT);
      let received = 0;
      connection.onOpen = () => this.worker.add(client);
      connection.onData = (bytes) => {
        received += bytes;
        if (received < workload.responseBytes) return;
        received = 0;
        this.complete(client);
      };
      return connection;
    });
  }

  /** No further requests. */
  stop(): void {
    this.stopped = true;
  }

  private ask(client: number): void {
    if (this.stopped) return;
    this.waitingSince[client] = this.clock.nowMicros;
    this.connections[client]!.write(this.workload.requestBytes);
  }

  private complete(client: number): void {
    const sent = this.waitingSince[client]!;
    this.waitingSince[client] = Number.POSITIVE_INFINITY;
    this.answered(client, sent, this.clock.nowMicros);
    this.worker.add(client);
  }
}
