// Vegas (Brakmo and Peterson, "TCP Vegas: End to End Congestion Avoidance on a Global Internet", JSAC 1995): keeps two to
// four packets of its own in the bottleneck's queue, judged by how much longer than the shortest a round trip takes.

import type { Algorithm, Controller, FlowControl, Report } from '../algorithm.ts';
import { roundOf, roundProgram } from './round.ts';
import { deafUntil, isFilled } from './window.ts';

/** Packets in the queue: fewer than alpha, grow; more than beta, shrink; more than gamma ends slow start. */
const ALPHA = 2;
const BETA = 4;
const GAMMA = 1;

class Vegas implements Controller {
  private readonly control: FlowControl;
  private cwnd: number;
  private baseMicros = Number.POSITIVE_INFINITY;
  private isSlowStart = true;
  /** Slow start doubles every other round, to measure in between with the window as it is. */
  private isGrowing = false;
  private deafUntilMicros = 0;

  constructor(control: FlowControl) {
    this.control = control;
    this.cwnd = control.flow.initialCwndBytes / control.flow.mssBytes;
    control.install(roundProgram, { Cwnd: control.flow.initialCwndBytes, Rate: 0 });
  }

  onReport(report: Report): void {
    const { mssBytes } = this.control.flow;
    const { nowMicros, rttMicros, lostPackets, wasTimeout, usedBytes } = roundOf(report);
    this.baseMicros = Math.min(this.baseMicros, rttMicros);
    if (wasTimeout) this.cwnd = 2;
    else if (lostPackets > 0) this.onLoss(nowMicros, rttMicros);
    else {
      const queuedPackets = (this.cwnd * (rttMicros - this.baseMicros)) / rttMicros;
      this.onRound(queuedPackets, isFilled(this.cwnd * mssBytes, usedBytes));
    }
    this.cwnd = Math.max(2, this.cwnd);
    this.control.update({ Cwnd: this.cwnd * mssBytes });
  }

  private onLoss(nowMicros: number, rttMicros: number): void {
    if (nowMicros < this.deafUntilMicros) return;
    this.cwnd *= 0.75;
    this.isSlowStart = false;
    this.deafUntilMicros = deafUntil(nowMicros, rttMicros, this.cwnd);
  }

  private onRound(queuedPackets: number, mayGrow: boolean): void {
    if (this.isSlowStart && queuedPackets <= GAMMA) {
      this.isGrowing = mayGrow && !this.isGrowing;
      if (this.isGrowing) this.cwnd *= 2;
    } else if (this.isSlowStart) {
      this.isSlowStart = false;
      this.cwnd -= queuedPackets;
    } else if (queuedPackets < ALPHA) {
      if (mayGrow) this.cwnd++;
    } else if (queuedPackets > BETA) this.cwnd--;
  }
}

export const vegas: Algorithm = { name: 'vegas', onCreate: (control) => new Vegas(control) };
