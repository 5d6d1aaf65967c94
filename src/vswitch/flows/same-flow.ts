// Whether a frame is of the flow of the one before it, seen from their headers alone and without reading them anew: most
// frames come in trains, and what was found out about the first, who may send it, where it goes and which queue it is in,
// holds for all that differ in nothing but lengths and checksums.

import { ETHERTYPE_IPV4, ETHERTYPE_IPV6 } from '../../wire/ethernet.ts';
import { PROTOCOL_TCP, PROTOCOL_UDP } from '../../wire/protocols.ts';

/** From the virtio_net_hdr on; neither VLAN tag nor IP options come in between, or the fields would not compare. */
const ETHERNET = 10;
const ETHERTYPE = 22;
const IP = 24;
const PORTS_BYTES = 4;
const IPV4_PORTS = 44;
const IPV6_PORTS = 64;
const IPV4_WITHOUT_OPTIONS = 0x45;
const FRAGMENT = 0x3fff;

/** The frame at `b`, of `length` bytes with its virtio_net_hdr, like a well-formed one at `a`. False where it cannot be told. */
export function isSameFlow(view: DataView, a: number, b: number, length: number): boolean {
  if (length < IPV4_PORTS + PORTS_BYTES || !isSameLink(view, a, b)) return false;
  switch (view.getUint16(b + ETHERTYPE)) {
    case ETHERTYPE_IPV4:
      return isSameIpv4(view, a, b, length);
    case ETHERTYPE_IPV6:
      return length >= IPV6_PORTS + PORTS_BYTES && isSameIpv6(view, a, b, length);
    default:
      return false;
  }
}

/** The same MACs and EtherType, nothing to be done to either, and the same native flow. */
function isSameLink(view: DataView, a: number, b: number): boolean {
  const kind = view.getInt32(b, true);
  return (
    (kind & ~0xfe) === 0 &&
    kind === view.getInt32(a, true) &&
    view.getInt32(b + 4) === view.getInt32(a + 4) &&
    view.getInt32(b + 8) === view.getInt32(a + 8) &&
    view.getInt32(b + ETHERNET + 2) === view.getInt32(a + ETHERNET + 2) &&
    view.getInt32(b + ETHERNET + 6) === view.getInt32(a + ETHERNET + 6) &&
    view.getInt32(b + ETHERNET + 10) === view.getInt32(a + ETHERNET + 10)
  );
}

function isSameIpv4(view: DataView, a: number, b: number, length: number): boolean {
  const kind = view.getUint16(b + IP);
  const total = view.getUint16(b + IP + 2);
  const hops = view.getUint16(b + IP + 8);
  return (
    kind >>> 8 === IPV4_WITHOUT_OPTIONS &&
    kind === view.getUint16(a + IP) &&
    total >= IPV4_PORTS + PORTS_BYTES - IP &&
    total <= length - IP &&
    ((view.getUint16(a + IP + 6) | view.getUint16(b + IP + 6)) & FRAGMENT) === 0 &&
    hops === view.getUint16(a + IP + 8) &&
    hasPorts(hops & 0xff) &&
    view.getInt32(b + IP + 12) === view.getInt32(a + IP + 12) &&
    view.getInt32(b + IP + 16) === view.getInt32(a + IP + 16) &&
    view.getInt32(b + IPV4_PORTS) === view.getInt32(a + IPV4_PORTS)
  );
}

function isSameIpv6(view: DataView, a: number, b: number, length: number): boolean {
  const payload = view.getUint16(b + IP + 4);
  const next = view.getUint16(b + IP + 6);
  if (payload < PORTS_BYTES || payload > length - IPV6_PORTS || !hasPorts(next >>> 8)) return false;
  if (next !== view.getUint16(a + IP + 6) || view.getInt32(b + IP) !== view.getInt32(a + IP)) return false;
  for (let at = IP + 8; at <= IPV6_PORTS; at += 4)
    if (view.getInt32(b + at) !== view.getInt32(a + at)) return false;
  return true;
}

function hasPorts(protocol: number): boolean {
  return protocol === PROTOCOL_UDP || protocol === PROTOCOL_TCP;
}
