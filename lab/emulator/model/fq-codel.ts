// FQ-CoDel (RFC 8290): flows take turns by deficit, those that are new before the others, and each has a CoDel of its own.
// When the queue is full, the flow with most bytes loses packets at its head (RFC 8290 §4.1).
import { CodelLaw } from './codel.ts';
import { emptyFlow, type FlowQueue, FlowRound, FlowTable } from './flows.ts';
import { FULL_FRAME_BYTES, isOver, type Queue, type QueueHost, type QueueLimit } from './queue.ts';

/** Looking for the fattest flow takes a while, so several packets go at once: half of what it has, at most these. */
const DROP_BATCH = 64;

interface CodelFlow extends FlowQueue {
  readonly law: CodelLaw;
}

export class FqCodel implements Queue {
  private readonly host: QueueHost;
  private readonly limit: QueueLimit;
  private readonly flows: FlowTable<CodelFlow>;
  private readonly newFlows = new FlowRound<CodelFlow>();
  private readonly oldFlows = new FlowRound<CodelFlow>();

  constructor(host: QueueHost, limit: QueueLimit) {
    this.host = host;
    this.limit = limit;
    this.flows = new FlowTable(host.pool, (list) => ({ ...emptyFlow(list), law: new CodelLaw(host, list) }));
  }

  enqueue(slot: number): void {
    this.flows.push(slot, this.newFlows);
    // In the end all that is left is being sent.
    while (isOver(this.host.backlog, this.limit) && this.dropFromFattest());
  }

  /** RFC 8290 §4.2 */
  dequeue(now: number): number {
    for (;;) {
      const isNew = this.newFlows.first !== undefined;
      const round = isNew ? this.newFlows : this.oldFlows;
      const flow = round.first;
      if (flow === undefined) return -1;
      if (flow.deficit <= 0) {
        flow.deficit += FULL_FRAME_BYTES;
        this.oldFlows.push(round.shift());
        continue;
      }
      const slot = flow.law.dequeue(now);
      if (slot >= 0) {
        flow.deficit -= this.host.pool.bytes[slot]!;
        return slot;
      }
      round.shift();
      // One round as an old flow, or a flow of single packets would be new each time.
      if (isNew) this.oldFlows.push(flow);
    }
  }

  private dropFromFattest(): boolean {
    const { list } = this.flows.fattest();
    if (list.packets === 0) return false;
    const enough = list.bytes / 2;
    for (let i = 0; i < DROP_BATCH && list.packets > 0 && list.bytes >= enough; i++) {
      this.host.drop(list.shift());
    }
    return true;
  }
}
