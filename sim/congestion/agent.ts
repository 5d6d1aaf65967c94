// The control plane as a datapath sees it: reports reach the algorithm and commands the datapath after a delay (CCP
// §4.6.2 measured some 30 µs). It can hang, as one does whose algorithm never returns.

import type { Algorithm, FlowInfo } from '../../src/congestion/algorithm.ts';
import type { Command, ReportMessage } from '../../src/congestion/commands.ts';
import { ControlPlane } from '../../src/congestion/control-plane.ts';
import type { Clock } from '../clock.ts';

export class Agent {
  /** What algorithms threw. */
  readonly failures: string[] = [];
  reports = 0;
  private readonly clock: Clock;
  private readonly delayMicros: number;
  private readonly plane: ControlPlane;
  private readonly deliver: (flow: number, command: Command) => void;
  private hangs = false;

  constructor(
    clock: Clock,
    delayMicros: number,
    algorithm: Algorithm,
    deliver: (flow: number, command: Command) => void,
  ) {
    this.clock = clock;
    this.delayMicros = delayMicros;
    this.deliver = deliver;
    this.plane = new ControlPlane(algorithm, {
      command: (flow, command) => this.clock.after(this.delayMicros, () => this.deliver(flow, command)),
      failed: (_, error) => this.failures.push(error.message),
    });
  }

  open(flow: FlowInfo): void {
    this.clock.after(this.delayMicros, () => {
      if (!this.hangs) this.plane.open(flow, this.clock.nowMicros);
    });
  }

  report(message: ReportMessage): void {
    this.reports++;
    this.clock.after(this.delayMicros, () => {
      if (!this.hangs) this.plane.report(message);
    });
  }

  close(flow: number): void {
    this.clock.after(this.delayMicros, () => {
      if (!this.hangs) this.plane.close(flow);
    });
  }

  /** From now on nothing comes back. */
  hang(): void {
    this.hangs = true;
  }
}
