// A flow's key as people read it: udp 10.0.0.1:5000 > 10.0.0.2:7000, the native flow ID behind it where there is one.

import { formatIpv4, formatIpv6, formatMac } from './address.ts';
import { FLOW_KEY_WORDS } from './flow-key.ts';
import { NETWORK_IPV4, NETWORK_OTHER } from './frame.ts';
import { PROTOCOL_ICMP, PROTOCOL_ICMPV6, PROTOCOL_TCP, PROTOCOL_UDP } from './protocols.ts';

const NAMES = new Map([
  [PROTOCOL_TCP, 'tcp'],
  [PROTOCOL_UDP, 'udp'],
  [PROTOCOL_ICMP, 'icmp'],
  [PROTOCOL_ICMPV6, 'icmpv6'],
]);

/** Of the ten words of flow-key.ts and the native flow ID behind them. */
export function formatFlow(key: Uint32Array, keyAt = 0): string {
  const tail = key[keyAt + 9]!;
  const ports = key[keyAt + 8]!;
  const family = tail >>> 24;
  const protocol = (tail >>> 16) & 0xff;
  const vlanId = tail & 0xfff;
  const nativeFlow = key[keyAt + FLOW_KEY_WORDS]!;
  const what =
    family === NETWORK_OTHER
      ? `ethertype 0x${ports.toString(16).padStart(4, '0')}`
      : (NAMES.get(protocol) ?? `protocol ${protocol}`);
  const hasPorts = family !== NETWORK_OTHER && ports !== 0;
  const source = addressOf(family, key, keyAt, hasPorts ? ports >>> 16 : -1);
  const destination = addressOf(family, key, keyAt + 4, hasPorts ? ports & 0xffff : -1);
  const vlan = vlanId === 0 ? '' : ` vlan ${vlanId}`;
  const native = nativeFlow === 0 ? '' : ` flow ${nativeFlow}`;
  return `${what} ${source} > ${destination}${vlan}${native}`;
}

/** -1 for `port`: none. */
function addressOf(family: number, key: Uint32Array, at: number, port: number): string {
  if (family === NETWORK_OTHER) return formatMac(key[at]! * 0x1_0000_0000 + key[at + 1]!);
  const isIpv4 = family === NETWORK_IPV4;
  const address = isIpv4
    ? formatIpv4(key[at]!)
    : formatIpv6([key[at]!, key[at + 1]!, key[at + 2]!, key[at + 3]!]);
  if (port < 0) return address;
  return isIpv4 ? `${address}:${port}` : `[${address}]:${port}`;
}
