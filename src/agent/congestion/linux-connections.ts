// What is known of the connections of Linux's TCP that a command governs: `selvage cc list` asks the agent, which has no
// part in them.

import type { FlowInfo } from '../../congestion/algorithm.ts';
import type { DatapathEvent } from '../../congestion/datapath.ts';
import type { LinuxDatapathCounts } from '../../linux-tcp/datapath.ts';

export interface LinuxStatus {
  readonly connections: readonly LinuxConnection[];
  readonly counts: LinuxDatapathCounts;
}

export interface LinuxConnection {
  /** Addresses and ports of both ends, like `10.0.0.1:40000 → 10.0.0.2:443`. */
  readonly connection: string;
  /** The built-in Reno decides until the algorithm has installed a program, and after it lost the connection. */
  readonly decides: 'algorithm' | 'Reno';
  readonly reports: number;
  /** Why it fell back last; absent: it never did. */
  readonly trouble?: string;
}

export class LinuxConnections {
  private readonly flows = new Map<number, { -readonly [K in keyof LinuxConnection]: LinuxConnection[K] }>();

  open(flow: FlowInfo): void {
    this.flows.set(flow.id, { connection: describe(flow), decides: 'Reno', reports: 0 });
  }

  reported(id: number): void {
    const flow = this.flows.get(id);
    if (flow !== undefined) flow.reports++;
  }

  /** Of a connection that falls back: which, and why. */
  happened(id: number, event: DatapathEvent): string | undefined {
    const flow = this.flows.get(id);
    if (flow === undefined) return undefined;
    flow.decides = event.kind === 'installed' ? 'algorithm' : 'Reno';
    if (event.kind === 'installed') return undefined;
    flow.trouble = event.detail;
    return `${flow.connection}: ${event.detail}`;
  }

  close(id: number): void {
    this.flows.delete(id);
  }

  get all(): readonly LinuxConnection[] {
    return [...this.flows.values()];
  }
}

function describe({ source, sourcePort, destination, destinationPort }: FlowInfo): string {
  const place = (address: string, port: number) =>
    address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
  return `${place(source, sourcePort)} → ${place(destination, destinationPort)}`;
}
