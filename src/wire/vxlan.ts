// VXLAN (RFC 7348) and its generic protocol extension (draft-ietf-nvo3-vxlan-gpe): eight bytes, the flags first,
// then a 24-bit VNI.
//
// Telling BIFROST from plain VXLAN on the same UDP port (BIFROST §3.2 puts its header above VXLAN and leaves the
// mark open): BIFROST packets have flags 0x0C, that is I and the P bit of VXLAN-GPE, and Next Protocol 0xFE. A
// kernel VXLAN device drops packets with the P bit, so it never takes ours for a tenant's frame; plain VXLAN, flags
// 0x08, stays plain. Of the draft's code points for experiments, 0x7E, 0x7F, 0xFE and 0xFF, the first two are
// telemetry types of ZooRoute. Flags are compared whole: ZooRoute's magic number 0xffeedd also has I and P.

import type { Bytes } from '../base/bytes.ts';
import type { WireReject } from './reject.ts';

export const VXLAN_PORT = 4789;
export const VXLAN_HEADER_BYTES = 8;

export const VXLAN_FLAG_VNI = 0x08;
export const VXLAN_FLAG_NEXT_PROTOCOL = 0x04;
export const NEXT_PROTOCOL_BIFROST = 0xfe;

export const PLAIN_WORD = VXLAN_FLAG_VNI << 24;
export const BIFROST_WORD = ((VXLAN_FLAG_VNI | VXLAN_FLAG_NEXT_PROTOCOL) << 24) | NEXT_PROTOCOL_BIFROST;
/** Flags and Next Protocol; the sixteen reserved bits between are ignored on receipt, as both documents ask. */
export const BIFROST_MASK = 0xff0000ff | 0;
/** Plain VXLAN ignores all reserved bits on receipt (RFC 7348 §5), but a P bit changes what the payload is. */
export const PLAIN_MASK = (VXLAN_FLAG_VNI | VXLAN_FLAG_NEXT_PROTOCOL) << 24;

const FLAGS = 0;
const VNI = 4;

function checkVxlan(view: DataView, at: number, length: number): WireReject | undefined {
  if (length < VXLAN_HEADER_BYTES) return 'too-short';
  const word = view.getInt32(at + FLAGS);
  if ((word & BIFROST_MASK) === BIFROST_WORD || (word & PLAIN_MASK) === PLAIN_WORD) return undefined;
  return (word & PLAIN_WORD) === 0 ? 'bad-field' : 'bad-type';
}

export class VxlanView {
  private view!: DataView;
  private at = 0;

  aim(bytes: Bytes, at: number, length: number): boolean {
    if (checkVxlan(bytes.view, at, length) !== undefined) return false;
    this.view = bytes.view;
    this.at = at;
    return true;
  }

  /** True when a BIFROST header follows, false when it is a tenant's Ethernet frame. */
  get carriesBifrost(): boolean {
    return (this.view.getUint8(this.at + FLAGS) & VXLAN_FLAG_NEXT_PROTOCOL) !== 0;
  }
  get vni(): number {
    return this.view.getUint32(this.at + VNI) >>> 8;
  }
  get payloadAt(): number {
    return this.at + VXLAN_HEADER_BYTES;
  }
}

/** In front of a tenant's Ethernet frame. */
export function writeVxlanHeader(view: DataView, at: number, vni: number): void {
  view.setInt32(at + FLAGS, PLAIN_WORD);
  view.setInt32(at + VNI, vni << 8);
}

/** In front of a BIFROST header. */
export function writeVxlanBifrostHeader(view: DataView, at: number, vni: number): void {
  view.setInt32(at + FLAGS, BIFROST_WORD);
  view.setInt32(at + VNI, vni << 8);
}

export interface VxlanRepr {
  readonly carries: 'ethernet' | 'bifrost';
  readonly vni: number;
}

export function parseVxlan(bytes: Bytes, at: number, length: number): VxlanRepr | WireReject {
  const reject = checkVxlan(bytes.view, at, length);
  if (reject !== undefined) return reject;
  const header = new VxlanView();
  header.aim(bytes, at, length);
  return { carries: header.carriesBifrost ? 'bifrost' : 'ethernet', vni: header.vni };
}

export function emitVxlan(repr: VxlanRepr, bytes: Bytes, at: number): number {
  if (repr.carries === 'bifrost') writeVxlanBifrostHeader(bytes.view, at, repr.vni);
  else writeVxlanHeader(bytes.view, at, repr.vni);
  return VXLAN_HEADER_BYTES;
}
