// A flow's key (wire/flow-key.ts, and behind it the native flow id) in words.

import { formatIpv4, formatIpv6, formatMac } from '../../wire/address.ts';
import { FLOW_KEY_WORDS } from '../../wire/flow-key.ts';
import { PROTOCOL_TCP, PROTOCOL_UDP } from '../../wire/protocols.ts';
import type { ReceivedFlow } from './api.ts';

const SOURCE = 0;
const DESTINATION = 4;
const PORTS = 8;
const KIND = 9;

export function describeFlow(key: Uint32Array): ReceivedFlow {
  const family = key[KIND]! >>> 24;
  const protocol = (key[KIND]! >>> 16) & 0xff;
  const ports = key[PORTS]!;
  const hasPorts = family !== 0 && ports !== 0;
  const end = (at: number, port: number) => {
    const address = addressAt(key, at, family);
    if (!hasPorts) return address;
    return family === 6 ? `[${address}]:${port}` : `${address}:${port}`;
  };
  return {
    protocol: protocol === PROTOCOL_UDP ? 'udp' : protocol === PROTOCOL_TCP ? 'tcp' : 'other',
    from: end(SOURCE, ports >>> 16),
    to: end(DESTINATION, ports & 0xffff),
    nativeId: key[FLOW_KEY_WORDS]!,
  };
}

function addressAt(key: Uint32Array, at: number, family: number): string {
  if (family === 4) return formatIpv4(key[at]!);
  if (family === 6) return formatIpv6([key[at]!, key[at + 1]!, key[at + 2]!, key[at + 3]!]);
  return formatMac(key[at]! * 0x1_0000_0000 + key[at + 1]!);
}
