// An owner of an endpoint without a library: it writes what it likes.

import { EventFd } from '../../src/linux/eventfd.ts';
import { close } from '../../src/linux/libc.ts';
import { type Mapping, mapShared } from '../../src/linux/shared-memory.ts';
import { connectUnix, receiveMessage, sendMessage } from '../../src/linux/unix-socket.ts';
import { halfOf } from '../../src/runtime/shm/half.ts';
import { BELL_GRANT } from '../../src/runtime/vnic/bells.ts';
import {
  BELL_WORDS,
  recordAt,
  ringAt,
  TAIL,
  type VnicLayout,
  vnicLayout,
} from '../../src/runtime/vnic/layout.ts';
import { parseToEndpoint, type ToEndpoint } from '../../src/runtime/vnic/messages.ts';
import { eventually } from './eventually.ts';

export const HELLO = { type: 'endpoint', versions: [1, 1] };

export class RawEndpoint {
  readonly fds: number[] = [];
  layout!: VnicLayout;
  /** Of our half, and of the agent's. */
  words!: Uint32Array;
  theirs!: Uint32Array;
  private readonly socket: number;
  private readonly mappings: Mapping[] = [];

  constructor(path: string) {
    this.socket = connectUnix(path);
    if (this.socket < 0) throw new Error(`nobody listens at ${path}`);
  }

  say(message: string | object): void {
    sendMessage(this.socket, typeof message === 'string' ? message : JSON.stringify(message));
  }

  /** The next message; 'end' at the end. */
  hear(): Promise<ToEndpoint | 'end'> {
    return eventually('an answer', () => {
      const received = receiveMessage(this.socket);
      if (received === 'none') return undefined;
      if (received === 'gone') return 'end' as const;
      this.fds.push(...received.fds);
      return parseToEndpoint(received.text);
    });
  }

  async open(): Promise<this> {
    this.say(HELLO);
    const welcome = await this.hear();
    if (welcome === 'end' || welcome.type !== 'welcome')
      throw new Error(`no welcome: ${JSON.stringify(welcome)}`);
    this.layout = vnicLayout(welcome);
    const [agentHalf, ownHalf] = this.fds as [number, number];
    const own = mapShared(ownHalf, this.layout.halfBytes, true);
    const theirs = mapShared(agentHalf, this.layout.halfBytes, false);
    this.mappings.push(own, theirs);
    this.words = halfOf(own.buffer).u32;
    this.theirs = halfOf(theirs.buffer).u32;
    return this;
  }

  /** Rings a doorbell, and wakes the agent. */
  ring(what: number, number: number, a = 0): void {
    const { bells } = this.layout;
    const rung = this.words[bells.tail]!;
    this.words.set([what | (number << 8), a, 0, 0], bells.slots + (rung % bells.records) * BELL_WORDS);
    Atomics.store(this.words, bells.tail, rung + 1);
    this.wake();
  }

  /** Puts records into a ring. */
  put(ring: number, ...records: readonly (readonly [number, number])[]): void {
    const at = ringAt(this.layout, ring);
    let tail = this.words[at + TAIL]!;
    for (const record of records) this.words.set(record, recordAt(at, tail++));
    Atomics.store(this.words, at + TAIL, tail);
  }

  /** The ring that the agent's newest doorbell for the flow grants. */
  granted(flow: number): Promise<number> {
    const { bells } = this.layout;
    return eventually('a ring', () => {
      const rung = Atomics.load(this.theirs, bells.tail);
      for (let i = rung - 1; i >= 0 && i >= rung - bells.records; i--) {
        const at = bells.slots + (i % bells.records) * BELL_WORDS;
        if (this.theirs[at] === (BELL_GRANT | (flow << 8))) return this.theirs[at + 1]!;
      }
      return undefined;
    });
  }

  wake(): void {
    new EventFd(this.fds[2]!).signal();
  }

  close(): void {
    for (const fd of this.fds.splice(0)) close(fd);
    close(this.socket);
    for (const mapping of this.mappings.splice(0)) mapping.unmap();
  }
}
