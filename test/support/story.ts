// Two hosts whose packets are logged, for tests that tell a story about certain packets.

import type { Interval } from '../../sim/channel.ts';
import type { HostOptions } from '../../sim/transport-host.ts';
import type { Direction } from '../../sim/transport-pair.ts';
import { SLOTS } from '../../src/paths/path-table.ts';
import { trafficFor } from './random-network.ts';
import { WireLog } from './wire-log.ts';

export const ALL_SLOTS: readonly number[] = Array.from({ length: SLOTS }, (_, slot) => slot);

export interface StoryOptions {
  readonly seed?: number;
  readonly hosts?: Partial<HostOptions>;
  /** What is different of one of them. */
  readonly each?: readonly [Partial<HostOptions>, Partial<HostOptions>];
  /** Packets that are lost, by their lines in the log, and how many of them. */
  readonly lose?: RegExp;
  readonly times?: number;
}

export function story({ seed = 1, hosts = {}, each, lose, times }: StoryOptions = {}) {
  const traffic = trafficFor(seed, { hosts, ...(each && { each }) });
  const { network } = traffic;
  const { clock } = network;
  let left = times ?? Number.POSITIVE_INFINITY;
  const log = new WireLog(network, (line) => lose?.test(line) === true && left-- > 0);
  return {
    traffic,
    network,
    clock,
    hosts: network.hosts,
    log,
    run: (micros: number) => clock.runUntil(clock.nowMicros + micros),
    /** From now on nothing comes through on these slots. */
    cut: (directions: readonly Direction[], slots = ALL_SLOTS) => {
      const interval: Interval = { fromMicros: clock.nowMicros, toMicros: Number.POSITIVE_INFINITY };
      network.blackhole(directions, slots, interval);
    },
    /** Lets everything through again, what the story loses too. */
    mend: () => {
      network.heal();
      left = 0;
    },
    counters: (host: Direction) => network.hosts[host].transport.counters,
    /** Frames delivered from the first host to the second, and back. */
    arrived: () =>
      traffic.ledgers.map((ledgers) => ledgers.reduce((sum, { delivered }) => sum + delivered, 0)),
  };
}
