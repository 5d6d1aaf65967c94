// Packets as a broken or malicious peer might send them: recorded ones, changed a little or a lot, and garbage.

import { below, chance, type Rng } from '../../src/base/rng.ts';

/** VXLAN header and the longest header behind it. */
const HEADER_BYTES = 8 + 64;
const MOST_BYTES = 1500;

/** A packet that comes from one of `recorded`, or from nowhere. */
export function mutated(rng: Rng, recorded: readonly Uint8Array[]): Uint8Array {
  if (recorded.length === 0 || chance(rng, 0.05)) return garbage(rng);
  const packet = recorded[below(rng, recorded.length)]!.slice();
  for (let changes = 1 + below(rng, 3); changes > 0; changes--) change(rng, packet);
  if (chance(rng, 0.1)) return packet.subarray(0, below(rng, packet.length + 1));
  return packet;
}

/** Bytes behind a VXLAN header that carries a transport packet of VNI 100. */
function garbage(rng: Rng): Uint8Array {
  const packet = Uint8Array.from({ length: 8 + below(rng, MOST_BYTES) }, () => rng.u32() & 255);
  packet.set([0x0c, 0, 0, 0xfe, 0, 0, 100, 0]);
  if (packet.length > 10 && chance(rng, 0.9))
    packet.set([1 + below(rng, 6), chance(rng, 0.9) ? 0x10 : rng.u32() & 255], 8);
  return packet;
}

function change(rng: Rng, packet: Uint8Array): void {
  const view = new DataView(packet.buffer, packet.byteOffset, packet.byteLength);
  const header = Math.min(HEADER_BYTES, packet.length);
  // Any word of the header: a PSN a little off, a CID, a timestamp, a base, counts.
  const word = 8 + 4 * below(rng, Math.max(1, (header - 8) >>> 2));
  const at = word + 4 <= packet.length ? word : 0;
  switch (below(rng, 4)) {
    case 0:
      packet[below(rng, header)]! ^= 1 << below(rng, 8);
      return;
    case 1:
      packet[below(rng, packet.length)]! = rng.u32() & 255;
      return;
    case 2:
      view.setUint32(at, (view.getUint32(at) + below(rng, 2000) - 1000) >>> 0);
      return;
    default:
      view.setUint32(at, rng.u32());
  }
}
