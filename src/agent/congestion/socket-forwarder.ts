// Passes on to a program behind a socket what comes for it in rings. A program that does not read is not waited for: its
// rings fill up, and what has no room is refused.

import type { Socket } from 'node:net';
import { MAX_MESSAGE_BYTES, type MessageRing } from '../../congestion/plane/message-ring.ts';
import { nextEvents } from '../threads/next-events.ts';
import { Bell, newBellMemory } from './bell.ts';

/** What the socket may hold for a program that is slow. */
const MOST_UNSENT_BYTES = 1 << 20;
/** Messages of one ring before the next has its turn. */
const BATCH = 256;

type Passed = (message: Uint8Array, length: number) => void;

export class SocketForwarder {
  /** Rung by whoever puts something into a ring. */
  readonly memory = newBellMemory();
  private readonly bell = new Bell(this.memory);
  private readonly socket: Socket;
  private readonly rings: () => Iterable<MessageRing>;
  private readonly passed: Passed;
  private readonly message = new Uint8Array(MAX_MESSAGE_BYTES);

  /** `passed` is told of each message. Ends with the socket. */
  constructor(socket: Socket, rings: () => Iterable<MessageRing>, passed: Passed = () => {}) {
    this.socket = socket;
    this.rings = rings;
    this.passed = passed;
    for (const event of ['drain', 'close']) socket.on(event, () => this.bell.ring());
    void this.pump();
  }

  private async pump(): Promise<void> {
    while (!this.socket.destroyed) {
      const seen = this.bell.calls;
      let more = false;
      for (const ring of this.rings()) if (this.forward(ring)) more = true;
      if (more) await nextEvents();
      else await this.bell.heard(seen);
    }
  }

  /** True when there may be more to forward at once. */
  private forward(ring: MessageRing): boolean {
    const { socket, message } = this;
    for (let i = 0; i < BATCH; i++) {
      const length = socket.writableLength < MOST_UNSENT_BYTES ? ring.pop(message) : 0;
      if (length === 0) return false;
      this.passed(message, length);
      socket.write(message.slice(0, length));
    }
    return true;
  }
}
