// Clients on one host that each send a request, wait for its answer from the other host, and send the next: what
// redis-benchmark does. All share one connection, so one lost packet holds up the others until it is repaired.

import { PIECE_LAST, type PieceList } from '../src/packet/pieces.ts';
import { readFrame } from './frames.ts';
import type { Application, TransportHost } from './transport-host.ts';
import { type PairOptions, TransportPair } from './transport-pair.ts';

export interface ClosedLoopOptions extends PairOptions {
  readonly clients: number;
  readonly frameBytes: number;
  /** From a frame's delivery to the frame that answers it, or to the next request. */
  readonly applicationMicros: number;
}

export class ClosedLoop implements Application {
  readonly network: TransportPair;
  /** From when a request was offered to when its answer was delivered. */
  readonly requestMicros: number[] = [];
  private readonly options: ClosedLoopOptions;
  /** When each client's request was offered. */
  private readonly askedAt: Float64Array;
  /** Numbers of clients whose frame is ready to go, of each host. */
  private readonly ready: readonly [number[], number[]] = [[], []];

  constructor(options: ClosedLoopOptions) {
    this.options = options;
    this.askedAt = new Float64Array(options.clients);
    this.network = new TransportPair(options, this);
    for (let client = 0; client < options.clients; client++) this.ready[0].push(client);
    this.network.hosts[0].wake(this.network.clock.nowMicros);
  }

  /** Goes on until so many requests have been answered; the times of all. */
  run(requests: number): readonly number[] {
    const { clock } = this.network;
    const limit = clock.nowMicros + 1_000_000 + requests * 10_000;
    if (!clock.runWhileNot(() => this.requestMicros.length >= requests, limit)) {
      throw new Error(`${this.requestMicros.length} of ${requests} requests were answered in time`);
    }
    return this.requestMicros;
  }

  received(host: TransportHost, _pair: number, frames: PieceList): void {
    const side = this.network.indexOf(host);
    const { clock } = this.network;
    const now = clock.nowMicros;
    const answered: number[] = [];
    for (let piece = 0; piece < frames.count; piece++) {
      if ((frames.words[piece * 2 + 1]! & PIECE_LAST) === 0) throw new Error('a small frame came in pieces');
      const client = readFrame(host.region, frames, piece).number;
      if (side === 0) this.requestMicros.push(now - this.askedAt[client]!);
      answered.push(client);
    }
    clock.after(this.options.applicationMicros, () => {
      this.ready[side].push(...answered);
      host.wake(clock.nowMicros);
    });
  }

  sending(host: TransportHost): void {
    const side = this.network.indexOf(host);
    for (const client of this.ready[side]) {
      if (side === 0) this.askedAt[client] = this.network.clock.nowMicros;
      if (!host.offer(0, this.options.frameBytes, client)) throw new Error('no memory for a small frame');
    }
    this.ready[side].length = 0;
  }

  plain(): void {
    throw new Error('the connection fell back to plain VXLAN');
  }
}

/** The value below which a share of the values lies, 0 to 1. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = Float64Array.from(values).sort();
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]!;
}
