// Why the agent's paths, windows and flows are as they are, in plain words.
import type { FlowSlotStatus, FlowStatus } from '../agent/reports/status.ts';
import type {
  CandidateStatus,
  PathDecision,
  PauseDecision,
  PeerCandidates,
} from '../agent/reports/why-status.ts';
import { table } from '../base/table.ts';
import type { RerouteReason } from '../paths/reroute/core.ts';
import { age, bytes, count, micros } from './quantities.ts';

const LEFT: Readonly<Record<string, string>> = {
  silence: 'what was sent by it was not acknowledged in time, nor what was asked after',
  'unanswered probe': 'probes of it were not answered',
  loss: 'of what was sent by it too much was lost, three of five times, and less by others',
};

const MOVED: Readonly<Record<string, string>> = {
  fault: 'the source port was at fault, and the other is known to work',
  routes: 'routes are shared more evenly so',
  slowness:
    'its route was much slower than those of others for two minutes, and is avoided for half an hour; the other is fast',
  'nothing works': 'no slot worked at all, so both hosts try others until they meet',
};

const STAYS: Readonly<Record<string, string>> = {
  'way back': 'its own way is fast, so the way back is slow, which the peer moves',
  'none faster': 'no other that is free is known to be clearly faster',
};

const CANDIDATE_LEFT: Partial<Readonly<Record<RerouteReason, string>>> = {
  'two-in-a-row': 'a probe and the one right after it were lost on the way there',
  'three-of-five': 'three of its last five probes, or rounds of packets, were lost on the way there',
  'with-others': 'others failed at the same moment, and it lost its probe too',
};

/** `left slot 3 (source port 49155): …`. */
export function pathDecisionText(decision: PathDecision): string {
  const { event, slot, sourcePort, nextPort } = decision;
  const because: string = decision.because ?? '';
  switch (event) {
    case 'slot-left':
      return `left slot ${slot} (source port ${sourcePort}): ${LEFT[because]}`;
    case 'slot-back':
      return `slot ${slot} works (source port ${sourcePort})`;
    case 'slot-moved':
      return `slot ${slot} moved from source port ${sourcePort} to ${nextPort}: ${MOVED[because]}`;
    case 'way-back':
      return `slot ${slot} stays on source port ${sourcePort}: that works, so it is the peer's way back that is dead, which the peer moves`;
    case 'none-works':
      return `slot ${slot} stays on source port ${sourcePort}: no other that is free is known to work`;
    case 'slot-slow':
      return `slot ${slot} has been much slower than others for two minutes (source port ${sourcePort}): what all source ports take is measured`;
    case 'slow-stays':
      return `slot ${slot} is slow and stays on source port ${sourcePort}: ${STAYS[because]}`;
    case 'candidate-left':
      return `source port ${sourcePort} is bad: ${CANDIDATE_LEFT[because as RerouteReason]}`;
    case 'candidate-back':
      return `source port ${sourcePort} works again: it is taken last until rankings start afresh, every half hour`;
    case 'mode-full':
      return 'asks all source ports: a slot was left, or is slow';
    case 'mode-partial':
      return 'asks only the source ports of slots: nothing was left or slow for a while';
    case 'rankings-reset':
      return 'rankings of source ports start afresh, as every half hour';
    case 'alarm':
      return 'ALARM: paths are left too often, so look at this host itself and not at paths';
    case 'alarm-over':
      return 'the alarm is over: paths are not left any more';
  }
}

const PAUSED: Readonly<Record<PauseDecision['event'], string>> = {
  'flow-paused': 'paused FLOW: its receiver there takes less than comes',
  'flow-pause-asked': 'asked for a pause of FLOW: its receiver here takes less than comes',
  'flow-held': 'held FLOW: its receiver takes less than comes, and both are on this host',
};

/** `paused tcp 10.0.0.1:5000 > 10.0.0.2:80: …; 12 pause frames in 0.3 s, …`. */
export function pauseText({ event, flow, forSeconds, frames, ...last }: PauseDecision): string {
  const { pauseMicros, rateBytesPerSecond } = last;
  const time = forSeconds === undefined ? 'and still' : `for ${age(forSeconds)}`;
  const rate = rateBytesPerSecond === undefined ? 'any rate' : `${bytes(rateBytesPerSecond)}/s`;
  const said =
    event === 'flow-held'
      ? ''
      : ` by ${count(frames, 'pause frame')}, the last one for ${pauseMicros === 0 ? '' : `${micros(pauseMicros)} and then `}${rate}`;
  return `${PAUSED[event].replace('FLOW', flow)}; ${time}${said}`;
}

