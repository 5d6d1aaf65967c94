// Random early detection (Floyd and Jacobson, ToN 1993), gentle (Floyd 2000): the more the average queue exceeds a
// threshold, the likelier an arriving packet is dropped. Thresholds are shares of the queue's limit, the upper three times
// the lower as the authors advise; weight and probability are theirs, too. What can be marked is marked instead, unless
// the queue is full (RFC 3168 §5).
import { chance, type Rng } from '../../../src/base/rng.ts';
import { PacketList } from './packets.ts';
import { FULL_FRAME_BYTES, isOver, type Queue, type QueueHost, type QueueLimit } from './queue.ts';

const WEIGHT = 0.002;
const MAX_PROBABILITY = 0.1;

export class Red implements Queue {
  /** Of the queue as packets found it, in bytes. */
  averageBytes = 0;
  private readonly host: QueueHost;
  private readonly limit: QueueLimit;
  private readonly list: PacketList;
  private readonly rng: Rng;
  private readonly upperBytes: number;
  private readonly lowerBytes: number;
  private readonly packetMicros: number;
  /** Packets since the last that was picked; -1 below the lower threshold. */
  private sincePick = -1;
  private idleSinceMicros = 0;

  /** The queue has a limit. `packetMicros` is how long the link takes for a full packet. */
  constructor(host: QueueHost, limit: QueueLimit, packetMicros: number, rng: Rng) {
    this.host = host;
    this.limit = limit;
    this.list = new PacketList(host.pool);
    this.rng = rng;
    this.upperBytes = Math.min(limit.bytes, limit.packets * FULL_FRAME_BYTES) / 2;
    this.lowerBytes = this.upperBytes / 3;
    this.packetMicros = packetMicros;
  }

  enqueue(slot: number, now: number): void {
    this.average(this.host.backlog.bytes - this.host.pool.bytes[slot]!, now);
    const isPicked = this.isPicked();
    const isFull = isOver(this.host.backlog, this.limit);
    if (isFull || (isPicked && !this.host.mark(slot))) this.host.drop(slot);
    else this.list.push(slot);
  }

  dequeue(now: number): number {
    const slot = this.list.shift();
    if (slot >= 0) this.idleSinceMicros = now + this.packetMicros;
    return slot;
  }

  private average(foundBytes: number, now: number): void {
    if (foundBytes > 0) {
      this.averageBytes += WEIGHT * (foundBytes - this.averageBytes);
      return;
    }
    // As if as many small queues had been found as packets could have been sent meanwhile.
    const missed = Math.max(0, now - this.idleSinceMicros) / this.packetMicros;
    this.averageBytes *= (1 - WEIGHT) ** missed;
  }

  /** To be marked, or dropped early. */
  private isPicked(): boolean {
    const probability = this.probability();
    if (probability === 0) {
      this.sincePick = -1;
      return false;
    }
    this.sincePick++;
    // Spread evenly: the longer none was dropped, the likelier this one is.
    const spread = probability / Math.max(probability, 1 - this.sincePick * probability);
    if (!chance(this.rng, spread)) return false;
    this.sincePick = 0;
    return true;
  }

  private probability(): number {
    const { averageBytes, lowerBytes, upperBytes } = this;
    if (averageBytes < lowerBytes) return 0;
    if (averageBytes < upperBytes) {
      return (MAX_PROBABILITY * (averageBytes - lowerBytes)) / (upperBytes - lowerBytes);
    }
    return Math.min(1, MAX_PROBABILITY + ((1 - MAX_PROBABILITY) * (averageBytes - upperBytes)) / upperBytes);
  }
}
