// The physical switch between the hosts: a queue an output, drop-tail when the core is lossy. When it is lossless, a link
// whose packets fill too much of the buffer is paused, with all that others send over it: so congestion spreads.

import type { Clock } from '../clock.ts';
import { Link } from './link.ts';
import type { CoreOptions, Parcel } from './packet.ts';

/** Of a lossy core, for each output. */
const OUTPUT_BYTES = 1_000_000;
/** Of what came in by one link, when that link is paused, and when it may go on. */
const XOFF_BYTES = 200_000;
const XON_BYTES = 100_000;

export class Core<P extends Parcel> {
  /** Packets dropped; pause frames to hosts. */
  readonly counters = { drops: 0, pauseFrames: 0 };
  /** To the hosts. */
  readonly outputs: readonly Link<P>[];
  private readonly clock: Clock;
  private readonly options: CoreOptions;
  private readonly pauseHost: (host: number, isPaused: boolean) => void;
  private readonly queues: readonly P[][];
  private readonly queuedBytes: Float64Array;
  /** Of each host, what is queued here; and whether it was told to pause. */
  private readonly cameFrom: Float64Array;
  private readonly isPaused: Uint8Array;

  constructor(
    clock: Clock,
    options: CoreOptions,
    arrive: (host: number, packet: P) => void,
    pauseHost: (host: number, isPaused: boolean) => void,
  ) {
    this.clock = clock;
    this.options = options;
    this.pauseHost = pauseHost;
    const hosts = Array.from({ length: options.hosts }, (_, host) => host);
    this.queues = hosts.map(() => []);
    this.queuedBytes = new Float64Array(options.hosts);
    this.cameFrom = new Float64Array(options.hosts);
    this.isPaused = new Uint8Array(options.hosts);
    const { linkBytesPerSecond, hopMicros } = options;
    this.outputs = hosts.map(
      (host) =>
        new Link(
          clock,
          linkBytesPerSecond,
          hopMicros,
          () => this.take(host),
          (packet) => arrive(host, packet),
        ),
    );
  }

  receive(packet: P): void {
    const { from, to } = packet;
    if (!this.options.losslessCore && this.queuedBytes[to]! + packet.bytes > OUTPUT_BYTES) {
      this.counters.drops++;
      return;
    }
    this.queues[to]!.push(packet);
    this.queuedBytes[to]! += packet.bytes;
    this.cameFrom[from]! += packet.bytes;
    this.tell(from);
    this.outputs[to]!.kick();
  }

  private take(to: number): P | undefined {
    const packet = this.queues[to]!.shift();
    if (packet === undefined) return undefined;
    const { from } = packet;
    this.queuedBytes[to]! -= packet.bytes;
    this.cameFrom[from]! -= packet.bytes;
    this.tell(from);
    return packet;
  }

  private tell(host: number): void {
    if (!this.options.losslessCore) return;
    const bytes = this.cameFrom[host]!;
    const isPaused = bytes > (this.isPaused[host] === 1 ? XON_BYTES : XOFF_BYTES);
    if (isPaused === (this.isPaused[host] === 1)) return;
    this.isPaused[host] = isPaused ? 1 : 0;
    if (isPaused) this.counters.pauseFrames++;
    this.clock.after(this.options.hopMicros, () => this.pauseHost(host, isPaused));
  }
}
