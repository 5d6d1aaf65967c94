// Who may own an endpoint, and owns it: takes connections at its socket, has memory made for one owner at a time, answers
// what it asks, and takes everything back when it goes, however it goes. All of it on the thread that has the vNIC: between
// two turns of the switch an owner is there or not.

import type { EndpointDevice } from '../../device/endpoint/endpoint-device.ts';
import { Epoll } from '../../linux/epoll.ts';
import { EventFd } from '../../linux/eventfd.ts';
import { close } from '../../linux/libc.ts';
import { createShared, type Mapping } from '../../linux/shared-memory.ts';
import {
  acceptUnix,
  type Credentials,
  peerCredentials,
  receiveMessage,
  sendMessage,
} from '../../linux/unix-socket.ts';
import { WakePipe } from '../../linux/wake-pipe.ts';
import { halfOf } from '../../runtime/shm/half.ts';
import type { Refusal } from '../../runtime/shm/messages.ts';
import type { VnicLayout } from '../../runtime/vnic/layout.ts';
import {
  type Neighbor,
  parseFromEndpoint,
  VNIC_VERSION,
  type VnicHello,
  type VnicWelcome,
} from '../../runtime/vnic/messages.ts';
import { admissionRefusal } from '../clients/admission.ts';
import { ended, noCommonVersion, noMemory, refusal } from '../clients/refusals.ts';
import type { EndpointStart } from './open.ts';

const TAG_LISTENER = 0;
const TAG_BELL = 1;
/** And up: connections, by their number. */
const FIRST_ID = 2;
/** Connections that have said nothing yet: another one takes the place of the oldest. */
const MOST_GREETING = 8;
/** How long what an owner that is gone had sent may wait for the network; a next owner ends that. */
const LEAVING_MICROS = 1_000_000;

interface Owner {
  readonly id: number;
  readonly pid: number;
  readonly uid: number;
  readonly mappings: readonly Mapping[];
  readonly bell: EventFd;
  readonly pipe: WakePipe;
  /** When it is forgotten, gone as it is; Infinity: it is there. */
  leavesAt: number;
}

interface Greeting extends Credentials {
  readonly socket: number;
}

export interface EndpointReport {
  readonly name: string;
  readonly owner?: { readonly pid: number; readonly uid: number } | undefined;
  readonly opened: number;
  readonly refused: number;
  /** Owners that were turned out for what they did. */
  readonly faults: number;
  /** Data rings in use: of flows that its owner sends, and of those that it receives. */
  readonly sendRings: number;
  readonly receiveRings: number;
  readonly sharedBytes: number;
}

export class EndpointAttendant {
  private readonly start: EndpointStart;
  private readonly device: EndpointDevice;
  private readonly layout: VnicLayout;
  private readonly ringsPerFlow: number;
  /** The MAC of whoever in the network has an address. */
  private readonly resolve: (address: string) => string | undefined;
  private readonly epoll = new Epoll();
  private readonly connections = new Map<number, Greeting>();
  private nextId = FIRST_ID;
  private owner: Owner | undefined;
  private readonly counts = { opened: 0, refused: 0, faults: 0 };

  constructor(
    start: EndpointStart,
    device: EndpointDevice,
    layout: VnicLayout,
    ringsPerFlow: number,
    resolve: (address: string) => string | undefined,
  ) {
    this.start = start;
    this.device = device;
    this.layout = layout;
    this.ringsPerFlow = ringsPerFlow;
    this.resolve = resolve;
    this.epoll.add(start.listener, TAG_LISTENER);
  }

  /** Readable when there is something to attend to. */
  get fd(): number {
    return this.epoll.fd;
  }

  get isAwake(): boolean {
    return this.device.isAwake;
  }

  get nextTimeout(): number {
    return this.owner?.leavesAt ?? Number.POSITIVE_INFINITY;
  }

  attend(now: number): void {
    const ready = this.epoll.wait(0);
    for (let i = 0; i < ready; i++) {
      const tag = this.epoll.tag(i);
      if (tag === TAG_BELL) this.device.woken(now);
      else if (tag === TAG_LISTENER) this.accept();
      else this.receive(now, tag);
    }
  }

  /** After a turn. */
  settle(now: number): void {
    const { device, owner } = this;
    if (owner === undefined) return;
    const { fault } = device;
    if (fault !== 'none') {
      this.counts.faults++;
      this.end(owner.id, ended(fault));
    } else if (now >= owner.leavesAt || (isLeaving(owner) && device.isDrained)) this.disown(owner);
    else device.settle(now);
  }

  report(): EndpointReport {
    const { owner, counts, start, device, layout } = this;
    return {
      name: start.name,
      owner: owner === undefined || isLeaving(owner) ? undefined : { pid: owner.pid, uid: owner.uid },
      ...counts,
      sendRings: device.ringsInUse,
      receiveRings: device.received.open,
      sharedBytes: owner === undefined ? 0 : 2 * layout.halfBytes,
    };
  }

  close(): void {
    for (const id of [...this.connections.keys()]) this.end(id);
    if (this.owner !== undefined) this.disown(this.owner);
    this.epoll.close();
  }

