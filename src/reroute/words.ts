// What was decided and why, in plain words.

import type { RerouteEventName, RerouteReason } from '../paths/reroute/core.ts';
import type { RerouteDecision, RerouteStatus } from './status.ts';

const WHAT: Readonly<Record<RerouteEventName, (ports: string) => string>> = {
  'port-left': (ports) => `left ${ports}`,
  'port-back': (ports) => `takes ${ports} again`,
  'port-recovered': (ports) => `hears by ${ports} again, and moves nothing back yet`,
  'ports-added': () => 'probes as many ports more',
  'mode-full': () => 'probes all its ports',
  'mode-partial': () => 'probes only ports in use',
  'peer-speaks': () => 'agreed with it',
  'peer-plain': () => 'leaves it in peace',
  'peer-silent': () => 'leaves its flows as they are',
  'peer-released': () => 'forgets it',
  alarm: () => 'alarm',
};

const WHY: Readonly<Record<RerouteReason, string>> = {
  'two-in-a-row': 'a probe and the one right after it were not answered',
  'three-of-five': 'three of its last five probes were not answered',
  'with-others': 'others failed at the same moment, and it did not answer either',
  'too-slow': 'answers took too long',
  'slower-for-long': 'its round trip had grown for two minutes',
  'probe-lost': 'a probe was lost',
  'no-more-losses': 'nothing was lost for a while',
  'answered-again': 'probes are answered again',
  'rankings-reset': 'rankings start afresh every half hour',
  'too-few-ports': 'more than half of the ports are bad',
  'peer-silent': 'nothing comes back from it by any port',
  'peer-answers': 'it answers again',
  'no-answer': 'it does not answer: nothing there speaks this protocol',
  negotiated: 'it speaks this protocol',
  'peer-reset': 'it asked to begin anew',
  'peer-finished': 'it stopped rerouting',
  idle: 'nothing was sent to it for a while',
  'table-full': 'there is no room for more peers',
  'switching-excessively': 'paths to it are left too often, so look at the host itself and not at paths',
};

/** `left source ports 10003 and 10007: …`. */
export function decisionText({ event, because, sourcePorts }: RerouteDecision): string {
  return `${WHAT[event](portsText(sourcePorts))}: ${WHY[because]}`;
}

export function alarmText({ endpoint, switches }: RerouteStatus['alarms'][number]): string {
  return `paths to ${endpoint} were left ${switches} times: something near it drops packets, which another path cannot help`;
}

function portsText(ports: readonly number[]): string {
  if (ports.length === 1) return `source port ${ports[0]}`;
  return `source ports ${ports.slice(0, -1).join(', ')} and ${ports.at(-1)}`;
}
