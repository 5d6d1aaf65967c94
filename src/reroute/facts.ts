// What the core knows, as it is told to people and programs.

import type { PeerFacts, PortFacts, RerouteEvent, ReroutingCore } from '../paths/reroute/core.ts';
import { ROLE_NAMES } from '../paths/reroute/roles.ts';
import {
  formatHostAddress,
  formatMac,
  type HostAddress,
  type Ipv6Address,
  sameIpv6,
} from '../wire/address.ts';
import { unmapped } from './addresses.ts';
import type { RerouteDecision, ReroutePath, ReroutePeer, RerouteStatus } from './status.ts';

/** What happens to ports of a peer within so long, for one reason, is told as one. */
const TOGETHER_MICROS = 100_000;

export function addressText(address: Ipv6Address): string {
  return formatHostAddress(unmapped(address));
}

export function peersOf(core: ReroutingCore, now: number): ReroutePeer[] {
  return core.peers(now).map((facts) => peerOf(facts, now));
}

function peerOf(facts: PeerFacts, now: number): ReroutePeer {
  const { address, state, role, scenario, mode, ports, usable, inUse, hops, switches } = facts;
  return {
    address: addressText(address),
    state,
    role: ROLE_NAMES[role],
    scenario,
    mode,
    ports,
    usable,
    inUse,
    ...(hops >= 0 && { hops }),
    switches,
    usedSecondsAgo: secondsSince(facts.lastUsedMicros, now),
  };
}

/** Of one peer, or of all that speak the protocol. */
export function pathsOf(
  core: ReroutingCore,
  dev: string,
  now: number,
  peer: HostAddress | undefined,
): ReroutePath[] {
  const peers = peer === undefined ? core.peers(now).map(({ address }) => unmapped(address)) : [peer];
  return peers.flatMap((each) => {
    const text = formatHostAddress(each);
    return core.ports(now, each).map((facts) => pathOf(facts, dev, text, now));
  });
}

function pathOf(facts: PortFacts, dev: string, peer: string, now: number): ReroutePath {
  const { port, state, inUse, rttMicros, failureFreeSinceMicros: since, probes, lost, backend } = facts;
  return {
    dev,
    peer,
    sourcePort: port,
    state,
    inUse,
    rttMicros,
    ...(since >= 0 && { failureFreeSeconds: secondsSince(since, now) }),
    probes: { sent: probes, lost },
    ...(backend !== 0 && { backend: formatMac(backend) }),
  };
}

export function alarmsOf(core: ReroutingCore, now: number): RerouteStatus['alarms'] {
  return core.alarms().map(({ endpoint, sinceMicros, switches }) => ({
    endpoint: addressText(endpoint),
    forSeconds: secondsSince(sinceMicros, now),
    switches,
  }));
}

/** Events with those of ports put together that are one. */
export function decisionsOf(events: readonly RerouteEvent[], dev: string, now: number): RerouteDecision[] {
  const groups: { readonly first: RerouteEvent; readonly ports: number[] }[] = [];
  for (const event of events) {
    const group = groups.findLast(({ first }) => isOne(first, event));
    if (group === undefined) groups.push({ first: event, ports: event.port === 0 ? [] : [event.port] });
    else group.ports.push(event.port);
  }
  return groups.map(({ first, ports }) => ({
    dev,
    peer: addressText(first.peer),
    secondsAgo: secondsSince(first.atMicros, now),
    event: first.event,
    because: first.reason,
    sourcePorts: ports.sort((a, b) => a - b),
  }));
}

function isOne(a: RerouteEvent, b: RerouteEvent): boolean {
  return (
    a.port !== 0 &&
    b.port !== 0 &&
    a.event === b.event &&
    a.reason === b.reason &&
    b.atMicros - a.atMicros < TOGETHER_MICROS &&
    sameIpv6(a.peer, b.peer)
  );
}

function secondsSince(micros: number, now: number): number {
  return Math.max(0, now - micros) / 1e6;
}
