// One flow over the bottleneck: sender, datapath, receiver, and the ways between them. The receiver acknowledges every
// segment, with what has arrived without a gap.

import type { FlowInfo } from '../../src/congestion/algorithm.ts';
import type { Command } from '../../src/congestion/commands.ts';
import { type DatapathEvent, FlowDatapath } from '../../src/congestion/datapath.ts';
import { Alarm } from '../alarm.ts';
import type { Clock } from '../clock.ts';
import { Conveyor } from '../conveyor.ts';
import type { Agent } from './agent.ts';
import type { Transmission } from './scoreboard.ts';
import { Sender } from './sender.ts';

export const MSS_BYTES = 1500;
const INITIAL_WINDOW_PACKETS = 10;
const MAX_WINDOW_BYTES = 16 << 20;

export interface FlowOptions {
  /** Without one the flow is left to the fallback. */
  readonly agent: Agent | undefined;
  /** Propagation there and back and the endpoint's time, without the bottleneck. */
  readonly rttMicros: number;
  readonly endpointMicros: number;
  readonly hops: number;
  readonly segments: number;
  readonly leastTimeoutMicros?: number | undefined;
}

interface Acknowledgement {
  readonly transmission: Transmission;
  readonly una: number;
}

export class Flow {
  readonly info: FlowInfo;
  readonly sender: Sender;
  readonly datapath: FlowDatapath;
  readonly events: DatapathEvent[] = [];
  private readonly clock: Clock;
  private readonly watchdog: Alarm;
  private readonly back: Conveyor<Acknowledgement>;
  private readonly backMicros: number;
  private una = 0;
  /** Segments beyond a gap. */
  private readonly early = new Set<number>();

  /** `out` puts a packet into the bottleneck. */
  constructor(clock: Clock, id: number, options: FlowOptions, out: (packet: Transmission) => void) {
    const { agent, rttMicros, endpointMicros, hops, segments, leastTimeoutMicros } = options;
    const sizes = { mssBytes: MSS_BYTES, initialCwndBytes: INITIAL_WINDOW_PACKETS * MSS_BYTES };
    const source = { protocol: 'tcp', source: '10.0.0.1', sourcePort: 40_000 + id } as const;
    this.clock = clock;
    this.info = { id, ...sizes, ...source, destination: '10.0.0.2', destinationPort: 5201 };
    this.watchdog = new Alarm(clock, () => this.watch());
    this.datapath = new FlowDatapath(
      clock.nowMicros,
      { ...sizes, maxCwndBytes: MAX_WINDOW_BYTES },
      {
        report: (generation, serial, nowMicros, values) => {
          agent?.report({ flow: id, generation, serial, nowMicros, values: values.slice() });
          this.watchdog.set(this.datapath.nextTimeoutMicros);
        },
        event: (_, event) => this.events.push(event),
      },
    );
    const halfMicros = (rttMicros - endpointMicros) / 2;
    this.backMicros = halfMicros + endpointMicros;
    const forth = new Conveyor(clock, out);
    this.sender = new Sender(
      clock,
      { flow: id, mssBytes: MSS_BYTES, segments, endpointMicros, hops, leastTimeoutMicros },
      this.datapath,
      (packet) => forth.push(clock.nowMicros + halfMicros, packet),
    );
    this.back = new Conveyor(clock, ({ transmission, una }) => this.sender.acknowledge(transmission, una));
    if (agent !== undefined) {
      agent.open(this.info);
      this.watchdog.set(this.datapath.nextTimeoutMicros);
    }
    this.sender.pump();
  }

  get deliveredBytes(): number {
    return this.sender.scoreboard.deliveredBytes;
  }

  /** A packet has come out of the bottleneck. */
  receive(transmission: Transmission): void {
    this.early.add(transmission.segment);
    while (this.early.delete(this.una)) this.una++;
    this.back.push(this.clock.nowMicros + this.backMicros, { transmission, una: this.una });
  }

  command(command: Command): void {
    this.datapath.command(this.clock.nowMicros, command);
    this.watchdog.set(this.datapath.nextTimeoutMicros);
    this.sender.pump();
  }

  private watch(): void {
    this.datapath.advance(this.clock.nowMicros);
    this.watchdog.set(this.datapath.nextTimeoutMicros);
  }
}
