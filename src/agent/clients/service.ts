// Serves the sessions of one thread's clients as an engine: accepts them, makes their memory, echoes their records, and
// takes everything back when they end. A session that has nothing to do sleeps and costs nothing; its client's
// doorbell wakes it through an eventfd of its own. (One for all would be readable by all: any client could swallow
// what was to wake the others.) All of these are in one epoll, whose descriptor is what the thread waits for.
import { Epoll } from '../../linux/epoll.ts';
import { close, EAGAIN, ECONNABORTED, errno } from '../../linux/libc.ts';
import {
  acceptUnix,
  type Credentials,
  peerCredentials,
  receiveMessage,
  sendMessage,
} from '../../linux/unix-socket.ts';
import { FAULTS } from '../../runtime/shm/half.ts';
import { type Hello, parseFromClient, type Refusal } from '../../runtime/shm/messages.ts';
import { ended, notPermitted, refusal, refusalOf, tooMany } from './refusals.ts';
import { Session } from './session.ts';

export interface ClientsConfig {
  /** A listening socket; closed by whoever opened it. */
  readonly listener: number;
  /** Members may connect besides root and the agent's own user. */
  readonly gid: number | undefined;
  /** The group's name, for refusals. */
  readonly group: string | undefined;
  readonly uid: number;
}

export interface ClientsReport {
  readonly sessions: readonly SessionReport[];
  /** Connections that have not said hello. */
  readonly greeting: number;
  readonly sharedBytes: number;
  readonly opened: number;
  readonly closed: number;
  readonly refused: number;
  readonly records: number;
  readonly wakes: number;
  /** Sessions that were ended for what the client did, by its fault. */
  readonly faults: Readonly<Record<string, number>>;
}

export interface SessionReport {
  readonly pid: number;
  readonly uid: number;
  readonly service: string;
  readonly records: number;
  readonly sharedBytes: number;
}

/** What waits at a socket; a session once it has said hello. */
interface Connection {
  readonly socket: number;
  readonly credentials: Credentials;
  /** Microseconds: says hello until then, or goes. */
  readonly deadline: number;
  session: Session | undefined;
  isAwake: boolean;
}

export const MAX_CONNECTIONS = 256;
/** A session with nothing to do for so many turns sleeps, though others keep the thread awake. */
const IDLE_TURNS = 1000;
const GREETING_MICROS = 5_000_000;
const RETRY_MICROS = 500_000;
const TAG_LISTENER = 0;
/** A connection's tags: twice its id for its socket, and one more for its bell. */
const FIRST_ID = 1;

export class ClientService {
  private readonly config: ClientsConfig;
  private readonly epoll = new Epoll();
  private readonly connections = new Map<number, Connection>();
  /** Those that are looked at in every turn. */
  private readonly awake: Connection[] = [];
  private nextId = FIRST_ID;
  private isListening = true;
  private listenAgainAt = 0;
  private readonly totals = { opened: 0, closed: 0, refused: 0, records: 0, wakes: 0 };
  private readonly faults: Record<string, number> = Object.fromEntries(
    FAULTS.filter((fault) => fault !== 'none').map((fault) => [fault, 0]),
  );

  constructor(config: ClientsConfig) {
    this.config = config;
    this.epoll.add(config.listener, TAG_LISTENER);
  }

  /** Readable when `attend` has something to do. */
  get fd(): number {
    return this.epoll.fd;
  }

  /** A turn as an engine: what is there is served, about `budget` records a flow, or else all sessions sleep. */
  run(now: number, budget: number): number {
    this.attend(now);
    const served = this.serve(budget);
    return served > 0 || this.arm() ? served : 1;
  }

  /** One turn over all sessions that are awake, about `budget` records a flow; the records served. */
  serve(budget: number): number {
    let served = 0;
    for (let i = this.awake.length - 1; i >= 0; i--) {
      const connection = this.awake[i]!;
      served += this.serveOne(connection, budget);
      if (connection.session !== undefined && connection.session.idleTurns > IDLE_TURNS)
        this.sleep(connection);
      if (!connection.isAwake) this.awake.splice(i, 1);
    }
    return served;
  }

  /** Takes connections, messages and wake-ups; how many descriptors had something. */
  attend(now: number): number {
    this.listen(now >= this.listenAgainAt);
    const ready = this.epoll.wait(0);
    for (let i = 0; i < ready; i++) {
      const tag = this.epoll.tag(i);
      if (tag === TAG_LISTENER) this.accept(now);
      else {
        const connection = this.connections.get(tag >>> 1);
        if (connection === undefined) continue;
        if ((tag & 1) === 1) this.wake(connection);
        else this.receive(tag >>> 1, connection);
      }
    }
    for (const [id, { session, deadline }] of this.connections) {
      if (session === undefined && now >= deadline) this.end(id, refusal('bad-input', 'No hello came.'));
    }
    return ready;
  }

  /** Says that the thread will sleep: true when nothing is to do before `fd` is readable. */
  arm(): boolean {
    for (let i = this.awake.length - 1; i >= 0; i--) {
      if (!this.sleep(this.awake[i]!)) return false;
      this.awake.splice(i, 1);
    }
    return true;
  }

  /** Microseconds, on the clock that `attend` is given. */
  nextTimeout(): number {
    let next = this.isListening ? Number.POSITIVE_INFINITY : this.listenAgainAt;
    for (const { session, deadline } of this.connections.values()) {
      if (session === undefined) next = Math.min(next, deadline);
    }
    return next;
  }

  /** Serves what is there; true when nothing is left. */
  drain(_now: number): boolean {
    return this.serve(Number.MAX_SAFE_INTEGER) === 0;
  }

