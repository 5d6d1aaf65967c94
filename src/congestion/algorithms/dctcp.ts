// DCTCP (RFC 8257): switches mark what finds a queue; the window shrinks by half the fraction that was marked, smoothed
// over rounds, so that a short queue costs little and is enough.

import type { Algorithm, Controller, FlowControl, Report } from '../algorithm.ts';
import { roundOf, roundProgram } from './round.ts';
import { deafUntil, isFilled } from './window.ts';

/** RFC 8257 §4.2: how much of the latest round the average takes in. */
const GAIN = 1 / 16;

class Dctcp implements Controller {
  private readonly control: FlowControl;
  private cwndBytes: number;
  private isSlowStart = true;
  private markedFraction = 1;
  private ackedBytes = 0;
  private markedBytes = 0;
  /** The most that was in flight. */
  private usedBytes = 0;
  private roundEndsMicros = 0;
  private deafUntilMicros = 0;

  constructor(control: FlowControl) {
    this.control = control;
    this.cwndBytes = control.flow.initialCwndBytes;
    control.install(roundProgram, { Cwnd: this.cwndBytes, Rate: 0 });
  }

  onReport(report: Report): void {
    const round = roundOf(report);
    const { nowMicros, rttMicros } = round;
    this.ackedBytes += round.ackedBytes;
    this.markedBytes += round.markedBytes;
    this.usedBytes = Math.max(this.usedBytes, round.usedBytes);
    if (round.wasTimeout) this.cwndBytes = this.leastBytes;
    else if (round.lostPackets > 0) this.onLoss(nowMicros, rttMicros);
    else if (nowMicros >= this.roundEndsMicros) this.endRound(nowMicros, rttMicros);
    this.cwndBytes = Math.max(this.cwndBytes, this.leastBytes);
    this.control.update({ Cwnd: this.cwndBytes });
  }

  private get leastBytes(): number {
    return 2 * this.control.flow.mssBytes;
  }

  private onLoss(nowMicros: number, rttMicros: number): void {
    this.isSlowStart = false;
    if (nowMicros < this.deafUntilMicros) return;
    this.cwndBytes /= 2;
    this.deafUntilMicros = deafUntil(nowMicros, rttMicros, this.cwndBytes / this.control.flow.mssBytes);
  }

  private endRound(nowMicros: number, rttMicros: number): void {
    const { ackedBytes, markedBytes } = this;
    if (ackedBytes === 0) return;
    this.markedFraction += GAIN * (Math.min(1, markedBytes / ackedBytes) - this.markedFraction);
    if (markedBytes > 0) {
      this.isSlowStart = false;
      this.cwndBytes *= 1 - this.markedFraction / 2;
    } else if (isFilled(this.cwndBytes, this.usedBytes)) {
      const share = this.isSlowStart ? 1 : this.control.flow.mssBytes / this.cwndBytes;
      this.cwndBytes += ackedBytes * share;
    }
    this.ackedBytes = 0;
    this.markedBytes = 0;
    this.usedBytes = 0;
    this.roundEndsMicros = nowMicros + rttMicros / 2;
  }
}

export const dctcp: Algorithm = { name: 'dctcp', onCreate: (control) => new Dctcp(control) };
