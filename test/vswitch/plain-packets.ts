// Plain VXLAN by hand, as another VTEP would speak it: what it sends, and what it understands of what it gets.

import { allocateBytes, bytesOf } from '../../src/base/bytes.ts';
import { emitVxlan, parseVxlan, VXLAN_HEADER_BYTES } from '../../src/wire/vxlan.ts';
import type { SentPacket } from './world.ts';

export function encapsulate(vni: number, payload: Uint8Array, carries: 'ethernet' | 'bifrost' = 'ethernet') {
  const bytes = allocateBytes(VXLAN_HEADER_BYTES + payload.length);
  emitVxlan({ carries, vni }, bytes, 0);
  bytes.u8.set(payload, VXLAN_HEADER_BYTES);
  return bytes.u8;
}

/** The tenant's frames among packets that were sent, in their order; other packets are not plain. */
export function plainFrames(packets: readonly SentPacket[], vni: number): Uint8Array[] {
  return packets.flatMap(({ bytes }) => {
    const vxlan = parseVxlan(bytesOf(bytes), 0, bytes.length);
    if (typeof vxlan === 'string') throw new Error(`a packet that is not VXLAN: ${vxlan}`);
    if (vxlan.carries !== 'ethernet') return [];
    if (vxlan.vni !== vni) throw new Error(`a packet of VNI ${vxlan.vni}`);
    return [bytes.slice(VXLAN_HEADER_BYTES)];
  });
}
