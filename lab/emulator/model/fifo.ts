// First in, first out; what finds the queue full is dropped.
import { PacketList } from './packets.ts';
import { isOver, type Queue, type QueueHost, type QueueLimit } from './queue.ts';

export class Fifo implements Queue {
  private readonly host: QueueHost;
  private readonly limit: QueueLimit;
  private readonly list: PacketList;

  constructor(host: QueueHost, limit: QueueLimit) {
    this.host = host;
    this.limit = limit;
    this.list = new PacketList(host.pool);
  }

  enqueue(slot: number): void {
    if (isOver(this.host.backlog, this.limit)) this.host.drop(slot);
    else this.list.push(slot);
  }

  dequeue(): number {
    return this.list.shift();
  }
}
