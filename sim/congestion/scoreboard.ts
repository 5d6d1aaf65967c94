// What a TCP sender knows of the segments it sent: which arrived, which are lost, how fast they were delivered. A
// segment is lost when three that were sent after it have arrived (RFC 8985's order of sending with RFC 5681's
// threshold); rates are those of draft-cheng-iccrg-delivery-rate-estimation, as Linux's rate_sample has them.

/** One sending of one segment. */
export interface Transmission {
  readonly flow: number;
  readonly segment: number;
  readonly order: number;
  readonly bytes: number;
  readonly sentMicros: number;
  isMarked: boolean;
  state: 'flying' | 'arrived' | 'lost';
  /** What had been delivered when this was sent, and when; and when the first of that flight was sent. */
  readonly deliveredBytes: number;
  readonly deliveredMicros: number;
  readonly firstSentMicros: number;
}

const REORDERING = 3;

export class Scoreboard {
  /** Segments below have arrived without a gap. */
  una = 0;
  inFlightBytes = 0;
  inFlightPackets = 0;
  deliveredBytes = 0;
  /** Lost and not yet sent again, oldest first; some of them have arrived after all (isMissing). */
  readonly lost: number[] = [];
  private readonly arrived = new Set<number>();
  private log: Transmission[] = [];
  private logHead = 0;
  private nextOrder = 0;
  private newestArrived = -1;
  private deliveredMicros = 0;
  private firstSentMicros = 0;
  private readonly flow: number;

  constructor(flow: number) {
    this.flow = flow;
  }

  send(nowMicros: number, segment: number, bytes: number): Transmission {
    if (this.inFlightPackets === 0) {
      this.deliveredMicros = nowMicros;
      this.firstSentMicros = nowMicros;
    }
    const transmission: Transmission = {
      flow: this.flow,
      segment,
      order: this.nextOrder++,
      bytes,
      sentMicros: nowMicros,
      isMarked: false,
      state: 'flying',
      deliveredBytes: this.deliveredBytes,
      deliveredMicros: this.deliveredMicros,
      firstSentMicros: this.firstSentMicros,
    };
    this.log.push(transmission);
    this.inFlightBytes += bytes;
    this.inFlightPackets++;
    return transmission;
  }

  /** It arrived, and so did all segments below `una`; whether that was news. */
  arrive(nowMicros: number, transmission: Transmission, una: number): boolean {
    const { segment, bytes } = transmission;
    const isNews = segment >= this.una && !this.arrived.has(segment);
    this.leave(transmission, 'arrived');
    this.newestArrived = Math.max(this.newestArrived, transmission.order);
    if (isNews) {
      this.arrived.add(segment);
      this.deliveredBytes += bytes;
      this.deliveredMicros = nowMicros;
      this.firstSentMicros = transmission.sentMicros;
    }
    for (; this.una < una; this.una++) this.arrived.delete(this.una);
    return isNews;
  }

  /** Finds what is lost by now; how many. */
  detectLosses(): number {
    return this.loseUpTo(this.newestArrived - REORDERING);
  }

  /** Nothing has come back for too long: everything in flight is lost. */
  loseAll(): number {
    return this.loseUpTo(this.nextOrder);
  }

  /** Is it still to be sent again? */
  isMissing(segment: number): boolean {
    return segment >= this.una && !this.arrived.has(segment);
  }

  private loseUpTo(order: number): number {
    let count = 0;
    for (
      let next = this.log[this.logHead];
      next !== undefined && next.order <= order;
      next = this.log[this.logHead]
    ) {
      this.logHead++;
      if (next.state !== 'flying') continue;
      this.leave(next, 'lost');
      this.lost.push(next.segment);
      count++;
    }
    if (this.logHead > 4096) {
      this.log = this.log.slice(this.logHead);
      this.logHead = 0;
    }
    return count;
  }

  private leave(transmission: Transmission, state: 'arrived' | 'lost'): void {
    if (transmission.state === 'flying') {
      this.inFlightBytes -= transmission.bytes;
      this.inFlightPackets--;
    }
    transmission.state = state;
  }
}
