// Explicit congestion notification (RFC 3168 §5): the two bits of an IP header in which senders say that they listen to
// marks, and queues say that they are congested. Nothing else of the packet changes.

import type { Bytes } from '../base/bytes.ts';
import { updateChecksum } from './checksum.ts';
import { type FrameView, NETWORK_IPV4, NETWORK_IPV6 } from './frame.ts';
import { IPV4_CHECKSUM } from './ipv4.ts';

/** The codepoints: not capable, capable (of two kinds), congestion experienced. */
export const ECN_NOT_ECT = 0;
export const ECN_ECT_1 = 1;
export const ECN_ECT_0 = 2;
export const ECN_CE = 3;

// The first 16 bits are version, header length and type of service, or version, traffic class and flow label.
const IPV4_CE = ECN_CE;
const IPV6_CE = ECN_CE << 4;

/** The codepoint of the frame that `frame` is aimed at; what is not IP is not capable. */
export function ecnOf(frame: FrameView): number {
  switch (frame.network) {
    case NETWORK_IPV4:
      return frame.ipv4.tos & ECN_CE;
    case NETWORK_IPV6:
      return frame.ipv6.trafficClass & ECN_CE;
    default:
      return ECN_NOT_ECT;
  }
}

/** Sets "congestion experienced" in the frame that `frame` is aimed at; one that is not IP stays as it is. */
export function setCongestionExperienced({ network, networkAt }: FrameView, { view }: Bytes): void {
  const word = view.getUint16(networkAt);
  if (network === NETWORK_IPV6) view.setUint16(networkAt, word | IPV6_CE);
  if (network !== NETWORK_IPV4) return;
  view.setUint16(networkAt, word | IPV4_CE);
  const checksumAt = networkAt + IPV4_CHECKSUM;
  view.setUint16(checksumAt, updateChecksum(view.getUint16(checksumAt), word, word | IPV4_CE));
}