  report(): ClientsReport {
    const sessions = [...this.connections.values()].flatMap(({ session }) =>
      session === undefined ? [] : [session],
    );
    const sum = (pick: (session: Session) => number) =>
      sessions.reduce((total, session) => total + pick(session), 0);
    const { opened, closed, refused, records, wakes } = this.totals;
    return {
      sessions: sessions.map(({ credentials: { pid, uid }, service, records, sharedBytes }) => {
        return { pid, uid, service, records, sharedBytes };
      }),
      greeting: this.connections.size - sessions.length,
      sharedBytes: sum(({ sharedBytes }) => sharedBytes),
      opened,
      closed,
      refused,
      records: records + sum(({ records }) => records),
      wakes: wakes + sum(({ wakes }) => wakes),
      faults: { ...this.faults },
    };
  }

  close(): void {
    for (const id of [...this.connections.keys()]) this.end(id);
    this.epoll.close();
  }

  private serveOne(connection: Connection, budget: number): number {
    const { session } = connection;
    if (session === undefined) return 0;
    try {
      const served = session.serve(budget);
      if (session.fault !== 'none') this.endFor(connection);
      return served;
    } catch {
      // The system had no memory for the session's heap.
      this.endOf(connection, refusal('failed', 'The agent has no memory left for this session.'));
      return 0;
    }
  }

  /** False when there is something to do after all. */
  private sleep(connection: Connection): boolean {
    const { session } = connection;
    if (session?.sleep() === false) return false;
    if (session !== undefined && session.fault !== 'none') this.endFor(connection);
    connection.isAwake = false;
    return true;
  }

  private wake(connection: Connection): void {
    if (connection.isAwake) return;
    connection.isAwake = true;
    this.awake.push(connection);
  }

  private accept(now: number): void {
    const socket = acceptUnix(this.config.listener);
    if (socket < 0) {
      // Out of descriptors it would stay readable, and the thread awake.
      if (errno() !== EAGAIN && errno() !== ECONNABORTED) this.listenAgainAt = now + RETRY_MICROS;
      this.listen(this.listenAgainAt <= now);
      return;
    }
    let credentials: Credentials;
    try {
      credentials = peerCredentials(socket);
    } catch {
      close(socket);
      return;
    }
    const id = this.nextId;
    this.nextId = (this.nextId + 1) & 0x3fff_ffff || FIRST_ID;
    this.connections.set(id, {
      socket,
      credentials,
      deadline: now + GREETING_MICROS,
      session: undefined,
      isAwake: false,
    });
    this.epoll.add(socket, id * 2);
    if (!this.mayConnect(credentials)) this.end(id, notPermitted(this.config.group));
    else if (this.connections.size > MAX_CONNECTIONS) this.end(id, tooMany(MAX_CONNECTIONS));
  }

  private mayConnect({ uid, gid, groups }: Credentials): boolean {
    const permitted = this.config.gid;
    if (uid === 0 || uid === this.config.uid) return true;
    return permitted !== undefined && (gid === permitted || groups.includes(permitted));
  }

  private receive(id: number, connection: Connection): void {
    const received = receiveMessage(connection.socket);
    if (received === 'none') return;
    if (received === 'gone') {
      this.end(id);
      return;
    }
    // Nobody asked for descriptors.
    for (const fd of received.fds) close(fd);
    const message = parseFromClient(received.text);
    try {
      if (typeof message === 'string') this.endForMessage(id, message);
      else if (message.type === 'grow') this.grow(id, connection);
      else this.open(id, connection, message);
    } catch {
      this.end(id, refusal('failed', 'The agent has no memory or descriptors left for this session.'));
    }
  }

  private open(id: number, connection: Connection, hello: Hello): void {
    const no = refusalOf(hello);
    if (connection.session !== undefined) this.endForMessage(id, 'a second hello came');
    else if (no !== undefined) this.end(id, no);
    else {
      connection.session = new Session(connection.socket, connection.credentials, hello);
      this.epoll.add(connection.session.bell.fd, id * 2 + 1, 'edges');
      this.totals.opened++;
      this.wake(connection);
    }
  }

  private grow(id: number, { session }: Connection): void {
    if (session === undefined) this.endForMessage(id, 'the first message is no hello');
    else session.grow();
  }

  private endForMessage(id: number, complaint: string): void {
    this.faults['badMessage']!++;
    this.end(id, refusal('bad-input', `The agent did not understand: ${complaint}.`));
  }

  /** For its client's fault. */
  private endFor(connection: Connection): void {
    const { fault } = connection.session!;
    this.faults[fault]!++;
    this.endOf(connection, ended(fault));
  }

  private endOf(connection: Connection, last: Refusal): void {
    for (const [id, candidate] of this.connections) if (candidate === connection) this.end(id, last);
  }

  private end(id: number, last?: Refusal): void {
    const connection = this.connections.get(id)!;
    const { socket, session } = connection;
    this.connections.delete(id);
    connection.isAwake = false;
    connection.session = undefined;
    if (session === undefined) {
      if (last !== undefined) {
        this.totals.refused++;
        sendMessage(socket, JSON.stringify(last));
      }
    } else {
      this.totals.closed++;
      this.totals.records += session.records;
      this.totals.wakes += session.wakes;
      // The client has it too: closing it here would not end the watch.
      this.epoll.remove(session.bell.fd);
      session.close(last);
    }
    close(socket);
  }

  private listen(wanted: boolean): void {
    if (wanted === this.isListening) return;
    this.isListening = wanted;
    if (wanted) this.epoll.add(this.config.listener, TAG_LISTENER);
    else this.epoll.remove(this.config.listener);
  }
}
