// Redis and a load on it, as far as the network can tell: clients that each send a request, wait for the whole answer
// and send the next; one thread on either side that takes its time for each. As the real load client does, a client
// that waited too long counts a failure and makes its connection anew.

import type { Rng } from '../../src/base/rng.ts';
import { Alarm } from '../alarm.ts';
import type { Clock } from '../clock.ts';
import type { Connection } from './connection.ts';
import type { Guest, Neighbor } from './guest.ts';
import { Worker } from './worker.ts';

export interface RedisWorkload {
  readonly clients: number;
  readonly requestBytes: number;
  readonly responseBytes: number;
  /** Of the server's one thread, a request. */
  readonly serverMicros: number;
  /** Of the clients' one thread, from an answer to the next request. */
  readonly clientMicros: number;
  readonly timeoutMicros: number;
}

/** GET of a small key by 16 clients. */
export const REDIS_GET: RedisWorkload = {
  clients: 16,
  requestBytes: 40,
  responseBytes: 5,
  serverMicros: 15,
  clientMicros: 5,
  timeoutMicros: 1_000_000,
};

/** Is told what became of requests. */
export interface Outcomes {
  complete(client: number, startedMicros: number, nowMicros: number): void;
  fail(client: number, nowMicros: number): void;
}

const REDIS_PORT = 6379;

export function serveRedis(clock: Clock, rng: Rng, guest: Guest, workload: RedisWorkload): void {
  const { requestBytes, responseBytes, serverMicros } = workload;
  const worker = new Worker<Connection>(clock, rng, serverMicros, (connection) =>
    connection.write(responseBytes),
  );
  guest.listen(REDIS_PORT, (connection) => {
    let received = 0;
    connection.onData = (bytes) => {
      received += bytes;
      for (; received >= requestBytes; received -= requestBytes) worker.add(connection);
    };
  });
}

export interface LoadSurroundings {
  readonly clock: Clock;
  readonly rng: Rng;
  readonly guest: Guest;
  readonly server: Neighbor;
  readonly workload: RedisWorkload;
  readonly outcomes: Outcomes;
}

export class RedisLoad {
  private readonly clients: readonly Client[];
  private readonly worker: Worker<Client>;

  /** Makes the connections; `start` lets requests flow. */
  constructor(surroundings: LoadSurroundings) {
    const { clock, rng, workload } = surroundings;
    this.worker = new Worker<Client>(clock, rng, workload.clientMicros, (client) => client.ask());
    const next = (client: Client) => this.worker.add(client);
    this.clients = Array.from(
      { length: workload.clients },
      (_, number) => new Client(number, surroundings, next),
    );
  }

  start(): void {
    for (const client of this.clients) this.worker.add(client);
  }
}

class Client {
  private readonly number: number;
  private readonly surroundings: LoadSurroundings;
  private readonly next: (client: Client) => void;
  private readonly patience: Alarm;
  private connection: Connection;
  private startedMicros = 0;

  /** `next` is called when a request has been answered. */
  constructor(number: number, surroundings: LoadSurroundings, next: (client: Client) => void) {
    this.number = number;
    this.surroundings = surroundings;
    this.next = next;
    this.patience = new Alarm(surroundings.clock, () => this.giveUp());
    this.connection = this.connect();
  }

  ask(): void {
    const { clock, workload } = this.surroundings;
    this.startedMicros = clock.nowMicros;
    this.patience.set(this.startedMicros + workload.timeoutMicros);
    this.connection.write(workload.requestBytes);
  }

  private connect(): Connection {
    const { guest, server, workload } = this.surroundings;
    const connection = guest.connect(server, REDIS_PORT);
    let received = 0;
    connection.onData = (bytes) => {
      received += bytes;
      if (received < workload.responseBytes) return;
      received -= workload.responseBytes;
      this.complete();
    };
    return connection;
  }

  private complete(): void {
    const { clock, outcomes } = this.surroundings;
    this.patience.cancel();
    outcomes.complete(this.number, this.startedMicros, clock.nowMicros);
    this.next(this);
  }

  /** The next request starts with making a connection. */
  private giveUp(): void {
    const { clock, outcomes } = this.surroundings;
    outcomes.fail(this.number, clock.nowMicros);
    this.connection.abandon();
    this.connection = this.connect();
    this.ask();
  }
}
