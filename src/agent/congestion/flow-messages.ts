// What an algorithm in its thread is told of flows. A report that has no room is lost: an algorithm so far behind answers
// nothing anyway, and loses the flow. The beginning and the end of a flow are said only once, so they wait for room. No
// more can wait than there were flows at once: ends are told first, so those that wait are of flows it was told of.

import type { MessageRing } from '../../congestion/plane/message-ring.ts';
import { MessageWriter } from '../../congestion/plane/message-writer.ts';

/** How soon an algorithm that has no room is told again. */
const RETRY_MILLIS = 10;

export class FlowMessages {
  private readonly ring: MessageRing;
  private readonly wake: () => void;
  private readonly writer = new MessageWriter();
  /** All flows that it knows are over, which it has not heard of. */
  private isAnew = false;
  /** Flows that it knows and that are over. */
  private readonly ended = new Set<number>();
  /** The message of each flow whose beginning it has not heard of, in their order. */
  private readonly begun = new Map<number, Uint8Array>();
  private retry: NodeJS.Timeout | undefined;

  constructor(ring: MessageRing, wake: () => void) {
    this.ring = ring;
    this.wake = wake;
  }

  /** A flow begins, and this message says so. A flow that had its number before has been closed. */
  open(flow: number, message: Uint8Array, length: number): void {
    this.begun.set(flow, message.slice(0, length));
    this.tellFirst();
  }

  /** False when the report is lost; of a flow that it has not heard of there is nothing to lose. */
  report(flow: number, message: Uint8Array, length: number): boolean {
    return this.begun.has(flow) || this.put(message, length);
  }

  close(flow: number): void {
    if (this.begun.delete(flow)) return;
    this.ended.add(flow);
    this.tellFirst();
  }

  /** All of its flows are over. */
  closeAll(): void {
    this.begun.clear();
    this.ended.clear();
    this.isAnew = true;
    this.tellFirst();
  }

  /** Tells what waits, as far as there is room: there may be some. */
  tell(): void {
    clearTimeout(this.retry);
    this.retry = this.tellAll() ? undefined : setTimeout(() => this.tell(), RETRY_MILLIS);
  }

  stop(): void {
    clearTimeout(this.retry);
    this.begun.clear();
    this.ended.clear();
    this.isAnew = false;
  }

  /** There was no room a moment ago: nobody tries for each flow again. */
  private tellFirst(): void {
    if (this.retry === undefined) this.tell();
  }

  /** False when there is no room for all. */
  private tellAll(): boolean {
    const { writer, begun, ended } = this;
    if (this.isAnew && !this.put(writer.bytes, writer.ready(0))) return false;
    this.isAnew = false;
    for (const flow of ended) {
      if (!this.put(writer.bytes, writer.close(flow))) return false;
      ended.delete(flow);
    }
    for (const [flow, message] of begun) {
      if (!this.put(message, message.length)) return false;
      begun.delete(flow);
    }
    return true;
  }

  private put(message: Uint8Array, length: number): boolean {
    const isIn = this.ring.push(message, length);
    this.wake();
    return isIn;
  }
}
