// What the agent makes of its switches' reports of queues, for people.

import { formatHostAddress, formatMac } from '../../wire/address.ts';
import { formatFlow } from '../../wire/flow-text.ts';
import type { QueueReport, QueueTotals } from './queue-report.ts';
import type { QueueStatus, QueuesStatus } from './status.ts';

/** What one data thread says. */
export interface ThreadQueues {
  readonly totals: QueueTotals;
  readonly queues: readonly QueueReport[];
}

/** Of all threads; `isWanted` says which queues are listed. */
export function queuesStatusOf(
  threads: readonly ThreadQueues[],
  isWanted: (report: QueueReport) => boolean,
): QueuesStatus {
  const totals = threads.map((thread) => thread.totals);
  const sum = (of: (totals: QueueTotals) => number) => totals.reduce((all, each) => all + of(each), 0);
  return {
    scheduler: totals[0]!.scheduler,
    flows: { out: sum((each) => each.out), in: sum((each) => each.in) },
    rings: { used: sum((each) => each.rings), limit: sum((each) => each.maxRings) },
    sharedFrames: sum((each) => each.shared),
    dropped: sums(totals.map(({ dropped }) => dropped)),
    pauses: sums(totals.map(({ pauses }) => pauses)),
    queues: threads.flatMap(({ queues }, thread) =>
      queues.filter(isWanted).map((queue) => queueStatusOf(queue, thread)),
    ),
  };
}

function queueStatusOf(report: QueueReport, thread: number): QueueStatus {
  const { key, vtep, remoteMac, rateBytesPerSecond, takenBytesPerSecond } = report;
  return {
    direction: report.isOut ? 'out' : 'in',
    vni: report.vni,
    localMac: formatMac(report.localMac),
    remoteMac: remoteMac === 0 ? undefined : formatMac(remoteMac),
    vtep: vtep === undefined ? undefined : formatHostAddress(vtep),
    thread,
    flow: key.length === 0 ? undefined : formatFlow(key),
    frames: report.frames,
    bytes: report.bytes,
    priority: report.priority,
    weight: report.weight,
    pausedMicros: Math.round(report.pausedMicros),
    rateBytesPerSecond: finite(rateBytesPerSecond),
    takenBytesPerSecond: finite(takenBytesPerSecond),
    asked: report.isAsked,
  };
}

function finite(rate: number): number | undefined {
  return rate === Number.POSITIVE_INFINITY ? undefined : Math.round(rate);
}

function sums(counts: readonly Record<string, number>[]): Record<string, number> {
  const total: Record<string, number> = {};
  for (const each of counts)
    for (const [name, count] of Object.entries(each)) total[name] = (total[name] ?? 0) + count;
  return total;
}
