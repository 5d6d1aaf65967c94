// Serves the sessions of programs on this host: takes connections, has their memory made, echoes their records, and gives
// everything back when they end. A session that has nothing to do sleeps and costs nothing; its client's doorbell
// wakes it. Nothing here makes a system call: what belongs to connections is the executor's (given.ts).
import { FAULTS } from '../../runtime/shm/half.ts';
import { commonVersion, type Hello, parseFromClient, type Refusal } from '../../runtime/shm/messages.ts';
import { admissionRefusal } from './admission.ts';
import type { ClientResources, ClientsAccess, ClientsGiven } from './given.ts';
import {
  ended,
  forgotten,
  interrupted,
  noCommonVersion,
  noLongerServed,
  noMemory,
  noService,
  refusal,
} from './refusals.ts';
import type { ClientsReport } from './report.ts';
import { openSession, Session, type SessionState } from './session.ts';

/** What waits at a socket; a session once it has said hello. */
interface Connection {
  readonly id: number;
  readonly pid: number;
  readonly uid: number;
  /** Microseconds: says hello until then, or goes. */
  readonly deadline: number;
  session: Session | undefined;
  isAwake: boolean;
}

interface ConnectionState {
  readonly id: number;
  readonly pid: number;
  readonly uid: number;
  readonly deadline: number;
  readonly session: SessionState | undefined;
}

interface Totals {
  opened: number;
  closed: number;
  refused: number;
  /** Sessions that were ended because the engine threw while it served them. */
  interrupted: number;
  records: number;
  wakes: number;
}

/** What another service goes on from. */
export interface ServiceState {
  readonly connections: readonly ConnectionState[];
  /** Those that are looked at, in the order in which their turn comes. */
  readonly awake: readonly number[];
  readonly listenAgainAt: number;
  readonly totals: Totals;
  readonly faults: Record<string, number>;
  /** The connection that was in hand when the service threw; 0: none. */
  readonly inHand: number;
}

/** The one that there is. */
const SERVICE = 'echo';
/** A session with nothing to do for so many turns sleeps, though others keep the thread awake. */
const IDLE_TURNS = 1000;
/** Work in a turn while it is being removed: other engines of the thread have to come to their end, too. */
const DRAIN_BUDGET = 256;
const GREETING_MICROS = 5_000_000;
const RETRY_MICROS = 500_000;

export class ClientService {
  /** Microseconds, on the clock that `attend` is given: when it must be called though nothing is ready. */
  nextDeadline = Number.POSITIVE_INFINITY;
  private readonly access: ClientsAccess;
  private readonly resources: ClientResources;
  private readonly connections = new Map<number, Connection>();
  private readonly awake: Connection[] = [];
  /** In `awake`, the session behind the one that was served last. */
  private next = 0;
  private listenAgainAt: number;
  private readonly totals: Totals;
  private readonly faults: Record<string, number>;
  private inHand: number;

  constructor({ access, resources }: ClientsGiven, old?: ServiceState) {
    this.access = access;
    this.resources = resources;
    this.listenAgainAt = old?.listenAgainAt ?? 0;
    this.totals = old?.totals ?? {
      opened: 0,
      closed: 0,
      refused: 0,
      interrupted: 0,
      records: 0,
      wakes: 0,
    };
    this.faults =
      old?.faults ??
      Object.fromEntries(FAULTS.filter((fault) => fault !== 'none').map((fault) => [fault, 0]));
    this.inHand = old?.inHand ?? 0;
    for (const { id, pid, uid, deadline, session } of old?.connections ?? []) {
      // One that was just being ended may be gone already.
      if (!resources.has(id)) continue;
      const restored = session && new Session(id, resources, session.hello, session);
      this.connections.set(id, { id, pid, uid, deadline, session: restored, isAwake: false });
    }
    for (const id of old?.awake ?? []) this.wake(this.connections.get(id));
    this.planDeadline();
  }

  /** Sessions that are looked at in every turn. */
  get awakeSessions(): number {
    return this.awake.length;
  }

