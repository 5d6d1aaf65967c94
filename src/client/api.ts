// What @selvage/client offers, and nothing of how: the package's type declarations are a copy of this file.

export interface ConnectOptions {
  /**
   * What to be connected to: a name of 1 to 64 letters, digits, dots, dashes and underscores. Every agent has `echo`,
   * which sends every record back.
   */
  readonly service: string;
  /** The agent's socket for clients; default `/run/selvage/clients.sock`. */
  readonly socket?: string;
  /** Pairs of queues, each with an order of its own, 1 to 64; default 1. */
  readonly flows?: number;
  /** A multiple of 4 up to 8192; default 64. */
  readonly recordBytes?: number;
  /** Records that a queue holds, a power of two up to 65,536; default 1024. */
  readonly records?: number;
  /** The first two words of each record are address and length of a heap block (length 0: none); default false. */
  readonly blocks?: boolean;
  /** How long to wait for the agent's answers; default 5000. */
  readonly timeoutMillis?: number;
}

/** Opens a session. Rejects with SelvageError, whose `hint` says what to do. */
export declare function connect(options: ConnectOptions): Promise<Session>;

/** The same, blocking: for workers, and programs that do nothing else. */
export declare function connectSync(options: ConnectOptions): Session;

/** Both ends of a queue each way. Records are `recordBytes / 4` words and lie one behind the other in an array. */
export interface Flow {
  /**
   * Sends the first of `n` records of `src`; how many were taken. Fewer than `n` means that the other side is behind:
   * keep the rest and `wait`. Throws SelvageError when the session has ended.
   */
  push(src: Uint32Array, n: number): number;
  /** Receives at most `n` records into `dst`; how many came. Goes on after the agent has ended, until nothing is left. */
  pop(dst: Uint32Array, n: number): number;
}

export interface Session extends Flow {
  /** The session itself is its first flow. */
  readonly flows: readonly Flow[];
  readonly heap: Heap;
  /** Why the session has ended, if the agent or you have ended it and that was noticed. */
  readonly ended: SelvageError | undefined;
  /**
   * Resolves when a flow has records, or one that did not take a whole push has room for half a queue, or a heap that had
   * no block has one back. On the main thread only. Rejects with SelvageError when the session has ended.
   */
  wait(): Promise<void>;
  /** The same, blocking; false when `timeoutMillis` have passed. Spins a short, adaptive time before it sleeps. */
  waitSync(timeoutMillis?: number): boolean;
  /** The index of a flow that has records; -1 when none has. Flows that rest are not looked at: their doorbell tells. */
  readyFlow(): number;
  /** Afterwards only blocks of your own can still be looked at and freed. */
  close(): void;
}

/** Memory for what does not fit into records. Yours the agent only reads; the agent's you only read. */
export interface Heap {
  /**
   * The address of a block of at least `bytes` of yours, up to 1 MB. It grows the heap when it must, for which it waits
   * for the agent; -1 when the heap is as large as it gets: blocks must come back first (`wait`).
   * A block that was sent in a record is the agent's until the agent gives it back, which frees it.
   */
  alloc(bytes: number): number;
  /** Frees a block that was not sent. */
  free(address: number): void;
  /** A block of yours, to write; valid as long as you keep it, and to be written only while the block is yours. */
  view(address: number, length: number): Uint8Array;
  /** A block that came in a record: valid until you give it back. Writing to it ends your process. */
  received(address: number, length: number): Uint8Array;
  /** Gives a received block back to the agent; once. */
  giveBack(address: number): void;
}

export declare class SelvageError extends Error {
  readonly code:
    | 'bad-config'
    | 'bad-input'
    | 'already-running'
    | 'not-running'
    | 'in-use'
    | 'no-privilege'
    | 'no-program'
    | 'unsupported'
    | 'failed';
  /** What to do. */
  readonly hint: string | undefined;
  /** The message and the hint. */
  override toString(): string;
}
