// Which frames a vNIC accepts: an access control list of the receiving host (BIFROST §7.1). Rules look at single
// frames and remember nothing; with none that matches, an IP packet is dropped, and so is whatever hides one (a second
// VLAN tag). ARP and neighbour discovery always pass: without them no address is found, and the host they leave
// checks them.
//
// A fragment has no port (wire/flow-key.ts), so no rule with a port lets it in.

import { allocateBytes, type Bytes } from '../base/bytes.ts';
import { MAX_FRAME_BYTES } from '../packet/device.ts';
import type { Cidr } from '../wire/address.ts';
import { ETHERTYPE_ARP } from '../wire/ethernet.ts';
import { FLOW_KEY_WORDS, writeFlowKey } from '../wire/flow-key.ts';
import { FrameView, NETWORK_IPV4, NETWORK_IPV6, NETWORK_OTHER } from '../wire/frame.ts';
import { ICMPV6_NEIGHBOR_ADVERTISEMENT, ICMPV6_ROUTER_SOLICITATION, icmpv6Type } from '../wire/icmpv6.ts';
import { PROTOCOL_ICMPV6, PROTOCOL_TCP, PROTOCOL_UDP } from '../wire/protocols.ts';

/** A frame matches a rule when it matches all that the rule says. */
export interface AcceptRule {
  /** IP protocols; absent: any. */
  readonly protocols?: readonly number[];
  /** Destination ports, both ends included; absent: any, and none. */
  readonly ports?: { readonly first: number; readonly last: number };
  /** Source addresses; absent: any. */
  readonly from?: Cidr;
}

interface CompiledRule {
  readonly protocols: readonly number[] | undefined;
  readonly firstPort: number;
  readonly lastPort: number;
  /** Family, or NETWORK_OTHER for both; and for each word of the source address what counts and what it is. */
  readonly family: number;
  readonly mask: readonly number[];
  readonly net: readonly number[];
}

/** Bytes of a transport header that are looked at. */
const PORTS_BYTES = 4;

export class ReceiveRules {
  private readonly rules: readonly CompiledRule[];
  private readonly frame = new FrameView();
  private readonly key = new Uint32Array(FLOW_KEY_WORDS);
  private readonly edge = allocateBytes(MAX_FRAME_BYTES);

  constructor(rules: readonly AcceptRule[]) {
    this.rules = rules.map(compiled);
  }

  /** Whether the Ethernet frame at `at` may come in; its first `here` of `length` bytes are here, the rest elsewhere. */
  accepts(bytes: Bytes, at: number, here: number, length: number): boolean {
    if (at + length <= bytes.u8.length) return this.judge(bytes, at, here, length);
    // Headers say how long the whole is, and a reader of them may look as far: not beyond the memory.
    this.edge.u8.set(bytes.u8.subarray(at, at + here));
    return this.judge(this.edge, 0, here, length);
  }

  private judge(bytes: Bytes, at: number, here: number, length: number): boolean {
    const { frame } = this;
    if (!frame.aim(bytes, at, length)) return false;
    // What lies behind the piece is another packet's: it decides nothing.
    const headersEnd = frame.transportAt + Math.min(PORTS_BYTES, frame.transportLength);
    if (headersEnd > at + here) return false;
    if (frame.network === NETWORK_OTHER) return frame.ethernet.etherType === ETHERTYPE_ARP;
    if (isNeighborDiscovery(frame, bytes)) return true;
    writeFlowKey(frame, bytes, this.key, 0);
    const port = hasPorts(frame) ? this.key[8]! & 0xffff : -1;
    for (const rule of this.rules) if (this.matches(rule, port)) return true;
    return false;
  }

  private matches(rule: CompiledRule, port: number): boolean {
    const { frame, key } = this;
    const { protocols, family, firstPort, lastPort } = rule;
    if (protocols !== undefined && !protocols.includes(frame.protocol)) return false;
    if (firstPort >= 0 && (port < firstPort || port > lastPort)) return false;
    if (family === NETWORK_OTHER) return true;
    if (family !== frame.network) return false;
    for (let i = 0; i < 4; i++) if (((key[i]! ^ rule.net[i]!) & rule.mask[i]!) !== 0) return false;
    return true;
  }
}

function hasPorts({ protocol, isFragment, transportLength }: FrameView): boolean {
  if (protocol !== PROTOCOL_TCP && protocol !== PROTOCOL_UDP) return false;
  return !isFragment && transportLength >= PORTS_BYTES;
}

/** Solicitations and advertisements (RFC 4861); in fragments they are none (RFC 6980). */
function isNeighborDiscovery(frame: FrameView, bytes: Bytes): boolean {
  if (frame.protocol !== PROTOCOL_ICMPV6 || frame.isFragment) return false;
  const type = icmpv6Type(bytes.view, frame.transportAt, frame.transportLength);
  return type >= ICMPV6_ROUTER_SOLICITATION && type <= ICMPV6_NEIGHBOR_ADVERTISEMENT;
}

function compiled({ protocols, ports, from }: AcceptRule): CompiledRule {
  const bits = from?.prefixLength ?? 0;
  const words = from === undefined ? [] : from.family === 4 ? [from.address] : from.address;
  return {
    protocols,
    firstPort: ports?.first ?? -1,
    lastPort: ports?.last ?? -1,
    family: from === undefined ? NETWORK_OTHER : from.family === 4 ? NETWORK_IPV4 : NETWORK_IPV6,
    mask: [0, 1, 2, 3].map((word) => maskOf(bits - 32 * word)),
    net: [0, 1, 2, 3].map((word) => words[word] ?? 0),
  };
}

/** A word whose first `bits` bits are set; any count from below 0 to above 32. */
function maskOf(bits: number): number {
  if (bits <= 0) return 0;
  return bits >= 32 ? 0xffff_ffff : ~(0xffff_ffff >>> bits);
}
