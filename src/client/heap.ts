// A client's heap, which grows by segments that the agent makes, and its view of the agent's (mRPC §3.4.2).
import { SelvageError } from '../base/errors.ts';
import { close } from '../linux/libc.ts';
import { mapWhileSeen } from '../linux/shared-memory.ts';
import type { Endpoint } from '../runtime/shm/endpoint.ts';
import { OwnHeap, offsetOf, PeerHeap } from '../runtime/shm/heap.ts';
import { MAX_SEGMENTS, SEGMENT_BYTES } from '../runtime/shm/slab.ts';
import type { Heap } from './api.ts';
import type { Control } from './control.ts';

export class ClientHeap implements Heap {
  /** The last allocation found nothing: whoever waits for the session also waits for blocks to come back. */
  isWaiting = false;
  private readonly own: OwnHeap;
  private readonly theirs: PeerHeap;
  private readonly control: Control;
  private readonly timeoutMillis: number;
  private readonly onEnd: (error: SelvageError) => void;
  private isFull = false;
  /** Why nothing more may be asked of the agent: the numbers of the session's descriptors are others' by now. */
  private closed: SelvageError | undefined;

  constructor(
    { returns, health }: Endpoint,
    control: Control,
    timeoutMillis: number,
    onEnd: (error: SelvageError) => void,
  ) {
    this.own = new OwnHeap(returns, health);
    this.theirs = new PeerHeap(returns);
    this.control = control;
    this.timeoutMillis = timeoutMillis;
    this.onEnd = onEnd;
  }

  alloc(bytes: number): number {
    if (!Number.isInteger(bytes) || bytes <= 0 || bytes > SEGMENT_BYTES) {
      throw new SelvageError('bad-input', `A block cannot have ${bytes} bytes.`, {
        hint: `Give it 1 to ${SEGMENT_BYTES} bytes, and what is longer several.`,
      });
    }
    if (this.closed !== undefined) throw this.closed;
    let address = this.own.alloc(bytes);
    while (address < 0 && this.own.wantsSegment() && this.grow()) address = this.own.alloc(bytes);
    this.isWaiting = address < 0;
    return address;
  }

  free(address: number): void {
    if (!this.own.free(address)) throw noBlock(address, 'Free a block once, and not one that was sent.');
  }

  view(address: number, length: number): Uint8Array {
    const size = this.own.sizeOf(address);
    if (size === 0 || size < length) throw noBlock(address, 'A view is of a block of this heap.');
    const offset = offsetOf(address);
    return this.own.segmentOf(address).subarray(offset, offset + length);
  }

  received(address: number, length: number): Uint8Array {
    if (this.closed !== undefined) throw this.closed;
    let segment = this.theirs.segmentOf(address, length);
    // A record may be here before the news of the segment that it names; those were sent first.
    while (segment === undefined && this.receive(0)) segment = this.theirs.segmentOf(address, length);
    if (segment === undefined) throw noBlock(address, 'Take address and length from a record as it came.');
    const offset = offsetOf(address);
    return segment.subarray(offset, offset + length);
  }

  giveBack(address: number): void {
    if (this.closed !== undefined) throw this.closed;
    if (!this.theirs.giveBack(address)) throw noBlock(address, 'Give a block back once.');
  }

  close(why: SelvageError): void {
    this.closed = why;
  }

  /** Takes one message of the agent, waiting for it at most `timeoutMillis`; false when there was none. */
  receive(timeoutMillis: number): boolean {
    const next = this.control.next(timeoutMillis);
    if (next === 'none') return false;
    if (next instanceof SelvageError) {
      this.onEnd(next);
      return false;
    }
    const { message, fds } = next;
    if (message.type === 'segment' && fds.length === 1) this.map(fds[0]!, message.owner);
    if (message.type === 'full') this.isFull = true;
    for (const fd of fds) close(fd);
    return true;
  }

  /** Asks for a segment and waits for it; false when none comes. */
  private grow(): boolean {
    const before = this.own.segments.length;
    if (this.isFull || before === MAX_SEGMENTS) return false;
    this.control.send({ type: 'grow' });
    while (this.own.segments.length === before && !this.isFull) {
      if (!this.receive(this.timeoutMillis)) return false;
    }
    return !this.isFull;
  }

  private map(fd: number, owner: 'agent' | 'client'): void {
    const bytes = new Uint8Array(mapWhileSeen(fd, SEGMENT_BYTES, owner === 'client'));
    if (owner === 'client') this.own.addSegment(bytes);
    else this.theirs.segments.push(bytes);
  }
}

function noBlock(address: number, hint: string): SelvageError {
  return new SelvageError('bad-input', `There is no such block at ${address}.`, { hint });
}