  save(): ServiceState {
    const inTurn = [...this.awake.slice(this.next), ...this.awake.slice(0, this.next)];
    return {
      connections: [...this.connections.values()].map(({ id, pid, uid, deadline, session }) => {
        return { id, pid, uid, deadline, session: session?.save() };
      }),
      awake: inTurn.filter(({ isAwake }) => isAwake).map(({ id }) => id),
      listenAgainAt: this.listenAgainAt,
      totals: this.totals,
      faults: this.faults,
      inHand: this.inHand,
    };
  }

  /** After one that threw, or when there was none: ends the session it had in hand, closes what no state knows of, looks at all others. */
  recover(): void {
    const broken = this.connections.get(this.inHand);
    this.inHand = 0;
    if (broken !== undefined) {
      if (broken.session !== undefined) this.totals.interrupted++;
      this.end(broken, interrupted());
    }
    for (const id of this.resources.ids()) {
      if (this.connections.has(id)) continue;
      this.resources.send(id, JSON.stringify(forgotten()));
      this.resources.close(id);
    }
    this.resources.listen(this.listenAgainAt === 0);
    // A ring may have been heard and not been followed.
    for (const connection of this.connections.values()) this.wake(connection);
  }

  /** About `budget` units of work, for each session that is awake once at most, and in turn; how much was done. */
  serve(budget: number): number {
    const { awake } = this;
    let done = 0;
    for (let left = awake.length; left > 0 && done < budget; left--) {
      if (this.next >= awake.length) this.next = 0;
      const connection = awake[this.next]!;
      if (connection.session !== undefined)
        done += this.serveOne(connection, connection.session, budget - done);
      if (connection.isAwake) this.next++;
      else awake.splice(this.next, 1);
    }
    return done;
  }

  /** Takes connections, messages and wake-ups. */
  attend(now: number): void {
    const { resources } = this;
    if (this.listenAgainAt !== 0 && now >= this.listenAgainAt) {
      this.listenAgainAt = 0;
      resources.listen(true);
    }
    const ready = resources.wait();
    for (let i = 0; i < ready; i++) {
      const kind = resources.kindOf(i);
      const connection = this.connections.get(resources.idOf(i));
      if (kind === 'listener') this.accept(now);
      else if (connection === undefined) continue;
      else if (kind === 'bell') this.wake(connection);
      else this.receive(connection);
    }
    for (const connection of this.connections.values()) {
      if (connection.session === undefined && now >= connection.deadline) {
        this.end(connection, refusal('bad-input', 'No hello came.'));
      }
    }
    this.planDeadline();
  }

  /** Says that the thread will sleep: true when nothing is to do before something is ready. */
  arm(): boolean {
    for (let i = this.awake.length - 1; i >= 0; i--) {
      if (!this.sleep(this.awake[i]!)) return false;
      this.awake.splice(i, 1);
    }
    return true;
  }

  /** Takes nobody in any more and serves some of what is there; true when nothing was left. */
  drain(): boolean {
    this.resources.listen(false);
    return this.serve(DRAIN_BUDGET) === 0;
  }

  /** Ends all sessions, with a word. */
  endAll(): void {
    for (const connection of this.connections.values()) this.end(connection, noLongerServed());
  }

  report(): ClientsReport {
    const { resources } = this;
    const sessions = [...this.connections.values()].flatMap(({ id, pid, uid, session }) => {
      if (session === undefined) return [];
      const { service, records, wakes } = session;
      return [{ pid, uid, service, records, wakes, sharedBytes: resources.sharedBytes(id) }];
    });
    const sum = (pick: (session: (typeof sessions)[number]) => number) =>
      sessions.reduce((total, session) => total + pick(session), 0);
    return {
      sessions: sessions.map(({ wakes, ...session }) => session),
      greeting: this.connections.size - sessions.length,
      sharedBytes: sum(({ sharedBytes }) => sharedBytes),
      ...this.totals,
      records: this.totals.records + sum(({ records }) => records),
      wakes: this.totals.wakes + sum(({ wakes }) => wakes),
      faults: { ...this.faults },
    };
  }

