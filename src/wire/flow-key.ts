// Which flow a tenant's frame belongs to: the inner 5-tuple and VLAN, as ten 32-bit words in the caller's memory,
// and a 32-bit hash of them. Flows share a connection per vNIC pair (BIFROST §4.4) but not a queue.
//
//   word 0-3  source address        (IPv4 in word 0; without IP the source MAC in words 0 and 1)
//   word 4-7  destination address   (IPv4 in word 4; without IP the destination MAC in words 4 and 5)
//   word 8    source port << 16 | destination port   (without IP the EtherType)
//   word 9    family << 24 | protocol << 16 | VLAN id   (family 4, 6, or 0 without IP)
//
// Ports are zero for protocols without ports and for every fragment, the first one too: only so do all fragments of
// a packet stay in one flow and in order.

import type { Bytes } from '../base/bytes.ts';
import { ETHERNET_DESTINATION, ETHERNET_SOURCE } from './ethernet.ts';
import { FrameView, NETWORK_IPV4, NETWORK_IPV6, NETWORK_OTHER } from './frame.ts';
import { PROTOCOL_TCP, PROTOCOL_UDP } from './protocols.ts';

export const FLOW_KEY_WORDS = 10;

const VLAN_ID_MASK = 0xfff;

/** Writes the key of the frame that `frame` is aimed at. */
export function writeFlowKey(frame: FrameView, bytes: Bytes, key: Uint32Array, keyAt: number): void {
  const view = bytes.view;
  const vlanId = frame.ethernet.isTagged ? frame.ethernet.vlanTci & VLAN_ID_MASK : 0;
  for (let i = 0; i < 8; i++) key[keyAt + i] = 0;
  switch (frame.network) {
    case NETWORK_IPV4:
      key[keyAt] = frame.ipv4.source;
      key[keyAt + 4] = frame.ipv4.destination;
      break;
    case NETWORK_IPV6:
      for (let i = 0; i < 8; i++) key[keyAt + i] = view.getUint32(frame.ipv6.addressesAt + 4 * i);
      break;
    default:
      writeMacs(view, frame.ethernet.at, key, keyAt);
  }
  key[keyAt + 8] = frame.network === NETWORK_OTHER ? frame.ethernet.etherType : ports(frame, view);
  key[keyAt + 9] = (frame.network << 24) | (frame.protocol << 16) | vlanId;
}

function ports(frame: FrameView, view: DataView): number {
  const hasPorts = frame.protocol === PROTOCOL_TCP || frame.protocol === PROTOCOL_UDP;
  if (!hasPorts || frame.isFragment || frame.transportLength < 4) return 0;
  return view.getUint32(frame.transportAt);
}

function writeMacs(view: DataView, at: number, key: Uint32Array, keyAt: number): void {
  key[keyAt] = view.getUint16(at + ETHERNET_SOURCE);
  key[keyAt + 1] = view.getUint32(at + ETHERNET_SOURCE + 2);
  key[keyAt + 4] = view.getUint16(at + ETHERNET_DESTINATION);
  key[keyAt + 5] = view.getUint32(at + ETHERNET_DESTINATION + 2);
}

/** MurmurHash3 (x86, 32 bits) over the ten words: cheap, and its finish spreads neighbouring ports. */
export function hashFlowKey(key: Uint32Array, keyAt: number, seed = 0): number {
  let hash = seed;
  for (let i = 0; i < FLOW_KEY_WORDS; i++) {
    const mixed = Math.imul(key[keyAt + i]!, 0xcc9e2d51);
    hash ^= Math.imul((mixed << 15) | (mixed >>> 17), 0x1b873593);
    hash = (Math.imul((hash << 13) | (hash >>> 19), 5) + 0xe6546b64) | 0;
  }
  hash ^= FLOW_KEY_WORDS * 4;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

export function isSameFlow(a: Uint32Array, aAt: number, b: Uint32Array, bAt: number): boolean {
  for (let i = 0; i < FLOW_KEY_WORDS; i++) if (a[aAt + i] !== b[bAt + i]) return false;
  return true;
}

/** Classifies frames: keeps the view that finds their headers. */
export class FlowClassifier {
  private readonly frame = new FrameView();

  /** Writes the key of the frame at `at`; false, and nothing written, when the frame is malformed. */
  classify(bytes: Bytes, at: number, length: number, key: Uint32Array, keyAt: number): boolean {
    if (!this.frame.aim(bytes, at, length)) return false;
    writeFlowKey(this.frame, bytes, key, keyAt);
    return true;
  }
}
