// What the engine that serves clients is given, and what stays when it is replaced: everything of a connection that the
// kernel knows, by a number. The engine's own code makes no system call, so that it can be bundled anew, and its state
// is plain data beside these numbers.

/** Of all users together. */
export const MAX_CONNECTIONS = 256;

/** Who may open sessions, and how many. */
export interface ClientsAccess {
  /** Members may connect besides root and the agent's own user. */
  readonly gid: number | undefined;
  /** The group's name, for refusals. */
  readonly group: string | undefined;
  /** The agent's own user. */
  readonly uid: number;
  readonly sessionsPerUser: number;
}

export interface ClientsGiven {
  readonly access: ClientsAccess;
  readonly resources: ClientResources;
}

export interface Accepted {
  readonly id: number;
  readonly pid: number;
  readonly uid: number;
  readonly gid: number;
  readonly groups: readonly number[];
}

/** A session's memory: what we write and what the client writes. */
export interface Halves {
  readonly mine: ArrayBuffer;
  readonly theirs: ArrayBuffer;
}

/** Who allocates on a heap. */
export type Owner = 'agent' | 'client';

/** Connections, with the sockets, bells and memory of each. What the system has no more of is an answer, not an exception. */
export interface ClientResources {
  /** Readable when `wait` has something. */
  readonly fd: number;
  /** How many have something: `kindOf(0)` and `idOf(0)` to those of one less. */
  wait(): number;
  /** A bell is told once a ring. */
  kindOf(index: number): 'listener' | 'message' | 'bell';
  idOf(index: number): number;
  /** Whether those who connect are told of by `wait`. */
  listen(wanted: boolean): void;
  /** 'later': the system has no descriptors left. */
  accept(): Accepted | 'none' | 'later';
  receive(id: number): string | 'none' | 'gone';
  /** False when the client is gone or does not read, and for what is too long. */
  send(id: number, message: string): boolean;
  /** Makes a session's halves and bells and sends them off with `welcome`; undefined when the system has no more. */
  open(id: number, halfBytes: number, welcome: string): Halves | undefined;
  /** Makes a heap's next segment and sends it off with `message`. */
  addSegment(id: number, owner: Owner, message: string): 'added' | 'unread' | 'no memory';
  /** Wakes the client. */
  wake(id: number): void;
  has(id: number): boolean;
  /** Of a session that is open. */
  halves(id: number): Halves;
  segments(id: number, owner: Owner): readonly Uint8Array[];
  /** Bytes of memory made for it. */
  sharedBytes(id: number): number;
  /** Takes everything back; views of its memory dangle from then on. */
  close(id: number): void;
  ids(): readonly number[];
}
