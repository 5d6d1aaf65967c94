// What an algorithm in its thread is told of flows. A report that has no room is lost: an algorithm so far behind answers
// nothing anyway, and loses the flow. The beginning and the end of a flow are said only once, so they wait for room.

import type { FlowInfo } from '../../congestion/algorithm.ts';
import type { ReportMessage } from '../../congestion/commands.ts';
import type { MessageRing } from '../../congestion/plane/message-ring.ts';
import { MessageWriter } from '../../congestion/plane/message-writer.ts';

/** How soon an algorithm that has no room is told again. */
const RETRY_MILLIS = 10;

/** A flow that begins; a number: its end. */
type Untold = { readonly flow: FlowInfo; readonly nowMicros: number } | number;

export class FlowMessages {
  private readonly algorithm: string;
  private readonly ring: MessageRing;
  private readonly wake: () => void;
  private readonly writer = new MessageWriter();
  /** In the order in which it happened. */
  private readonly untold: Untold[] = [];
  /** Flows in there whose beginning the algorithm has not heard of. */
  private readonly unknown = new Set<number>();
  private retry: NodeJS.Timeout | undefined;

  constructor(algorithm: string, ring: MessageRing, wake: () => void) {
    this.algorithm = algorithm;
    this.ring = ring;
    this.wake = wake;
  }

  open(flow: FlowInfo, nowMicros: number): void {
    this.unknown.add(flow.id);
    this.announce({ flow, nowMicros });
  }

  report({ flow, generation, serial, nowMicros, values }: ReportMessage): void {
    if (this.unknown.has(flow)) return;
    this.put(this.writer.report(flow, generation, serial, nowMicros, values, values.length));
  }

  close(flow: number): void {
    this.announce(flow);
  }

  /** Tells what waits, as far as there is room: there may be some. */
  tell(): void {
    const { untold } = this;
    if (untold.length === 0) return;
    let told = 0;
    while (told < untold.length && this.say(untold[told]!)) told++;
    untold.splice(0, told);
    clearTimeout(this.retry);
    if (untold.length > 0) this.retry = setTimeout(() => this.tell(), RETRY_MILLIS);
  }

  stop(): void {
    clearTimeout(this.retry);
    this.untold.length = 0;
  }

  private announce(what: Untold): void {
    this.untold.push(what);
    if (this.untold.length === 1) this.tell();
  }

  private say(what: Untold): boolean {
    const { writer } = this;
    if (typeof what === 'number') return this.put(writer.close(what));
    const { flow, nowMicros } = what;
    const isSaid = this.put(writer.create(flow.id, flow, this.algorithm, nowMicros));
    if (isSaid) this.unknown.delete(flow.id);
    return isSaid;
  }

  /** False when there is no room. */
  private put(length: number): boolean {
    const isIn = this.ring.push(this.writer.bytes, length);
    this.wake();
    return isIn;
  }
}
