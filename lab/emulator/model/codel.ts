// CoDel (RFC 8289): packets are dropped as they leave, ever more often, while each of them waited longer than the target
// for a whole interval. The names are those of the pseudo-code in RFC 8289 §5. What can be marked is marked and sent
// instead (RFC 3168 §5), one packet at a time, as in Linux.
import { PacketList } from './packets.ts';
import { FULL_FRAME_BYTES, isOver, type Queue, type QueueHost, type QueueLimit } from './queue.ts';

const TARGET_MICROS = 5000;
const INTERVAL_MICROS = 100_000;
/** A drop state that was left so short a time ago is taken up where it was. */
const RECENT_INTERVALS = 16;

/** The law over one list of packets: the whole of CoDel's queue, or one flow of FQ-CoDel's. */
export class CodelLaw {
  private readonly host: QueueHost;
  private readonly list: PacketList;
  private firstAboveMicros = 0;
  private dropNextMicros = 0;
  private count = 0;
  private lastCount = 0;
  private isDropping = false;
  private okToDrop = false;

  constructor(host: QueueHost, list: PacketList) {
    this.host = host;
    this.list = list;
  }

  dequeue(now: number): number {
    let slot = this.shift(now);
    if (this.isDropping) {
      if (!this.okToDrop) this.isDropping = false;
      while (this.isDropping && now >= this.dropNextMicros) {
        this.count++;
        if (this.host.mark(slot)) {
          this.dropNextMicros = this.controlLaw(this.dropNextMicros);
          return slot;
        }
        this.host.drop(slot);
        slot = this.shift(now);
        if (!this.okToDrop) this.isDropping = false;
        else this.dropNextMicros = this.controlLaw(this.dropNextMicros);
      }
    } else if (this.okToDrop) {
      if (!this.host.mark(slot)) {
        this.host.drop(slot);
        slot = this.shift(now);
      }
      this.startDropping(now);
    }
    return slot;
  }

  private startDropping(now: number): void {
    this.isDropping = true;
    const delta = this.count - this.lastCount;
    const isRecent = now - this.dropNextMicros < RECENT_INTERVALS * INTERVAL_MICROS;
    this.count = delta > 1 && isRecent ? delta : 1;
    this.dropNextMicros = this.controlLaw(now);
    this.lastCount = this.count;
  }

  /** The first packet (-1: none), and in `okToDrop` whether it has been too long for long enough. */
  private shift(now: number): number {
    const slot = this.list.shift();
    this.okToDrop = false;
    if (slot < 0) {
      this.firstAboveMicros = 0;
      return slot;
    }
    const sojournMicros = now - this.host.pool.arrivedMicros[slot]!;
    if (sojournMicros < TARGET_MICROS || this.list.bytes <= FULL_FRAME_BYTES) this.firstAboveMicros = 0;
    else if (this.firstAboveMicros === 0) this.firstAboveMicros = now + INTERVAL_MICROS;
    else this.okToDrop = now >= this.firstAboveMicros;
    return slot;
  }

  private controlLaw(micros: number): number {
    return micros + INTERVAL_MICROS / Math.sqrt(this.count);
  }
}

export class Codel implements Queue {
  private readonly host: QueueHost;
  private readonly limit: QueueLimit;
  private readonly list: PacketList;
  private readonly law: CodelLaw;

  constructor(host: QueueHost, limit: QueueLimit) {
    this.host = host;
    this.limit = limit;
    this.list = new PacketList(host.pool);
    this.law = new CodelLaw(host, this.list);
  }

  enqueue(slot: number): void {
    if (isOver(this.host.backlog, this.limit)) this.host.drop(slot);
    else this.list.push(slot);
  }

  dequeue(now: number): number {
    return this.law.dequeue(now);
  }
}