  private accept(): void {
    const socket = acceptUnix(this.start.listener);
    if (socket < 0) return;
    const id = this.nextId++;
    try {
      const credentials = peerCredentials(socket);
      this.connections.set(id, { socket, ...credentials });
      this.epoll.add(socket, id);
      const no = admissionRefusal({ id, ...credentials }, this.start.access, []);
      if (no !== undefined) this.refuse(id, no);
      else this.makeRoom();
    } catch {
      this.connections.delete(id);
      close(socket);
    }
  }

  private makeRoom(): void {
    const greeting = [...this.connections.keys()].filter((id) => id !== this.owner?.id);
    if (greeting.length > MOST_GREETING) this.end(greeting[0]!);
  }

  private receive(now: number, id: number): void {
    const connection = this.connections.get(id);
    if (connection === undefined) return;
    const received = receiveMessage(connection.socket);
    if (received === 'none') return;
    if (received === 'gone') {
      this.leave(now, id);
      return;
    }
    // Nobody asked for descriptors.
    for (const fd of received.fds) close(fd);
    const message = parseFromEndpoint(received.text);
    if (typeof message === 'string') this.refuse(id, misunderstood(message));
    else if (message.type === 'endpoint') this.admit(id, connection, message);
    else if (this.owner?.id !== id) this.refuse(id, misunderstood('the first message asks for an address'));
    else this.answer(connection.socket, message.address);
  }

  private admit(id: number, connection: Greeting, { versions }: VnicHello): void {
    const [oldest, newest] = versions;
    if (this.owner?.id === id) this.refuse(id, misunderstood('a second hello came'));
    else if (oldest > VNIC_VERSION || newest < VNIC_VERSION) this.refuse(id, noCommonVersion(versions));
    else if (this.owner !== undefined && !isLeaving(this.owner))
      this.refuse(id, owned(this.start.name, this.owner));
    else if (!this.open(id, connection)) this.refuse(id, noMemory());
  }

  /** False when the system has no memory or descriptors left. */
  private open(id: number, { socket, pid, uid }: Greeting): boolean {
    if (this.owner !== undefined) this.disown(this.owner);
    const { halfBytes } = this.layout;
    const mappings: Mapping[] = [];
    const sent: number[] = [];
    let bell: EventFd | undefined;
    let pipe: WakePipe | undefined;
    try {
      for (const writer of ['us', 'them'] as const) {
        const { fd, mapping } = createShared('selvage-endpoint', halfBytes, writer);
        sent.push(fd);
        mappings.push(mapping);
      }
      bell = new EventFd();
      pipe = new WakePipe();
      // Never read, for the owner could make reading it block.
      this.epoll.add(bell.fd, TAG_BELL, 'edges');
    } catch {
      for (const mapping of mappings) mapping.unmap();
      bell?.close();
      pipe?.close();
      for (const fd of sent) close(fd);
      return false;
    }
    // Who is gone already will be heard hanging up.
    sendMessage(socket, JSON.stringify(this.welcome()), [...sent, bell.fd, pipe.readFd]);
    for (const fd of sent) close(fd);
    const wake = pipe;
    this.owner = { id, pid, uid, mappings, bell, pipe, leavesAt: Number.POSITIVE_INFINITY };
    this.counts.opened++;
    const [mine, theirs] = mappings as [Mapping, Mapping];
    this.device.attach(halfOf(mine.buffer), halfOf(theirs.buffer), () => wake.signal());
    return true;
  }

  private welcome(): VnicWelcome {
    const { mac, addresses, mtu } = this.start;
    const { ringsPerFlow, layout } = this;
    return { type: 'welcome', version: VNIC_VERSION, mac, addresses, mtu, ringsPerFlow, ...layout.shape };
  }

  private answer(socket: number, address: string): void {
    const mac = this.resolve(address);
    const message: Neighbor = { type: 'neighbor', address, ...(mac !== undefined && { mac }) };
    sendMessage(socket, JSON.stringify(message));
  }

  private refuse(id: number, why: Refusal): void {
    this.counts.refused++;
    this.end(id, why);
  }

  private end(id: number, last?: Refusal): void {
    if (this.owner?.id === id) this.disown(this.owner);
    this.hangUp(id, last);
  }

  /** It hung up. What an owner had sent still goes. */
  private leave(now: number, id: number): void {
    this.hangUp(id);
    if (this.owner?.id !== id) return;
    this.owner.leavesAt = now + LEAVING_MICROS;
    this.device.leave();
  }

  private hangUp(id: number, last?: Refusal): void {
    const connection = this.connections.get(id);
    if (connection === undefined) return;
    this.connections.delete(id);
    if (last !== undefined) sendMessage(connection.socket, JSON.stringify(last));
    close(connection.socket);
  }

  private disown({ bell, pipe, mappings }: Owner): void {
    this.owner = undefined;
    this.device.detach();
    // The owner has it too: closing it here would not end the watch.
    this.epoll.remove(bell.fd);
    bell.close();
    pipe.close();
    for (const mapping of mappings) mapping.unmap();
  }
}

function isLeaving({ leavesAt }: Owner): boolean {
  return leavesAt < Number.POSITIVE_INFINITY;
}

function misunderstood(complaint: string): Refusal {
  return refusal('bad-input', `The agent did not understand: ${complaint}.`);
}

function owned(name: string, { pid, uid }: Owner): Refusal {
  return refusal(
    'in-use',
    `The endpoint ${name} has an owner already: process ${pid} of user ${uid}.`,
    'An endpoint has one owner at a time: end that process, or let it share.',
  );
}
