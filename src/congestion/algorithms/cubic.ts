// Cubic (RFC 9438): the window is a cubic function of the time since the last loss, flat where that loss happened; never
// slower than Reno would be; and one that lost before it was back up makes room (fast convergence).

import type { Algorithm } from '../algorithm.ts';
import { EACH_ROUND, type Round } from './round.ts';
import type { SlowStartForm } from './slow-start.ts';
import { WindowController, type WindowLaw } from './window.ts';

/** RFC 9438 §4.1 and §5: C in segments per second cubed, beta the window's rest after a loss. */
const C = 0.4;
const BETA = 0.7;
/** Slow start that ended before any loss may have ended early: until there is one it goes on by a twentieth, as Linux's. */
const UNTRIED_GROWTH = 1.05;
const RENO_INCREASE = (3 * (1 - BETA)) / (1 + BETA);

/** In segments. */
export class CubicLaw implements WindowLaw {
  private readonly mssBytes: number;
  private hasLost = false;
  private largest = 0;
  /** Of congestion avoidance since the last loss; not a number before it has begun. */
  private epochMicros = Number.NaN;
  /** When the plateau is reached, after the epoch's beginning. */
  private plateauSeconds = 0;
  private renoWindow = 0;

  constructor(mssBytes: number) {
    this.mssBytes = mssBytes;
  }

  increased(cwndBytes: number, { nowMicros, rttMicros, ackedBytes }: Round): number {
    const cwnd = cwndBytes / this.mssBytes;
    const acked = ackedBytes / this.mssBytes;
    if (this.renoWindow === 0) this.begin(cwnd, cwnd);
    // Not at the loss, but when it has been made good (RFC 9438 §4.2).
    if (Number.isNaN(this.epochMicros)) this.epochMicros = nowMicros;
    this.renoWindow += (RENO_INCREASE * acked) / cwnd;
    const seconds = (nowMicros + rttMicros - this.epochMicros) / 1e6;
    const cubic = C * (seconds - this.plateauSeconds) ** 3 + this.largest;
    const least = this.hasLost ? cwnd : UNTRIED_GROWTH * cwnd;
    const target = Math.min(Math.max(cubic, least), 1.5 * cwnd);
    return Math.max(cwnd + ((target - cwnd) * acked) / cwnd, this.renoWindow) * this.mssBytes;
  }

  decreased(cwndBytes: number): number {
    this.hasLost = true;
    const cwnd = cwndBytes / this.mssBytes;
    this.begin(cwnd * BETA, cwnd < this.largest ? (cwnd * (1 + BETA)) / 2 : cwnd);
    return cwndBytes * BETA;
  }

  private begin(cwnd: number, largest: number): void {
    this.largest = largest;
    this.epochMicros = Number.NaN;
    this.plateauSeconds = Math.cbrt(Math.max(0, largest - cwnd) / C);
    this.renoWindow = cwnd;
  }
}

/** `interval`: how often it decides (round.ts). */
export function cubic(form: SlowStartForm = 'hystart', interval = EACH_ROUND): Algorithm {
  return {
    name: 'cubic',
    onCreate: (control) => new WindowController(control, new CubicLaw(control.flow.mssBytes), form, interval),
  };
}
