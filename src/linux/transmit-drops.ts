// What the kernel dropped of the frames that were sent on an interface, before its device took them (tx_dropped of
// netdevice(7)), from /proc/net/dev: that shows the namespace of the thread that reads it, where /sys may still show
// another's.

import { readFileSync } from 'node:fs';
import { inNetns } from './netns.ts';

/** Of sixteen columns, eight are of what was received; then bytes, packets, errors, dropped of what was sent. */
const TX_DROPPED = 11;

/** By interface, in `netns` when given; throws where that cannot be entered. */
export function transmitDrops(netns: string | undefined): ReadonlyMap<string, number> {
  const lines = inNetns(netns, () => readFileSync('/proc/thread-self/net/dev', 'utf8')).split('\n');
  const drops = new Map<string, number>();
  for (const line of lines) {
    const colon = line.lastIndexOf(':');
    if (colon < 0) continue;
    const columns = line
      .slice(colon + 1)
      .trim()
      .split(/\s+/);
    drops.set(line.slice(0, colon).trim(), Number(columns[TX_DROPPED]));
  }
  return drops;
}
