// What people are told of peers and ports; nothing is decided by this.

import type { PeerFacts, PortFacts } from './core.ts';
import { PEER_STATES, PORT_STATES } from './core.ts';
import { MAX_PORTS } from './fast-select.ts';
import { IN_USE_MICROS } from './prober.ts';
import { type Manner, roleOf } from './roles.ts';
import { isUsable, PORT_UNKNOWN, type SlowTable, UNKNOWN_HOPS } from './slow-table.ts';

export function peerFacts(table: SlowTable, peer: number, manner: Manner, now: number): PeerFacts {
  const { peers, ports, addresses } = table;
  const first = peer * MAX_PORTS;
  const probed = Array.from({ length: peers.ports[peer]! }, (_, i) => first + i);
  const hops = peers.hops[peer]!;
  return {
    address: addresses.addressOf(peer),
    role: roleOf(peers.role[peer]!),
    scenario: manner.scenario,
    state: PEER_STATES[peers.state[peer]!]!,
    mode: !manner.probes ? 'learns' : peers.isFull[peer] === 1 ? 'full' : 'partial',
    ports: probed.length,
    usable: probed.filter((at) => isUsable(ports.state[at]!)).length,
    inUse: probed.filter((at) => isInUse(table, at, now)).length,
    hops: hops === UNKNOWN_HOPS ? -1 : hops,
    window: peers.window[peer]!,
    lastUsedMicros: peers.usedAt[peer]!,
    switches: peers.switches[peer]!,
  };
}

/** Of the ports that full mode probes. */
export function portFacts(table: SlowTable, peer: number, basePort: number, now: number): PortFacts[] {
  const { ports, peers } = table;
  return Array.from({ length: peers.ports[peer]! }, (_, i) => {
    const at = peer * MAX_PORTS + i;
    const state = ports.state[at]!;
    return {
      port: basePort + i,
      state: PORT_STATES[state]!,
      inUse: isInUse(table, at, now),
      rttMicros: ports.srtt[at]!,
      failureFreeSinceMicros: state === PORT_UNKNOWN ? -1 : ports.failureFreeSince[at]!,
      probes: ports.probes[at]!,
      lost: ports.lost[at]!,
      backend: ports.backend[at]!,
    };
  });
}

function isInUse({ ports }: SlowTable, at: number, now: number): boolean {
  return ports.usedAt[at]! > 0 && now - ports.usedAt[at]! < IN_USE_MICROS;
}