  private serveOne(connection: Connection, session: Session, budget: number): number {
    this.inHand = connection.id;
    const served = session.serve(budget);
    if (!this.endIfBroken(connection, session) && session.idleTurns > IDLE_TURNS) this.sleep(connection);
    this.inHand = 0;
    return served;
  }

  /** Ends a session that cannot go on: true. */
  private endIfBroken(connection: Connection, session: Session): boolean {
    if (session.isStarved) this.end(connection, noMemory());
    else if (session.fault !== 'none') this.endForFault(connection, session);
    else return false;
    return true;
  }

  /** False when there is something to do after all. */
  private sleep(connection: Connection): boolean {
    const { session } = connection;
    if (session?.sleep() === false) return false;
    if (session !== undefined) this.endIfBroken(connection, session);
    connection.isAwake = false;
    return true;
  }

  private wake(connection: Connection | undefined): void {
    if (connection?.session === undefined || connection.isAwake) return;
    connection.isAwake = true;
    this.awake.push(connection);
  }

  private accept(now: number): void {
    const accepted = this.resources.accept();
    if (accepted === 'none') return;
    if (accepted === 'later') {
      // Out of descriptors it would stay readable, and the thread awake.
      this.listenAgainAt = now + RETRY_MICROS;
      this.resources.listen(false);
      return;
    }
    const { id, pid, uid } = accepted;
    const users = [...this.connections.values()].map((connection) => connection.uid);
    const no = admissionRefusal(accepted, this.access, users);
    const deadline = now + GREETING_MICROS;
    const connection = { id, pid, uid, deadline, session: undefined, isAwake: false };
    this.connections.set(id, connection);
    if (no !== undefined) this.end(connection, no);
  }

  private receive(connection: Connection): void {
    const { id, session } = connection;
    const received = this.resources.receive(id);
    if (received === 'none') return;
    if (received === 'gone') {
      this.end(connection);
      return;
    }
    this.inHand = id;
    const message = parseFromClient(received);
    if (typeof message === 'string') this.endForMessage(connection, message);
    else if (message.type === 'hello') this.open(connection, message);
    else if (session === undefined) this.endForMessage(connection, 'the first message is no hello');
    else {
      session.grow();
      this.endIfBroken(connection, session);
    }
    this.inHand = 0;
  }

  private open(connection: Connection, hello: Hello): void {
    const version = commonVersion(hello.versions);
    if (connection.session !== undefined) this.endForMessage(connection, 'a second hello came');
    else if (version === undefined) this.end(connection, noCommonVersion(hello.versions));
    else if (hello.service !== SERVICE) this.end(connection, noService(hello.service, SERVICE));
    else {
      const session = openSession(connection.id, this.resources, hello, version);
      if (session === undefined) {
        this.end(connection, noMemory());
        return;
      }
      connection.session = session;
      this.totals.opened++;
      this.wake(connection);
    }
  }

  private endForMessage(connection: Connection, complaint: string): void {
    this.faults['badMessage']!++;
    this.end(connection, refusal('bad-input', `The agent did not understand: ${complaint}.`));
  }

  private endForFault(connection: Connection, { fault }: Session): void {
    this.faults[fault]!++;
    this.end(connection, ended(fault));
  }

  private end(connection: Connection, last?: Refusal): void {
    const { id, session } = connection;
    this.connections.delete(id);
    connection.isAwake = false;
    connection.session = undefined;
    if (session !== undefined) {
      this.totals.closed++;
      this.totals.records += session.records;
      this.totals.wakes += session.wakes;
    } else if (last !== undefined) this.totals.refused++;
    if (last !== undefined) this.resources.send(id, JSON.stringify(last));
    this.resources.close(id);
  }

  private planDeadline(): void {
    let next = this.listenAgainAt === 0 ? Number.POSITIVE_INFINITY : this.listenAgainAt;
    for (const { session, deadline } of this.connections.values()) {
      if (session === undefined) next = Math.min(next, deadline);
    }
    this.nextDeadline = next;
  }
}
