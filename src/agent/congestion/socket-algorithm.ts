// An algorithm that a program behind the socket offers: for the data threads it is one like any other. What they say goes
// to the program as it is; a flow's number says which thread a command is for.

import type { Socket } from 'node:net';
import type { Channel, Wake } from '../../congestion/plane/channel.ts';
import { FLOWS_PER_THREAD } from '../../congestion/plane/links.ts';
import { readFromAlgorithm, readFromDatapath } from '../../congestion/plane/message-reader.ts';
import { MessageRing, newRingMemory } from '../../congestion/plane/message-ring.ts';
import { Progress } from '../../congestion/plane/progress.ts';
import { SocketForwarder } from './socket-forwarder.ts';
import { wakeUp } from './wake.ts';

interface Joined {
  readonly toAlgorithm: MessageRing;
  readonly fromAlgorithm: MessageRing;
  readonly wake: Wake;
}

export class SocketAlgorithm {
  readonly progress = new Progress();
  private readonly socket: Socket;
  private readonly joined: Joined[] = [];
  private readonly forwarder: SocketForwarder;

  constructor(socket: Socket) {
    this.socket = socket;
    const rings = () => this.joined.map(({ toAlgorithm }) => toAlgorithm);
    this.forwarder = new SocketForwarder(socket, rings, (message, length) => {
      if (readFromDatapath(message, length)?.kind === 'report') this.progress.reports++;
    });
  }

  /** Its program can still be reached. */
  get isOpen(): boolean {
    return !this.socket.destroyed;
  }

  /** Data threads join in the order of their numbers. */
  attach(wake: Wake): Channel {
    const [toAlgorithm, fromAlgorithm] = [newRingMemory(), newRingMemory()];
    this.joined.push({
      toAlgorithm: new MessageRing(toAlgorithm),
      fromAlgorithm: new MessageRing(fromAlgorithm),
      wake,
    });
    return { id: this.joined.length, toAlgorithm, fromAlgorithm, wake, bell: this.forwarder.memory };
  }

  /** Data threads stay as long as it does. */
  detach(): void {}

  async stop(): Promise<void> {
    this.socket.destroy();
  }

  /** A message of the program's. */
  take(message: Uint8Array, length: number): void {
    const said = readFromAlgorithm(message, length);
    if (said?.kind !== 'command') {
      this.progress.bad++;
      return;
    }
    const joined = this.joined[Math.floor(said.flow / FLOWS_PER_THREAD)];
    if (joined === undefined || !joined.fromAlgorithm.push(message, length)) {
      this.progress.bad++;
      return;
    }
    this.progress.commands++;
    wakeUp(joined.wake);
  }
}
