// What was decided and why, for `selvage why`: the last thousand or so, of all peers. Nothing is decided by this.

import type { HostAddress, Ipv6Address } from '../../wire/address.ts';
import { asIpv6, sameIpv6 } from '../../wire/address.ts';
import type { RerouteEvent, RerouteEventName, RerouteReason } from './core.ts';

const CAPACITY = 1024;

export class EventLog {
  private readonly ring: RerouteEvent[] = [];
  private next = 0;

  add(atMicros: number, peer: Ipv6Address, event: RerouteEventName, reason: RerouteReason, port = 0): void {
    this.ring[this.next] = { atMicros, peer, event, reason, port };
    this.next = (this.next + 1) % CAPACITY;
  }

  /** The newest last; of one peer, or of all. */
  of(peer?: HostAddress): RerouteEvent[] {
    const inOrder = [...this.ring.slice(this.next), ...this.ring.slice(0, this.next)];
    if (peer === undefined) return inOrder;
    const address = asIpv6(peer);
    return inOrder.filter((event) => sameIpv6(event.peer, address));
  }
}
