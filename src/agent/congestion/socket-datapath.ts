// A datapath that is a program behind the socket: each of its flows is joined to the algorithm that it asks for. When that
// one is replaced, or started again, the flow is introduced anew.

import type { Socket } from 'node:net';
import type { Channel } from '../../congestion/plane/channel.ts';
import { readFromDatapath } from '../../congestion/plane/message-reader.ts';
import { MessageRing } from '../../congestion/plane/message-ring.ts';
import { Bell } from './bell.ts';
import { FlowMessages } from './flow-messages.ts';
import type { CongestionPlane } from './plane.ts';
import type { Joining } from './running.ts';
import { SocketForwarder } from './socket-forwarder.ts';

/** A program that forgets to say that flows are over may not fill our memory. */
const MOST_FLOWS = 65_536;

/** Of all connections so far. */
export interface SocketCounts {
  /** Messages that were none, or of no flow, and reports that had no room. */
  bad: number;
  /** Connections that were closed, since what came was no stream of messages. */
  closed: number;
}

interface Joined {
  readonly host: Joining;
  readonly channel: Channel;
  readonly messages: FlowMessages;
  readonly fromAlgorithm: MessageRing;
}

interface ForeignFlow {
  readonly algorithm: string;
  /** The message that it began with. */
  readonly create: Uint8Array;
}

export class SocketDatapath {
  private readonly socket: Socket;
  private readonly counts: SocketCounts;
  private readonly plane: Pick<CongestionPlane, 'hostOf' | 'running'>;
  private readonly forwarder: SocketForwarder;
  private readonly joined = new Map<string, Joined>();
  private readonly flows = new Map<number, ForeignFlow>();

  constructor(socket: Socket, counts: SocketCounts, plane: Pick<CongestionPlane, 'hostOf' | 'running'>) {
    this.socket = socket;
    this.counts = counts;
    this.plane = plane;
    socket.once('close', () => this.leave());
    this.forwarder = new SocketForwarder(socket, () => this.fromAlgorithms());
  }

  take(message: Uint8Array, length: number): void {
    if (this.socket.destroyed) return;
    const said = readFromDatapath(message, length);
    switch (said?.kind) {
      case 'ready':
        this.flows.clear();
        for (const { messages } of this.joined.values()) messages.closeAll();
        return;
      case 'create': {
        const { algorithm, flow } = said;
        // A number that is given anew is no longer the flow's that had it.
        this.close(flow.id);
        if (this.flows.size >= MOST_FLOWS || algorithm === '') this.counts.bad++;
        else this.create(flow.id, { algorithm, create: message.slice(0, length) });
        return;
      }
      case 'report': {
        const messages = this.messagesOf(said.flow);
        if (messages?.report(said.flow, message, length) !== true) this.counts.bad++;
        return;
      }
      case 'close':
        if (this.flows.has(said.flow)) this.close(said.flow);
        else this.counts.bad++;
        return;
      default:
        this.counts.bad++;
    }
  }

  /** Other algorithms run: flows of those that are not what they were are introduced again. */
  changed(): void {
    if (this.socket.destroyed) return;
    for (const [name, joined] of this.joined) {
      if (this.plane.running(name) === joined.host) continue;
      part(joined);
      this.joined.delete(name);
    }
    for (const name of new Set([...this.flows.values()].map(({ algorithm }) => algorithm))) {
      const host = this.plane.running(name);
      if (host === undefined || this.joined.has(name)) continue;
      const { messages } = this.join(name, host);
      for (const [sid, { algorithm, create }] of this.flows)
        if (algorithm === name) messages.open(sid, create, create.length);
    }
  }

  private close(sid: number): void {
    this.messagesOf(sid)?.close(sid);
    this.flows.delete(sid);
  }

  /** Undefined when its algorithm does not run. */
  private messagesOf(sid: number): FlowMessages | undefined {
    const flow = this.flows.get(sid);
    return flow && this.joined.get(flow.algorithm)?.messages;
  }

  private create(sid: number, flow: ForeignFlow): void {
    this.flows.set(sid, flow);
    const { algorithm, create } = flow;
    const joined = this.joined.get(algorithm);
    if (joined !== undefined) {
      joined.messages.open(sid, create, create.length);
      return;
    }
    this.plane.hostOf(algorithm).then(
      // It is introduced with all others that wait for that one.
      () => this.changed(),
      () => {
        this.counts.bad++;
      },
    );
  }

  private join(algorithm: string, host: Joining): Joined {
    const channel = host.attach({ bell: this.forwarder.memory });
    const bell = new Bell(channel.bell);
    const messages = new FlowMessages(new MessageRing(channel.toAlgorithm), () => bell.ring());
    const joined = { host, channel, messages, fromAlgorithm: new MessageRing(channel.fromAlgorithm) };
    this.joined.set(algorithm, joined);
    return joined;
  }

  private leave(): void {
    for (const joined of this.joined.values()) part(joined);
    this.joined.clear();
    this.flows.clear();
  }

  private *fromAlgorithms(): Iterable<MessageRing> {
    for (const { fromAlgorithm } of this.joined.values()) yield fromAlgorithm;
  }
}

function part({ host, channel, messages }: Joined): void {
  messages.stop();
  host.detach(channel);
}
