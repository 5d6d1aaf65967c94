// The host's vNICs: what to do to the interfaces as a plan that can be printed, and doing it. TAPs are persistent:
// one that is there already is taken up again with its state, and stays when the agent goes.

import type { Tool } from '../linux/ip.ts';
import { runBatch } from '../linux/ip.ts';
import { close } from '../linux/libc.ts';
import { makeTransient, type OpenTap, openTap } from '../linux/tap.ts';
import { BUNDLE_BYTES, BUNDLE_PACKETS } from '../packet/outbox.ts';
import { datagramBytes, TRANSPORT_OVERHEAD_BYTES } from '../vswitch/config.ts';
import { formatCidr, formatMac } from '../wire/address.ts';
import { VIRTIO_NET_HEADER_BYTES } from '../wire/virtio-net-header.ts';
import { type HostConfig, type VnicConfig, vnicMtu } from './config.ts';

export interface VnicPlan {
  readonly name: string;
  /** No interface. */
  readonly endpoint: boolean;
  readonly netns: string | undefined;
  readonly mtu: number;
  /** Lines for `ip -batch` in the vNIC's namespace. */
  readonly lines: readonly string[];
}

/** What the interfaces of the configuration must be like, in its order. Throws when an MTU does not fit. */
export function planVnics(config: HostConfig, underlayMtu: number): VnicPlan[] {
  const { family } = config.underlay.address;
  const datagram = datagramBytes(underlayMtu, family);
  return config.vnis.flatMap(({ reliable, vnics }) =>
    vnics.map((vnic) => planVnic(vnic, vnicMtu(reliable, vnic, { mtu: underlayMtu, family }), datagram)),
  );
}

function planVnic(vnic: VnicConfig, mtu: number, datagram: number): VnicPlan {
  const { name, netns, endpoint } = vnic;
  if (endpoint) return { name, endpoint, netns, mtu, lines: [] };
  const lines = [
    `link set dev ${name} address ${formatMac(vnic.mac)} mtu ${mtu} gso_max_size ${superFrameBytes(datagram)} up`,
    ...vnic.addresses.map((address) => {
      const nodad = address.family === 6 ? ' nodad' : '';
      return `address replace ${formatCidr(address)} dev ${name}${nodad}`;
    }),
  ];
  return { name, endpoint, netns, mtu, lines };
}

/** The largest offload frame that is still one offload send: more would cost a second system call for a rest. */
function superFrameBytes(datagram: number): number {
  const payload = datagram - TRANSPORT_OVERHEAD_BYTES;
  const packets = Math.min(BUNDLE_PACKETS, Math.floor(BUNDLE_BYTES / datagram));
  return Math.min(65_536, packets * payload - VIRTIO_NET_HEADER_BYTES);
}

/** Carries the plans out, all or none; the TAPs, in order, nothing for endpoints. */
export async function applyVnics(plans: readonly VnicPlan[], ip: Tool): Promise<(OpenTap | undefined)[]> {
  const opened: OpenTap[] = [];
  const taps: (OpenTap | undefined)[] = [];
  try {
    for (const { name, endpoint, netns, lines } of plans) {
      const tap = endpoint ? undefined : openTap({ name, netns, persistent: true, offloads: true });
      taps.push(tap);
      if (tap === undefined) continue;
      opened.push(tap);
      await runBatch(ip, lines, { netns });
    }
    return taps;
  } catch (error) {
    unmakeVnics(opened);
    for (const { fd } of opened) close(fd);
    throw error;
  }
}

/** Lets the TAPs go with their descriptors that were not there before. */
export function unmakeVnics(taps: readonly (OpenTap | undefined)[]): void {
  for (const tap of taps) if (tap?.created === true) makeTransient(tap.fd);
}
