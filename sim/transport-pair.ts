// Two hosts, and eight channels each way between them.

import { SeededRng } from '../src/base/rng.ts';
import type { Memory } from '../src/packet/region.ts';
import { SLOTS } from '../src/paths/path-table.ts';
import { Channel, type Conditions, type Interval, PERFECT } from './channel.ts';
import { Clock } from './clock.ts';
import { TwoHostPairs } from './pairs.ts';
import { type Application, DEFAULT_HOST, type HostOptions, TransportHost } from './transport-host.ts';

/** Which way: from the first host to the second, or back. */
export type Direction = 0 | 1;

export interface PairOptions {
  readonly seed: number;
  readonly conditions?: Conditions;
  readonly hosts?: Partial<HostOptions>;
  /** What is different of one of them. */
  readonly each?: readonly [Partial<HostOptions>, Partial<HostOptions>];
  readonly startMicros?: number;
  /** Damaged packets come through, as if no checksum caught them. */
  readonly deliverDamaged?: boolean;
  /** Seeds of the hosts themselves, on which their CIDs and so their first PSNs depend. */
  readonly hostSeeds?: readonly [number, number];
  /** Memory of as many chunks as the hosts ask for, used again: to make many pairs quickly, one after another. */
  readonly memories?: readonly [Memory, Memory];
}

export class TransportPair {
  readonly clock: Clock;
  readonly hosts: readonly [TransportHost, TransportHost];
  /** Of each direction, one a slot of the sending host. */
  readonly channels: readonly [readonly Channel[], readonly Channel[]];
  /** Sees every packet when it is sent. */
  observe: (direction: Direction, slot: number, packet: Uint8Array) => void = () => {};
  private readonly deliverDamaged: boolean;

  constructor(options: PairOptions, application: Application) {
    const rng = new SeededRng(options.seed);
    this.clock = new Clock(options.startMicros ?? 1_000_000);
    this.deliverDamaged = options.deliverDamaged ?? false;
    const channels = () =>
      Array.from(
        { length: SLOTS },
        () => new Channel(options.conditions ?? PERFECT, new SeededRng(rng.u32())),
      );
    this.channels = [channels(), channels()];
    const hostOptions = { ...DEFAULT_HOST, ...options.hosts };
    const host = (direction: Direction) => {
      const own = { ...hostOptions, ...options.each?.[direction] };
      return new TransportHost(
        this.clock,
        { ...own, ...(options.memories && { memory: options.memories[direction] }) },
        new TwoHostPairs(direction, 1 - direction, own),
        application,
        (_peer, slot, packet) => this.carry(direction, slot, packet),
        options.hostSeeds?.[direction] ?? rng.u32(),
      );
    };
    this.hosts = [host(0), host(1)];
  }

  /** Number of a host: 0 or 1. */
  indexOf(host: TransportHost): Direction {
    return host === this.hosts[0] ? 0 : 1;
  }

  /** Changes what all channels do. */
  impose(conditions: Conditions): void {
    for (const channel of this.channels.flat()) channel.conditions = conditions;
  }

  /** Lets nothing through on some slots for a while, one way or both. */
  blackhole(directions: readonly Direction[], slots: readonly number[], interval: Interval): void {
    for (const direction of directions) {
      for (const slot of slots) this.channels[direction][slot]!.blackholes.push(interval);
    }
  }

  /** From now on the network loses, delays and changes nothing any more, but for the time of flight. */
  heal(): void {
    this.impose(PERFECT);
    for (const channel of this.channels.flat()) channel.blackholes = [];
  }

  private carry(direction: Direction, slot: number, packet: Uint8Array): void {
    this.observe(direction, slot, packet);
    const now = this.clock.nowMicros;
    this.channels[direction][slot]!.send(now, packet, (at, bytes, intact) => {
      if (!intact && !this.deliverDamaged) return;
      this.clock.at(at, () => {
        const receiver = this.hosts[1 - direction]!;
        receiver.arrive({ source: 1 + direction, slot, bytes, arrivedMicros: at });
      });
    });
  }
}
