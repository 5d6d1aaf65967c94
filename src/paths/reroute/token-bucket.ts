// How many requests a destination answers (ZooRoute §4.2): a token each, refilled at a limit that follows the processor's
// utilisation. Without tokens it still answers, with backpressure, as long again; beyond that it is a flood.

export const ANSWER = 0;
export const ANSWER_WITH_BACKPRESSURE = 1;
export const REFUSE = 2;

const SECOND = 1_000_000;
const BUSY = 0.8;
const CALM = 0.7;
const SHRINK = 0.7;
const GROW = 1.2;
/** Of a second, that may come at once. */
const BURST = 0.25;

export class ResponseBucket {
  private readonly mostPerSecond: number;
  private readonly leastPerSecond: number;
  private perSecond: number;
  private tokens: number;
  private filledAt: number;

  constructor(now: number, mostPerSecond: number, leastPerSecond: number) {
    this.mostPerSecond = mostPerSecond;
    this.leastPerSecond = leastPerSecond;
    this.perSecond = mostPerSecond;
    this.tokens = mostPerSecond * BURST;
    this.filledAt = now;
  }

  get limitPerSecond(): number {
    return this.perSecond;
  }

  onCpu(utilisation: number): void {
    if (utilisation > BUSY) this.perSecond = Math.max(this.leastPerSecond, this.perSecond * SHRINK);
    else if (utilisation < CALM) this.perSecond = Math.min(this.mostPerSecond, this.perSecond * GROW);
  }

  /** What to do with a request. */
  take(now: number): typeof ANSWER | typeof ANSWER_WITH_BACKPRESSURE | typeof REFUSE {
    const most = this.perSecond * BURST;
    this.tokens = Math.min(most, this.tokens + ((now - this.filledAt) / SECOND) * this.perSecond);
    this.filledAt = now;
    if (this.tokens <= -most) return REFUSE;
    this.tokens--;
    return this.tokens >= 0 ? ANSWER : ANSWER_WITH_BACKPRESSURE;
  }
}