export function renderCandidates(peers: readonly PeerCandidates[]): string {
  const several = peers.some(({ thread }) => thread > 0);
  const rows = peers.flatMap((peer) => peer.candidates.map((each) => candidateRow(peer, each, several)));
  const head = ['PEER', 'PORT', 'SLOT', 'ROUTE', 'STATE', 'RTT', 'NO FAILURE FOR', 'PROBES'];
  return table(several ? ['THREAD', ...head] : head, rows);
}

function candidateRow(
  { vtep, thread }: PeerCandidates,
  { sourcePort, slot, route, state, rttMicros, failureFreeSeconds, probes }: CandidateStatus,
  several: boolean,
): (string | number)[] {
  return [
    ...(several ? [thread] : []),
    vtep,
    sourcePort,
    slot === undefined ? '-' : String(slot),
    route === 0 ? '-' : String(route),
    probes.sent === 0 ? '-' : state,
    micros(rttMicros),
    failureFreeSeconds === undefined ? '-' : age(failureFreeSeconds),
    probes.sent === 0 ? '-' : `${probes.sent - probes.lost}/${probes.sent}`,
  ];
}

/** What peers are probed by, and alarms: a line each. */
export function peerLines(peers: readonly PeerCandidates[]): string[] {
  return peers.flatMap(({ vtep, mode, switches, alarmSeconds }) => [
    ...(mode === 'full'
      ? [`${vtep}: all its source ports are asked, since a slot was left or slow lately`]
      : []),
    ...(switches > 0 ? [`${vtep}: ${count(switches, 'slot')} moved for faults lately`] : []),
    ...(alarmSeconds === undefined
      ? []
      : [`${vtep}: ALARM for ${age(alarmSeconds)}: its paths are left too often; look at the host itself`]),
  ]);
}

/** By whose decision a connection may send what it sends, and what became of the rest. */
export function flowLines(flow: FlowStatus): string[] {
  const { cid, vni, localMac, remoteMac, vtep, state } = flow;
  return [
    `connection ${cid} of network ${vni}, ${localMac} to ${remoteMac} at ${vtep}: ${state}`,
    ...windowLines(flow),
    ...dropLines(flow),
  ];
}

function windowLines({ congestion, congestionTrouble, window, slots, waiting, state }: FlowStatus): string[] {
  if (state !== 'established') return [];
  if (slots.length === 0) return ['  it has no window: it was not used for a while'];
  const isNone = congestion === 'none' || congestion === 'constant';
  const alone = slots.filter(({ decides }) => decides === 'fallback');
  const sprayed = slots.filter((slot) => slot.sprayed);
  const isFull = window.packets >= window.limit;
  return [
    isNone
      ? `  no controller bounds its slots: the network's policy is ${congestion}`
      : `  ${congestion} decides its window, by slot: ${sprayed.map(windowText).join(', ')}`,
    ...(alone.length === 0
      ? []
      : [
          `  on ${count(alone.length, 'slot')} the datapath's own fallback decides, since the algorithm is silent${congestionTrouble === undefined ? '' : ` (last trouble: ${congestionTrouble})`}`,
        ]),
    `  no more than ${count(window.limit, 'packet')} are kept until they are acknowledged: the limit of the agent; now ${window.packets}${isFull ? ', so this is what holds it up' : ''}`,
    ...slots
      .filter(({ pacedMicros }) => pacedMicros > 0)
      .map(({ slot, pacedMicros }) => `  slot ${slot} takes nothing for ${micros(pacedMicros)}: its rate`),
    ...(waiting.frames === 0
      ? []
      : [`  ${count(waiting.frames, 'frame')} wait in front of it, ${bytes(waiting.bytes)}`]),
  ];
}

function windowText({ slot, cwndBytes, rateBytesPerSecond }: FlowSlotStatus): string {
  const window = cwndBytes === undefined ? 'any' : bytes(cwndBytes);
  return `${slot}: ${window}${rateBytesPerSecond === undefined ? '' : ` at ${bytes(rateBytesPerSecond)}/s`}`;
}

function dropLines({ dropped, rejected, lost, resent, spurious }: FlowStatus): string[] {
  const some = (counts: Readonly<Record<string, number>>, thing: string, where: string) =>
    Object.entries(counts)
      .filter(([, number]) => number > 0)
      .map(([reason, number]) => `  ${count(number, thing)} dropped ${where}: ${reason}`);
  const given = lost.gap + lost.time + lost.timeout;
  const onTheWay =
    given === 0
      ? []
      : [
          `  ${count(given, 'packet')} taken for lost in the fabric (${lost.gap} for a gap, ${lost.time} overtaken too long ago, ${lost.timeout} unanswered); ${resent} sent again, ${spurious} of them to no purpose`,
        ];
  const lines = [
    ...some(dropped, 'frame', 'by the switch, in front of it or behind it'),
    ...some(rejected, 'packet', 'as it arrived'),
    ...onTheWay,
  ];
  return lines.length === 0 ? ['  nothing of it was dropped'] : lines;
}
