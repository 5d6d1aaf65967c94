// Connections as people read them: a row for each, or everything about one.
import type { FlowSlotStatus, FlowStatus, Traffic } from '../agent/reports/status.ts';
import { type Cell, table } from '../base/table.ts';
import { age, bytes, count, micros } from './quantities.ts';

const HEAD = [
  'CID',
  'VNI',
  'FROM',
  'TO',
  'PEER',
  'STATE',
  'CC',
  'UNA',
  'NEXT',
  'BASE',
  'WINDOW',
  'CWND',
  'IN FLIGHT',
  'WAITING',
  'SENT',
  'RECEIVED',
  'LOST',
  'RESENT',
  'SPURIOUS',
  'DUPLICATES',
  'REORDERED',
  'DROPPED',
];

/** `filtered`: not all were asked for. */
export function renderFlows(flows: readonly FlowStatus[], filtered: boolean): string {
  if (flows.length > 0) return table(HEAD, flows.map(row));
  return filtered ? 'No connection is like that.' : 'There are no connections.';
}

function row(flow: FlowStatus): Cell[] {
  const { psn, window, waiting, outOfOrder } = flow;
  return [
    flow.cid,
    flow.vni,
    flow.localMac,
    flow.remoteMac,
    flow.vtep,
    flow.state,
    flow.congestion,
    psn.una,
    psn.next,
    psn.base,
    `${window.packets}/${window.limit}`,
    windows(flow.slots),
    bytes(flow.inFlightBytes),
    waiting.frames,
    traffic(flow.sent),
    traffic(flow.received),
    causes(flow),
    flow.resent,
    flow.spurious,
    flow.duplicates,
    outOfOrder.packets === 0 ? '-' : `${outOfOrder.packets} (${outOfOrder.depth} of ${outOfOrder.most})`,
    drops(flow) || '-',
  ];
}

/** Congestion windows of the slots that are sprayed over, by slot where they differ. */
function windows(slots: readonly FlowSlotStatus[]): string {
  const sprayed = slots.filter((slot) => slot.sprayed);
  const texts = sprayed.map(({ cwndBytes }) => (cwndBytes === undefined ? 'any' : bytes(cwndBytes)));
  if (new Set(texts).size <= 1) return texts[0] ?? '-';
  return sprayed.map(({ slot }, i) => `${slot}: ${texts[i]}`).join(', ');
}

function traffic({ packets, bytes: sum }: Traffic): string {
  return packets === 0 ? '-' : `${packets} (${bytes(sum)})`;
}

function causes({ lost }: FlowStatus): string {
  return `${lost.gap}/${lost.time}/${lost.timeout}`;
}

function drops({ dropped, rejected }: FlowStatus): string {
  return [...nonZero(dropped, 'frame'), ...nonZero(rejected, 'packet')].join(', ');
}

function nonZero(counts: Readonly<Record<string, number>>, thing: string): string[] {
  return Object.entries(counts)
    .filter(([, number]) => number > 0)
    .map(([reason, number]) => `${count(number, thing)} ${reason}`);
}

/** Everything about one connection. */
export function renderFlow(flow: FlowStatus): string {
  const { cid, remoteCid, vni, localMac, remoteMac, vtep, heardSecondsAgo } = flow;
  const peers = remoteCid === undefined ? 'not known yet' : remoteCid;
  const heard = heardSecondsAgo === undefined ? 'never heard' : `heard ${age(heardSecondsAgo)} ago`;
  const begun = [
    `opened ${count(flow.opened, 'time')}`,
    ...(flow.resets > 0 ? [`given up and begun anew ${count(flow.resets, 'time')}`] : []),
    ...(flow.fallbacks > 0 ? [`given up for plain VXLAN ${count(flow.fallbacks, 'time')}`] : []),
  ];
  return [
    `connection ${cid} of network ${vni}: ${localMac} to ${remoteMac} at ${vtep}, whose CID is ${peers}`,
    `${flow.state}, ${heard}; ${begun.join(', ')}`,
    '',
    'sending',
    ...indent(sending(flow)),
    '',
    'receiving',
    ...indent(receiving(flow)),
    '',
    `dropped: ${drops(flow) || 'nothing'}`,
    '',
    ...slots(flow),
  ].join('\n');
}

function sending(flow: FlowStatus): string[] {
  const { psn, window, waiting, sent, lost, resent, spurious } = flow;
  const given = lost.gap + lost.time + lost.timeout;
  return [
    `${count(sent.frames, 'frame')} in ${count(sent.packets, 'packet')}, ${bytes(sent.bytes)}`,
    `PSN ${psn.una} is the oldest unacknowledged, ${psn.transmit} the next to transmit, ${psn.next} the next to give`,
    `window ${window.packets} of ${count(window.limit, 'packet')}, ${bytes(flow.inFlightBytes)} in flight`,
    `${count(waiting.frames, 'frame')} waiting in front of it, ${bytes(waiting.bytes)}`,
    `${count(given, 'packet')} given up: ${lost.gap} for a gap, ${lost.time} overtaken too long ago, ${lost.timeout} unanswered`,
    `${count(resent, 'packet')} sent again, ${spurious} of them to no purpose`,
  ];
}

function receiving({ psn, received, duplicates, outOfOrder }: FlowStatus): string[] {
  return [
    `${count(received.frames, 'frame')} in ${count(received.packets, 'packet')}, ${bytes(received.bytes)}`,
    `PSN ${psn.base} is the first missing, ${psn.end} follows the newest`,
    `${count(outOfOrder.packets, 'packet')} out of order: up to ${outOfOrder.most} ahead, now ${outOfOrder.depth}`,
    count(duplicates, 'duplicate'),
  ];
}

function slots({ state, slots, congestion, ccType, congestionTrouble }: FlowStatus): string[] {
  const alone = slots.filter((slot) => slot.decides === 'fallback').length;
  const onTheirOwn = alone === 0 ? '' : `, ${count(alone, 'slot')} without it`;
  const trouble = congestionTrouble === undefined ? '' : `; last trouble ${congestionTrouble}`;
  const decides = `congestion control: ${congestion} (CC type ${ccType})${onTheirOwn}${trouble}`;
  if (slots.length === 0 && state !== 'established') return [decides];
  if (slots.length === 0) return [decides, 'at rest: windows are given back until it is used again'];
  const rows = slots.map((slot) => [
    slot.slot,
    slot.state,
    slot.sprayed ? 'yes' : '-',
    slot.cwndBytes === undefined ? 'any' : bytes(slot.cwndBytes),
    micros(slot.pacedMicros),
    slot.inFlightPackets === 0 ? '-' : `${slot.inFlightPackets} (${bytes(slot.inFlightBytes)})`,
    micros(slot.rttMicros),
    micros(slot.fabricMicros),
    micros(slot.endpointMicros),
    slot.timeouts,
  ]);
  const head = [
    'SLOT',
    'STATE',
    'SPRAYED',
    'CWND',
    'PACED',
    'IN FLIGHT',
    'RTT',
    'FABRIC',
    'ENDPOINT',
    'TIMEOUTS',
  ];
  return [decides, table(head, rows)];
}

function indent(lines: readonly string[]): string[] {
  return lines.map((line) => `  ${line}`);
}
