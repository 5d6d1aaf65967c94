// What waits in the switches, as people read it.
import type { QueueStatus, QueuesStatus } from '../agent/reports/status.ts';
import { type Cell, table } from '../base/table.ts';
import { bytes, count, micros } from './quantities.ts';

const HEAD = [
  'FOR',
  'VNI',
  'VNIC',
  'OTHER END',
  'FLOW',
  'FRAMES',
  'BYTES',
  'PRIORITY',
  'WEIGHT',
  'PAUSED',
  'RATE',
  'TAKEN',
  'SENDER',
];

/** `filtered`: not all were asked for. */
export function renderQueues(status: QueuesStatus, filtered: boolean): string {
  const { queues } = status;
  const none = filtered ? 'No flow that waits is like that.' : 'No flow waits.';
  return [...summary(status), '', queues.length === 0 ? none : table(HEAD, queues.map(row))].join('\n');
}

function summary({ scheduler, flows, rings, sharedFrames, dropped, pauses }: QueuesStatus): string[] {
  const shared =
    sharedFrames === 0 ? '' : `; ${count(sharedFrames, 'frame')} had to share a queue with other flows`;
  const lost = nonZero(dropped).map(([reason, frames]) => `${count(frames, 'frame')} ${reason}`);
  return [
    `${count(flows.out, 'flow')} to other hosts and ${flows.in} to vNICs, in ${rings.used} of ${count(rings.limit, 'ring')}${shared}`,
    `scheduler: ${scheduler}`,
    `dropped: ${lost.join(', ') || 'nothing'}`,
    ...pauseLines(pauses),
  ];
}

/** What is counted of pauses at either end, in words. */
function pauseLines(pauses: Readonly<Record<string, number>>): string[] {
  if (Object.keys(pauses).length === 0) return ['pauses: off'];
  const of = (name: string) => pauses[name] ?? 0;
  const asked = details(pauses, ['renewed', 'repeated', 'shortened', 'doubled', 'releases', 'unsaid']);
  const obeyed = details(pauses, ['released', 'capped', 'persisted', 'old', 'ahead', 'noQueue']);
  return [
    `pauses asked for: ${of('pauses')}${asked}, senders on this host held: ${of('held')}`,
    `pauses obeyed: ${of('obeyed')}${obeyed}`,
  ];
}

function details(counts: Readonly<Record<string, number>>, names: readonly string[]): string {
  const parts = names.filter((name) => (counts[name] ?? 0) > 0).map((name) => `${name} ${counts[name]}`);
  return parts.length === 0 ? '' : ` (${parts.join(', ')})`;
}

function nonZero(counts: Readonly<Record<string, number>>): [string, number][] {
  return Object.entries(counts).filter(([, number]) => number > 0);
}

function row(queue: QueueStatus): Cell[] {
  const { direction, remoteMac, vtep, flow, asked } = queue;
  return [
    direction === 'out' ? 'host' : 'vNIC',
    queue.vni,
    queue.localMac,
    vtep === undefined ? (remoteMac ?? '-') : `${remoteMac} at ${vtep}`,
    flow ?? 'several',
    queue.frames,
    bytes(queue.bytes),
    queue.priority,
    queue.weight,
    micros(queue.pausedMicros),
    rate(queue.rateBytesPerSecond),
    rate(queue.takenBytesPerSecond),
    asked ? 'asked' : '-',
  ];
}

function rate(bytesPerSecond: number | undefined): string {
  return bytesPerSecond === undefined ? '-' : `${bytes(bytesPerSecond)}/s`;
}
