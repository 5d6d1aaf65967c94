// Stochastic fairness queueing (McKenney, INFOCOM 1990), in Linux's form: flows take turns by deficit, and when the queue
// is full the longest gives up its last packet. The hash is seeded by the caller and stays: nothing is reordered.
import { emptyFlow, type FlowQueue, FlowRound, FlowTable } from './flows.ts';
import { FULL_FRAME_BYTES, isOver, type Queue, type QueueHost, type QueueLimit } from './queue.ts';

export class Sfq implements Queue {
  private readonly host: QueueHost;
  private readonly limit: QueueLimit;
  private readonly flows: FlowTable<FlowQueue>;
  private readonly round = new FlowRound<FlowQueue>();

  constructor(host: QueueHost, limit: QueueLimit) {
    this.host = host;
    this.limit = limit;
    this.flows = new FlowTable(host.pool, emptyFlow);
  }

  enqueue(slot: number): void {
    this.flows.push(slot, this.round);
    while (isOver(this.host.backlog, this.limit)) {
      const last = this.flows.fattest().list.pop();
      // All that is left is being sent.
      if (last < 0) return;
      this.host.drop(last);
    }
  }

  dequeue(): number {
    for (let flow = this.round.first; flow !== undefined; flow = this.round.first) {
      if (flow.deficit <= 0) {
        flow.deficit += FULL_FRAME_BYTES;
        this.round.push(this.round.shift());
        continue;
      }
      const slot = flow.list.shift();
      if (flow.list.packets === 0) this.round.shift();
      // The longest may have lost all it had.
      if (slot < 0) continue;
      flow.deficit -= this.host.pool.bytes[slot]!;
      return slot;
    }
    return -1;
  }
}
