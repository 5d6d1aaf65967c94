// An algorithm that a program behind the socket offers: for the data threads it is one like any other. What they say goes
// to the program as it is; a flow's number says which thread a command is for. A program that does not read is not
// waited for: its rings fill up, and what has no room is refused.

import { writeSync } from 'node:fs';
import type { Socket } from 'node:net';
import { Bell, newBellMemory } from '../../congestion/plane/bell.ts';
import type { Channel, Wake } from '../../congestion/plane/channel.ts';
import { FLOWS_PER_THREAD } from '../../congestion/plane/links.ts';
import { readFromAlgorithm } from '../../congestion/plane/message-reader.ts';
import { MAX_MESSAGE_BYTES, MessageRing, newRingMemory } from '../../congestion/plane/message-ring.ts';
import { Progress } from '../../congestion/plane/progress.ts';
import { nextEvents } from '../next-events.ts';

/** What the socket may hold for a program that is slow. */
const MOST_UNSENT_BYTES = 1 << 20;
/** Messages of one data thread before the next has its turn. */
const BATCH = 256;

const one = new Uint8Array(new BigUint64Array([1n]).buffer);

interface Joined {
  readonly toAlgorithm: MessageRing;
  readonly fromAlgorithm: MessageRing;
  readonly wake: Wake;
}

export class SocketAlgorithm {
  readonly progress = new Progress();
  private readonly socket: Socket;
  private readonly memory = newBellMemory();
  private readonly bell = new Bell(this.memory);
  private readonly joined: Joined[] = [];
  private readonly message = new Uint8Array(MAX_MESSAGE_BYTES);

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on('drain', () => this.bell.ring());
    socket.once('close', () => this.bell.ring());
    void this.pump();
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
    return { id: this.joined.length, toAlgorithm, fromAlgorithm, wake, bell: this.memory };
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
    if ('fd' in joined.wake) writeSync(joined.wake.fd, one);
    else new Bell(joined.wake.bell).ring();
  }

  private async pump(): Promise<void> {
    while (this.isOpen) {
      const seen = this.bell.calls;
      let more = false;
      for (const { toAlgorithm } of this.joined) if (this.forward(toAlgorithm)) more = true;
      if (more || this.bell.calls !== seen) await nextEvents();
      else await this.bell.heard(seen);
    }
  }

  /** True when there may be more to forward at once. */
  private forward(ring: MessageRing): boolean {
    const { socket, message } = this;
    for (let i = 0; i < BATCH; i++) {
      const length = socket.writableLength < MOST_UNSENT_BYTES ? ring.pop(message) : 0;
      if (length === 0) return false;
      this.progress.reports++;
      socket.write(message.slice(0, length));
    }
    return true;
  }
}
