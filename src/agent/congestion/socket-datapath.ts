// A datapath that is a program behind the socket: each of its flows is joined to the algorithm that it asks for. When that
// one is replaced, or started again, the flow is introduced anew.

import type { Socket } from 'node:net';
import { Bell, newBellMemory } from '../../congestion/plane/bell.ts';
import type { Channel } from '../../congestion/plane/channel.ts';
import { readFromDatapath } from '../../congestion/plane/message-reader.ts';
import { MAX_MESSAGE_BYTES, MessageRing } from '../../congestion/plane/message-ring.ts';
import type { Joining } from './plane.ts';

const MOST_UNSENT_BYTES = 1 << 20;
/** A program that forgets to say that flows are over may not fill our memory. */
const MOST_FLOWS = 65_536;

/** Of all connections so far. */
export interface SocketCounts {
  /** Messages that were none, or of no flow, or that had no room. */
  bad: number;
  /** Connections that were closed, since what came was no stream of messages. */
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
  /** The algorithm that runs under a name; rejects when there is none. */
  private readonly find: (algorithm: string) => Promise<Joining>;
  private readonly memory = newBellMemory();
  private readonly bell = new Bell(this.memory);
  private readonly joined = new Map<string, Joined>();
  private readonly flows = new Map<number, ForeignFlow>();
  private readonly message = new Uint8Array(MAX_MESSAGE_BYTES);

  constructor(socket: Socket, counts: SocketCounts, find: (algorithm: string) => Promise<Joining>) {
    this.socket = socket;
    this.counts = counts;
    this.find = find;
    socket.once('close', () => this.leave());
    socket.on('drain', () => this.bell.ring());
    void this.pump();
  }

  take(message: Uint8Array, length: number): void {
    const said = readFromDatapath(message, length);
    switch (said?.kind) {
      case 'ready':
        this.flows.clear();
        for (const joined of this.joined.values()) this.put(joined, message, length);
        return;
      case 'create': {
        if (this.flows.size >= MOST_FLOWS || said.algorithm === '') this.counts.bad++;
        else this.create(said.flow.id, { algorithm: said.algorithm, create: message.slice(0, length) });
        return;
      }
      case 'report':
      case 'close': {
        const flow = this.flows.get(said.flow);
        if (said.kind === 'close') this.flows.delete(said.flow);
        const joined = flow && this.joined.get(flow.algorithm);
        if (joined === undefined) this.counts.bad++;
        else this.put(joined, message, length);
        return;
      }
      default:
        this.counts.bad++;
    }
  }

  /** Other algorithms run: flows of those that are not what they were are introduced again. */
  async changed(): Promise<void> {
    for (const [algorithm, { host }] of [...this.joined]) {
      const now = await this.find(algorithm).catch(() => undefined);
      if (now === host || this.socket.destroyed) continue;
      this.joined.delete(algorithm);
      for (const [sid, flow] of this.flows) if (flow.algorithm === algorithm) this.create(sid, flow);
    }
  }

  private create(sid: number, flow: ForeignFlow): void {
    this.flows.set(sid, flow);
    const { algorithm, create } = flow;
    const joined = this.joined.get(algorithm);
    if (joined !== undefined) {
      this.put(joined, create, create.length);
      return;
    }
    this.find(algorithm).then(
      (host) => {
        if (!this.socket.destroyed && this.flows.get(sid) === flow)
          this.put(this.join(algorithm, host), create, create.length);
      },
      () => {
        this.counts.bad++;
      },
    );
  }

  private join(algorithm: string, host: Joining): Joined {
    const known = this.joined.get(algorithm);
    if (known !== undefined) return known;
    const channel = host.attach({ bell: this.memory });
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

  private put({ toAlgorithm, bell }: Joined, message: Uint8Array, length: number): void {
    if (!toAlgorithm.push(message, length)) this.counts.bad++;
    bell.ring();
  }

  private leave(): void {
    for (const { host, channel } of this.joined.values()) host.detach(channel);
    this.joined.clear();
    this.flows.clear();
    this.bell.ring();
  }

  private async pump(): Promise<void> {
    while (!this.socket.destroyed) {
      const seen = this.bell.calls;
      for (const { fromAlgorithm } of this.joined.values()) this.forward(fromAlgorithm);
      await this.bell.heard(seen);
    }
  }

  private forward(ring: MessageRing): void {
    const { socket, message } = this;
    while (socket.writableLength < MOST_UNSENT_BYTES) {
      const length = ring.pop(message);
      if (length === 0) return;
      socket.write(message.slice(0, length));
    }
  }
}
