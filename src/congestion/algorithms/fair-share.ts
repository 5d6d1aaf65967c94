// One window for all flows from one address, in equal parts (CCP §4.7.3, figure 4.10): a new flow starts with its share
// at once and need not find it out. The window follows Reno over what the flows report together.

import type { Algorithm, Controller, FlowControl, FlowInfo, Report } from '../algorithm.ts';
import { renoLaw } from './reno.ts';
import { type Round, roundOf, roundProgram } from './round.ts';
import { deafUntil, isFilled, type WindowLaw } from './window.ts';

class FairShare implements Controller {
  private readonly flows = new Map<number, FlowControl>();
  private readonly mssBytes: number;
  private readonly law: WindowLaw;
  private cwndBytes: number;
  private ssthreshBytes = Number.POSITIVE_INFINITY;
  private deafUntilMicros = 0;

  constructor(first: FlowControl) {
    this.mssBytes = first.flow.mssBytes;
    this.law = renoLaw(this.mssBytes);
    this.cwndBytes = first.flow.initialCwndBytes;
    this.createSubflow(first);
  }

  createSubflow(control: FlowControl): void {
    this.flows.set(control.flow.id, control);
    control.install(roundProgram, { Rate: 0 });
    this.apportion();
  }

  onReport(report: Report): void {
    const round = roundOf(report);
    if (round.lostPackets > 0 || round.wasTimeout) this.onLoss(round);
    else if (isFilled(this.shareBytes, round.usedBytes)) this.grow(round);
    this.apportion();
  }

  onClose({ id }: FlowInfo): void {
    this.flows.delete(id);
    this.apportion();
  }

  private onLoss({ nowMicros, rttMicros }: Round): void {
    if (nowMicros < this.deafUntilMicros) return;
    this.cwndBytes = this.law.decreased(this.cwndBytes);
    this.ssthreshBytes = this.cwndBytes;
    this.deafUntilMicros = deafUntil(nowMicros, rttMicros, this.shareBytes / this.mssBytes);
  }

  private grow(round: Round): void {
    if (this.cwndBytes < this.ssthreshBytes) this.cwndBytes += round.ackedBytes;
    else this.cwndBytes = this.law.increased(this.cwndBytes, round);
  }

  private get shareBytes(): number {
    return this.cwndBytes / this.flows.size;
  }

  private apportion(): void {
    const Cwnd = this.shareBytes;
    for (const control of this.flows.values()) control.update({ Cwnd });
  }
}

export const fairShare: Algorithm = {
  name: 'fair-share',
  aggregateBy: ({ source }) => source,
  onCreate: (control) => new FairShare(control),
};
