// A datapath that is a program behind the socket: each of its flows is joined to the algorithm that it asks for. When that
// one is replaced, or started again, the flow is introduced anew.

import type { Socket } from 'node:net';
import { Bell } from '../../congestion/plane/bell.ts';
import type { Channel } from '../../congestion/plane/channel.ts';
import { readFromDatapath } from '../../congestion/plane/message-reader.ts';
import { MessageRing } from '../../congestion/plane/message-ring.ts';
import { MessageWriter } from '../../congestion/plane/message-writer.ts';
import type { CongestionPlane } from './plane.ts';
import type { Joining } from './running.ts';
import { SocketForwarder } from './socket-forwarder.ts';

/** A program that forgets to say that flows are over may not fill our memory. */
const MOST_FLOWS = 65_536;

/** Of all connections so far. */
export interface SocketCounts {
  /** Messages that were none, or of no flow, or that had no room. */
  bad: number;
  /** Connections that were closed, since what came was no stream of messages, or more than an algorithm takes. */
  closed: number;
}

interface Joined {
  readonly host: Joining;
  readonly channel: Channel;
  readonly toAlgorithm: MessageRing;
  readonly fromAlgorithm: MessageRing;
  readonly bell: Bell;
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
  private readonly writer = new MessageWriter();

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
        for (const joined of this.joined.values()) this.putSurely(joined, message, length);
        return;
      case 'create': {
        const { algorithm, flow } = said;
        this.closeElsewhere(flow.id, algorithm);
        if (this.flows.size >= MOST_FLOWS || algorithm === '') this.counts.bad++;
        else this.create(flow.id, { algorithm, create: message.slice(0, length) });
        return;
      }
      case 'report':
      case 'close': {
        const flow = this.flows.get(said.flow);
        if (said.kind === 'close') this.flows.delete(said.flow);
        const joined = flow && this.joined.get(flow.algorithm);
        if (joined === undefined) this.counts.bad++;
        else if (said.kind === 'close') this.putSurely(joined, message, length);
        else this.put(joined, message, length);
        return;
      }
      default:
        this.counts.bad++;
    }
  }

  /** Other algorithms run: flows of those that are not what they were are introduced again. */
  changed(): void {
    if (this.socket.destroyed) return;
    for (const [name, { host, channel }] of this.joined) {
      if (this.plane.running(name) === host) continue;
      host.detach(channel);
      this.joined.delete(name);
    }
    for (const name of new Set([...this.flows.values()].map(({ algorithm }) => algorithm))) {
      const host = this.plane.running(name);
      if (host === undefined || this.joined.has(name)) continue;
      const joined = this.join(name, host);
      for (const { algorithm, create } of this.flows.values())
        if (algorithm === name) this.put(joined, create, create.length);
    }
  }

  /** A number that is given anew under another algorithm is no longer the first one's. */
  private closeElsewhere(sid: number, algorithm: string): void {
    const flow = this.flows.get(sid);
    if (flow === undefined || flow.algorithm === algorithm) return;
    this.flows.delete(sid);
    const joined = this.joined.get(flow.algorithm);
    if (joined !== undefined) this.putSurely(joined, this.writer.bytes, this.writer.close(sid));
  }

  private create(sid: number, flow: ForeignFlow): void {
    this.flows.set(sid, flow);
    const { algorithm, create } = flow;
    const joined = this.joined.get(algorithm);
    if (joined !== undefined) {
      this.put(joined, create, create.length);
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
    const joined = {
      host,
      channel,
      toAlgorithm: new MessageRing(channel.toAlgorithm),
      fromAlgorithm: new MessageRing(channel.fromAlgorithm),
      bell: new Bell(channel.bell),
    };
    this.joined.set(algorithm, joined);
    return joined;
  }

  private put({ toAlgorithm, bell }: Joined, message: Uint8Array, length: number): boolean {
    const hasRoom = toAlgorithm.push(message, length);
    if (!hasRoom) this.counts.bad++;
    bell.ring();
    return hasRoom;
  }

  /** That flows are over cannot be left unsaid: with the connection all of them are. */
  private putSurely(joined: Joined, message: Uint8Array, length: number): void {
    if (this.put(joined, message, length)) return;
    this.counts.closed++;
    this.socket.destroy();
  }

  private leave(): void {
    for (const { host, channel } of this.joined.values()) host.detach(channel);
    this.joined.clear();
    this.flows.clear();
  }

  private *fromAlgorithms(): Iterable<MessageRing> {
    for (const { fromAlgorithm } of this.joined.values()) yield fromAlgorithm;
  }
}
