// The connections of real clients: a listening Unix socket, and for each client its socket, the memory it shares with us,
// and what wakes either side. All of these are in one epoll, whose descriptor is what the thread waits for. Each
// session has an eventfd of its own, for one that all had could be read by all: any client could swallow what was to
// wake the others.
import { Epoll } from '../../linux/epoll.ts';
import { EventFd } from '../../linux/eventfd.ts';
import { close, EAGAIN, ECONNABORTED, errno } from '../../linux/libc.ts';
import { createShared, type Mapping } from '../../linux/shared-memory.ts';
import { acceptUnix, peerCredentials, receiveMessage, sendMessage } from '../../linux/unix-socket.ts';
import { WakePipe } from '../../linux/wake-pipe.ts';
import { SEGMENT_BYTES } from '../../runtime/shm/slab.ts';
import type { Accepted, ClientResources, Halves, Owner } from './given.ts';

const TAG_LISTENER = 0;
/** A connection's tags: twice its id for its socket, and one more for its bell. */
const FIRST_ID = 1;
const ID_MASK = 0x3fff_ffff;

interface Connection {
  readonly socket: number;
  readonly mappings: Mapping[];
  readonly segments: Readonly<Record<Owner, Uint8Array[]>>;
  sharedBytes: number;
  /** Wakes us; watched for edges and never read, for the client could make reading it block. */
  bell: EventFd | undefined;
  clientBell: WakePipe | undefined;
  halves: Halves | undefined;
}

export class KernelResources implements ClientResources {
  private readonly listener: number;
  private readonly epoll = new Epoll();
  private readonly connections = new Map<number, Connection>();
  private nextId = FIRST_ID;
  private isListening = false;

  /** `listener` is closed by whoever opened it. */
  constructor(listener: number) {
    this.listener = listener;
    this.listen(true);
  }

  get fd(): number {
    return this.epoll.fd;
  }

  wait(): number {
    return this.epoll.wait(0);
  }

  kindOf(index: number): 'listener' | 'message' | 'bell' {
    const tag = this.epoll.tag(index);
    return tag === TAG_LISTENER ? 'listener' : (tag & 1) === 0 ? 'message' : 'bell';
  }

  idOf(index: number): number {
    return this.epoll.tag(index) >>> 1;
  }

  listen(wanted: boolean): void {
    if (wanted === this.isListening) return;
    this.isListening = wanted;
    if (wanted) this.epoll.add(this.listener, TAG_LISTENER);
    else this.epoll.remove(this.listener);
  }

  accept(): Accepted | 'none' | 'later' {
    const socket = acceptUnix(this.listener);
    if (socket < 0) return errno() === EAGAIN || errno() === ECONNABORTED ? 'none' : 'later';
    const id = this.nextId;
    try {
      const credentials = peerCredentials(socket);
      this.epoll.add(socket, id * 2);
      this.nextId = (id + 1) & ID_MASK || FIRST_ID;
      this.connections.set(id, {
        socket,
        mappings: [],
        segments: { agent: [], client: [] },
        sharedBytes: 0,
        bell: undefined,
        clientBell: undefined,
        halves: undefined,
      });
      return { id, ...credentials };
    } catch {
      close(socket);
      return 'none';
    }
  }

  receive(id: number): string | 'none' | 'gone' {
    const received = receiveMessage(this.of(id).socket);
    if (typeof received === 'string') return received;
    // Nobody asked for descriptors.
    for (const fd of received.fds) close(fd);
    return received.text;
  }

  send(id: number, message: string): boolean {
    return sendMessage(this.of(id).socket, message);
  }

  open(id: number, halfBytes: number, welcome: string): Halves | undefined {
    const connection = this.of(id);
    const sent: number[] = [];
    try {
      const mine = makeMemory(connection, 'selvage-agent', halfBytes, 'us', sent);
      const theirs = makeMemory(connection, 'selvage-client', halfBytes, 'them', sent);
      connection.bell = new EventFd();
      connection.clientBell = new WakePipe();
      this.epoll.add(connection.bell.fd, id * 2 + 1, 'edges');
      // Who is gone already will be heard hanging up.
      sendMessage(connection.socket, welcome, [...sent, connection.bell.fd, connection.clientBell.readFd]);
      connection.halves = { mine, theirs };
      return connection.halves;
    } catch {
      return undefined;
    } finally {
      for (const fd of sent) close(fd);
    }
  }

  addSegment(id: number, owner: Owner, message: string): 'added' | 'unread' | 'no memory' {
    const connection = this.of(id);
    const sent: number[] = [];
    try {
      const writer = owner === 'agent' ? 'us' : 'them';
      const bytes = makeMemory(connection, 'selvage-heap', SEGMENT_BYTES, writer, sent);
      connection.segments[owner].push(new Uint8Array(bytes));
      return sendMessage(connection.socket, message, sent) ? 'added' : 'unread';
    } catch {
      return 'no memory';
    } finally {
      for (const fd of sent) close(fd);
    }
  }

  wake(id: number): void {
    this.of(id).clientBell!.signal();
  }

  has(id: number): boolean {
    return this.connections.has(id);
  }

  halves(id: number): Halves {
    return this.of(id).halves!;
  }

  segments(id: number, owner: Owner): readonly Uint8Array[] {
    return this.of(id).segments[owner];
  }

  sharedBytes(id: number): number {
    return this.of(id).sharedBytes;
  }

  close(id: number): void {
    const { socket, bell, clientBell, mappings } = this.of(id);
    this.connections.delete(id);
    // The client has it too: closing it here would not end the watch.
    if (bell !== undefined) this.epoll.remove(bell.fd);
    bell?.close();
    clientBell?.close();
    for (const mapping of mappings) mapping.unmap();
    close(socket);
  }

  ids(): readonly number[] {
    return [...this.connections.keys()];
  }

  /** With its thread. */
  closeAll(): void {
    for (const id of this.ids()) this.close(id);
    this.epoll.close();
  }

  private of(id: number): Connection {
    return this.connections.get(id)!;
  }
}

/** Throws SelvageError when the system has no more. */
function makeMemory(
  connection: Connection,
  name: string,
  bytes: number,
  writer: 'us' | 'them',
  sent: number[],
): ArrayBuffer {
  const { fd, mapping } = createShared(name, bytes, writer);
  sent.push(fd);
  connection.mappings.push(mapping);
  connection.sharedBytes += bytes;
  return mapping.buffer;
}
