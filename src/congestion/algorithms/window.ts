// Window control upon loss (RFC 5681), with the law of increase and decrease left open: slow start, one decrease a round
// trip, one segment after a timeout. Reno and Cubic differ in their laws only.

import type { Controller, FlowControl, Report } from '../algorithm.ts';
import type { CompiledProgram } from '../language/compiler.ts';
import { EACH_ROUND, type Round, roundOf, roundProgram, summariesEvery } from './round.ts';
import { SlowStart, type SlowStartForm } from './slow-start.ts';

/** For losses before the first round trip was measured (RFC 6298's first timeout). */
const UNKNOWN_RTT_MICROS = 1_000_000;

/** Packets behind one that is missing whose arrival proves it lost (RFC 5681 §3.2). */
const PROOF_PACKETS = 3;

/**
 * Until when losses belong to what a decrease answered: a round trip until the last packet sent before it is due, half of
 * one in which nothing is sent, and as long as the packets then take whose arrival proves that packet lost.
 */
export function deafUntil(nowMicros: number, rttMicros: number, cwndPackets: number): number {
  const proof = Math.min(1, PROOF_PACKETS / cwndPackets);
  return nowMicros + (1.5 + proof) * Math.min(rttMicros, UNKNOWN_RTT_MICROS);
}

/** Only such a window may grow: one that is not used says nothing about the network (RFC 7661). */
export function isFilled(cwndBytes: number, usedBytes: number): boolean {
  return 2 * usedBytes >= cwndBytes;
}

export interface WindowLaw {
  /** The window after a round without loss. */
  increased(cwndBytes: number, round: Round): number;
  /** The window after a loss. */
  decreased(cwndBytes: number): number;
}

export class WindowController implements Controller {
  private readonly control: FlowControl;
  private readonly law: WindowLaw;
  private readonly rounds: CompiledProgram;
  private start: SlowStart | undefined;
  private cwndBytes: number;
  private ssthreshBytes = Number.POSITIVE_INFINITY;
  /** Losses seen before belong to what the last decrease answered. */
  private deafUntilMicros = 0;

  constructor(control: FlowControl, law: WindowLaw, form: SlowStartForm, interval = EACH_ROUND) {
    this.control = control;
    this.law = law;
    this.rounds = interval === EACH_ROUND ? roundProgram : summariesEvery(interval);
    this.cwndBytes = control.flow.initialCwndBytes;
    this.start = new SlowStart(control, form, interval);
  }

  onReport(report: Report): void {
    if (this.start !== undefined) this.finishStart(this.start, report);
    else this.onRound(roundOf(report));
  }

  private finishStart(start: SlowStart, report: Report): void {
    const end = start.onReport(report);
    if (end === undefined) return;
    this.start = undefined;
    this.cwndBytes = end.windowBytes;
    if (end.wasLoss) this.decrease(report.nowMicros, end.rttMicros, end.wasTimeout);
    else this.ssthreshBytes = end.windowBytes;
    this.control.install(this.rounds, { Cwnd: this.cwndBytes, Rate: 0 });
  }

  private onRound(round: Round): void {
    const { nowMicros, rttMicros, lostPackets, wasTimeout, ackedBytes, usedBytes } = round;
    const isRecovering = nowMicros < this.deafUntilMicros;
    if (wasTimeout || (lostPackets > 0 && !isRecovering)) {
      this.decrease(nowMicros, rttMicros, wasTimeout);
    } else if (lostPackets > 0 || (isRecovering && this.cwndBytes >= this.ssthreshBytes)) {
      // What is acknowledged now was sent under the window before.
      return;
    } else if (!isFilled(this.cwndBytes, usedBytes)) {
      return;
    } else if (this.cwndBytes < this.ssthreshBytes) {
      this.cwndBytes = Math.min(this.cwndBytes + ackedBytes, this.ssthreshBytes);
    } else this.cwndBytes = this.law.increased(this.cwndBytes, round);
    this.control.update({ Cwnd: this.cwndBytes });
  }

  private decrease(nowMicros: number, rttMicros: number, wasTimeout: boolean): void {
    const { mssBytes } = this.control.flow;
    this.ssthreshBytes = Math.max(this.law.decreased(this.cwndBytes), 2 * mssBytes);
    this.cwndBytes = wasTimeout ? mssBytes : this.ssthreshBytes;
    this.deafUntilMicros = deafUntil(nowMicros, rttMicros, this.cwndBytes / mssBytes);
  }
}
