// The connections of clients that are in this process, in ordinary memory: for the engine's warm-up and its tests. What the
// kernel would tell of is a list here.
import { Endpoint } from '../../runtime/shm/endpoint.ts';
import { halfOf } from '../../runtime/shm/half.ts';
import type { SessionShape } from '../../runtime/shm/layout.ts';
import { LONGEST_MESSAGE_BYTES } from '../../runtime/shm/messages.ts';
import { SEGMENT_BYTES } from '../../runtime/shm/slab.ts';
import type { Accepted, ClientResources, Halves, Owner } from './given.ts';

const LISTENER = 0;

/** The client's end. */
export class MemoryClient {
  readonly credentials: Omit<Accepted, 'id'>;
  /** Messages that the agent sent, oldest first; it has hung up when `isClosed`. */
  readonly heard: string[] = [];
  readonly said: string[] = [];
  readonly segments: Readonly<Record<Owner, Uint8Array[]>> = { agent: [], client: [] };
  isClosed = false;
  hasHungUp = false;
  /** It does not read: nothing more has room. */
  isDeaf = false;
  halves: Halves | undefined;
  /** How often the agent woke it. */
  wakes = 0;
  isRung = false;

  constructor(credentials: Omit<Accepted, 'id'>) {
    this.credentials = credentials;
  }

  /** Its side of a session that the agent has opened. */
  endpoint(shape: SessionShape): Endpoint {
    const { mine, theirs } = this.halves!;
    return new Endpoint(shape, halfOf(theirs), halfOf(mine), () => {
      this.isRung = true;
    });
  }

  get isReadable(): boolean {
    return !this.isClosed && (this.said.length > 0 || this.hasHungUp);
  }
}

export class MemoryResources implements ClientResources {
  readonly fd = -1;
  /** What the system has left of memory, in calls. */
  grants = Number.POSITIVE_INFINITY;
  private readonly arriving: MemoryClient[] = [];
  private readonly clients = new Map<number, MemoryClient>();
  private ready: { readonly kind: 'listener' | 'message' | 'bell'; readonly id: number }[] = [];
  private nextId = 1;
  private isListening = true;

  connect(credentials: Omit<Accepted, 'id'>): MemoryClient {
    const client = new MemoryClient(credentials);
    this.arriving.push(client);
    return client;
  }

  /** What an epoll would say of `fd`. */
  get isReady(): boolean {
    if (this.isListening && this.arriving.length > 0) return true;
    for (const client of this.clients.values()) if (client.isReadable || client.isRung) return true;
    return false;
  }

  wait(): number {
    this.ready = [];
    if (this.isListening && this.arriving.length > 0) this.ready.push({ kind: 'listener', id: LISTENER });
    for (const [id, client] of this.clients) {
      if (client.isReadable) this.ready.push({ kind: 'message', id });
      if (client.isRung) this.ready.push({ kind: 'bell', id });
      client.isRung = false;
    }
    return this.ready.length;
  }

  kindOf(index: number): 'listener' | 'message' | 'bell' {
    return this.ready[index]!.kind;
  }

  idOf(index: number): number {
    return this.ready[index]!.id;
  }

  listen(wanted: boolean): void {
    this.isListening = wanted;
  }

  accept(): Accepted | 'none' | 'later' {
    if (this.grants <= 0) return 'later';
    const client = this.arriving.shift();
    if (client === undefined) return 'none';
    const id = this.nextId++;
    this.clients.set(id, client);
    return { id, ...client.credentials };
  }

  receive(id: number): string | 'none' | 'gone' {
    const client = this.of(id);
    return client.said.shift() ?? (client.hasHungUp ? 'gone' : 'none');
  }

  send(id: number, message: string): boolean {
    const client = this.of(id);
    if (client.isDeaf || new TextEncoder().encode(message).length > LONGEST_MESSAGE_BYTES) return false;
    client.heard.push(message);
    return true;
  }

  open(id: number, halfBytes: number, welcome: string): Halves | undefined {
    if (this.grants-- <= 0) return undefined;
    const halves = { mine: new ArrayBuffer(halfBytes), theirs: new ArrayBuffer(halfBytes) };
    const client = this.of(id);
    client.halves = halves;
    client.heard.push(welcome);
    return halves;
  }

  addSegment(id: number, owner: Owner, message: string): 'added' | 'unread' | 'no memory' {
    if (this.grants-- <= 0) return 'no memory';
    const client = this.of(id);
    client.segments[owner].push(new Uint8Array(SEGMENT_BYTES));
    return this.send(id, message) ? 'added' : 'unread';
  }

  wake(id: number): void {
    this.of(id).wakes++;
  }

  has(id: number): boolean {
    return this.clients.has(id);
  }

  halves(id: number): Halves {
    return this.of(id).halves!;
  }

  segments(id: number, owner: Owner): readonly Uint8Array[] {
    return this.of(id).segments[owner];
  }

  sharedBytes(id: number): number {
    const { halves, segments } = this.of(id);
    const lent = segments.agent.length + segments.client.length;
    return (halves === undefined ? 0 : 2 * halves.mine.byteLength) + lent * SEGMENT_BYTES;
  }

  close(id: number): void {
    this.of(id).isClosed = true;
    this.clients.delete(id);
  }

  ids(): readonly number[] {
    return [...this.clients.keys()];
  }

  private of(id: number): MemoryClient {
    return this.clients.get(id)!;
  }
}
