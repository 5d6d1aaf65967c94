// What a congestion control algorithm is written against (CCP §4.4.2): a handler for new flows, which installs a program
// in the datapath, and one for its reports. An algorithm that controls several flows together also says which belong
// together, and takes in those that come later (CCP §4.7.3).

import type { CompiledProgram } from './language/compiler.ts';

export interface FlowInfo {
  /** The datapath's name for it. */
  readonly id: number;
  readonly mssBytes: number;
  readonly initialCwndBytes: number;
  /** The 5-tuple. */
  readonly protocol: 'tcp' | 'udp' | 'bifrost';
  readonly source: string;
  readonly sourcePort: number;
  readonly destination: string;
  readonly destinationPort: number;
  /** Of a tenant's connection between two hosts: source and destination are its vNICs then, and the ports its slot. */
  readonly overlay?: OverlayInfo;
}

export interface OverlayInfo {
  readonly vni: number;
  /** The VTEP of the other host. */
  readonly peer: string;
}

/** By name: Cwnd (bytes), Rate (bytes a second; 0 is unpaced) and the program's variables, `Report.` included. */
export type Values = Readonly<Record<string, number>>;

export interface FlowControl {
  readonly flow: FlowInfo;
  /** Replaces the flow's program; reports of the old one will not be seen. */
  install(program: CompiledProgram, values?: Values): void;
  update(values: Values): void;
}

export interface Report {
  readonly control: FlowControl;
  /** By the datapath's clock. */
  readonly nowMicros: number;
  /** By name, without `Report.`. */
  field(name: string): number;
}

/** Of one flow, or of the flows of one aggregate. */
export interface Controller {
  onReport(report: Report): void;
  /** One more flow of the aggregate. */
  createSubflow?(control: FlowControl, nowMicros: number): void;
  onClose?(flow: FlowInfo): void;
}

export interface Algorithm {
  readonly name: string;
  /** A new flow, the first of its aggregate. */
  onCreate(control: FlowControl, nowMicros: number): Controller;
  /** Names the aggregate of a flow; without it each flow is one of its own. */
  aggregateBy?(flow: FlowInfo): string;
}
