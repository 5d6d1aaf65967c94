// How large a tenant's packets may be. The overlay's headers come out of the underlay's MTU, and what is left must carry
// the smallest packet that every IPv4 host (RFC 791) or IPv6 link (RFC 8200 §5) has to.
import { SelvageError } from '../../base/errors.ts';
import { DATA_HEADER_BYTES } from '../../wire/bifrost-data.ts';
import { ETHERNET_HEADER_BYTES } from '../../wire/ethernet.ts';
import { IPV4_MIN_HEADER_BYTES } from '../../wire/ipv4.ts';
import { IPV6_HEADER_BYTES } from '../../wire/ipv6.ts';
import { UDP_HEADER_BYTES } from '../../wire/udp.ts';
import { VIRTIO_NET_HEADER_BYTES } from '../../wire/virtio-net-header.ts';
import { VXLAN_HEADER_BYTES } from '../../wire/vxlan.ts';
import type { VnicConfig } from './types.ts';

export const smallestMtu = 576;
const smallestMtuWithIpv6 = 1280;
/** What a TAP takes: 64 KB less the Ethernet header. */
export const largestMtu = 65521;

/** Bytes of the underlay's MTU that a tenant's packet does not get (BIFROST §3.2 for the reliable stack). */
export function overheadBytes(reliable: boolean, family: 4 | 6): number {
  const ip = family === 4 ? IPV4_MIN_HEADER_BYTES : IPV6_HEADER_BYTES;
  const plain = ip + UDP_HEADER_BYTES + VXLAN_HEADER_BYTES + ETHERNET_HEADER_BYTES;
  return reliable ? plain + DATA_HEADER_BYTES + VIRTIO_NET_HEADER_BYTES : plain;
}

/** What a vNIC's packets are carried in; an MTU that is not known yet is not judged. */
export interface Underlay {
  readonly mtu: number | undefined;
  readonly family: 4 | 6;
}

/** The MTU of a vNIC on its underlay; throws 'bad-config' when the two do not go together. */
export function vnicMtu(
  reliable: boolean,
  vnic: VnicConfig,
  underlay: Underlay & { readonly mtu: number },
): number {
  const wrong = mtuComplaint(reliable, vnic.mtu, hasIpv6(vnic.addresses), underlay);
  if (wrong !== undefined) throw new SelvageError('bad-config', `${vnic.name}: ${wrong}`);
  return vnic.mtu ?? Math.min(underlay.mtu - overheadBytes(reliable, underlay.family), largestMtu);
}

/** What is wrong with a vNIC's MTU, as "what is wrong; what would work". */
export function mtuComplaint(
  reliable: boolean,
  mtu: number | undefined,
  withIpv6: boolean,
  { mtu: underlayMtu, family }: Underlay,
): string | undefined {
  const least = withIpv6 ? smallestMtuWithIpv6 : smallestMtu;
  const room = underlayMtu === undefined ? undefined : underlayMtu - overheadBytes(reliable, family);
  const needs = withIpv6 ? 'a vNIC with an IPv6 address needs' : 'a vNIC needs';
  if (room !== undefined && room < least) {
    const enough = least + overheadBytes(reliable, family);
    return `an underlay MTU of ${underlayMtu} leaves ${room} bytes, and ${needs} ${least}; raise the underlay's MTU to ${enough}`;
  }
  if (mtu !== undefined && mtu < least)
    return `${mtu} is too small, ${needs} ${least}; write ${least} or more`;
  if (mtu !== undefined && room !== undefined && mtu > room) {
    return `${mtu} does not fit, an underlay MTU of ${underlayMtu} leaves ${room}; write ${room} or less`;
  }
  return undefined;
}

export function hasIpv6(addresses: VnicConfig['addresses']): boolean {
  return addresses.some(({ family }) => family === 6);
}
