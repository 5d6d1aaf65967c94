// Which data thread of this host a packet from the fabric is for (BIFROST §5.2, flow redirect), as a function, and as a
// classic BPF program with which the kernel picks the socket among those of one port (SO_ATTACH_REUSEPORT_CBPF):
//
//   connected      by the top byte of the destination CID, the Thread ID that the handshake gave the peer
//   request        the thread of the vNIC that it names
//   plain VXLAN    the thread of the vNIC that the frame is for
//   all else       the first thread; a reset, which names a CID of its sender's, concerns every thread
//
// The kernel looks at the first packet only of several that it coalesced, and knows a vNIC by 32 bits made from its VNI
// and MAC: a packet that came to the wrong thread is handed over to the right one.

import { type Mac, readMac } from '../wire/address.ts';
import { PACKET_CONNECTION_REQUEST, PACKET_RESET } from '../wire/bifrost-types.ts';
import { BIFROST_MASK, BIFROST_WORD, PLAIN_MASK, PLAIN_WORD, VXLAN_HEADER_BYTES } from '../wire/vxlan.ts';
import { Assembler } from './classic-bpf.ts';
import type { SwitchConfig } from './config.ts';

export const EVERY_THREAD = -1;

const VNI_AT = 4;
const TYPE_AT = VXLAN_HEADER_BYTES;
/** In all headers; its first byte is the thread. */
const CID_AT = VXLAN_HEADER_BYTES + 8;
const REQUEST_MAC_AT = VXLAN_HEADER_BYTES + 18;
const FRAME_MAC_AT = VXLAN_HEADER_BYTES;
const MAC_BYTES = 6;

const VNI_FACTOR = 0x9e37_79b1;
const MAC_FACTOR = 0x85eb_ca6b;
/** A quarter of the 4096 instructions that a program may have, at under five each. VNICs beyond are found by handing over. */
const MAX_PROGRAM_VNICS = 256;

/** A vNIC of this host. */
export interface SteeredVnic {
  readonly vni: number;
  readonly mac: Mac;
  readonly thread: number;
}

export function steeredVnics({ networks }: SwitchConfig): SteeredVnic[] {
  return networks.flatMap(({ vni, ports }) => ports.map(({ mac, thread = 0 }) => ({ vni, mac, thread })));
}

export class Steering {
  private readonly threads: number;
  /** By VNI, then by MAC: those that are not the first thread's. */
  private readonly elsewhere = new Map<number, Map<Mac, number>>();

  constructor(threads: number, vnics: readonly SteeredVnic[]) {
    this.threads = threads;
    for (const { vni, mac, thread } of vnics) {
      if (thread === 0) continue;
      const macs = this.elsewhere.get(vni) ?? new Map<Mac, number>();
      this.elsewhere.set(vni, macs.set(mac, thread));
    }
  }

  /** Of the `length` bytes at `at`, from the VXLAN header on. */
  threadOf(view: DataView, at: number, length: number): number {
    if (length < VXLAN_HEADER_BYTES) return 0;
    const word = view.getInt32(at);
    if ((word & BIFROST_MASK) !== BIFROST_WORD) {
      return (word & PLAIN_MASK) === PLAIN_WORD ? this.ofVnic(view, at, length, FRAME_MAC_AT) : 0;
    }
    return this.ofConnection(view, at, length);
  }

  /** The same for what is known to be no plain VXLAN. */
  ofConnection(view: DataView, at: number, length: number): number {
    if (length <= TYPE_AT) return 0;
    const type = view.getUint8(at + TYPE_AT);
    if (type === PACKET_CONNECTION_REQUEST) return this.ofVnic(view, at, length, REQUEST_MAC_AT);
    if (type === PACKET_RESET) return EVERY_THREAD;
    const thread = length > CID_AT ? view.getUint8(at + CID_AT) : 0;
    return thread < this.threads ? thread : 0;
  }

  private ofVnic(view: DataView, at: number, length: number, macAt: number): number {
    if (length < macAt + MAC_BYTES) return 0;
    const macs = this.elsewhere.get(view.getUint32(at + VNI_AT) >>> 8);
    if (macs === undefined) return 0;
    return macs.get(readMac(view, at + macAt)) ?? 0;
  }
}

/** The program for the kernel: two words an instruction (struct sock_filter). */
export function steeringProgram(threads: number, vnics: readonly SteeredVnic[]): Uint32Array {
  const code = new Assembler();
  const [connected, bifrost, request, byVnic] = [code.label(), code.label(), code.label(), code.label()];
  const first = code.label();
  code.loadWord(0);
  code.and(BIFROST_MASK);
  code.jumpIfEqual(BIFROST_WORD, bifrost);
  code.loadWord(0);
  code.and(PLAIN_MASK);
  code.jumpUnlessEqual(PLAIN_WORD, first);
  code.setX(FRAME_MAC_AT);
  code.jump(byVnic);
  code.place(bifrost);
  code.loadByte(TYPE_AT);
  code.jumpIfEqual(PACKET_CONNECTION_REQUEST, request);
  code.jumpUnlessEqual(PACKET_RESET, connected);
  code.returns(0);
  code.place(connected);
  code.loadByte(CID_AT);
  code.jumpIfAtLeast(threads, first);
  code.returnA();
  code.place(request);
  code.setX(REQUEST_MAC_AT);
  code.place(byVnic);
  loadKey(code);
  search(code, keysOf(vnics));
  code.place(first);
  code.returns(0);
  return code.finish();
}

/** A = the key of the vNIC whose MAC is at X. */
function loadKey(code: Assembler): void {
  code.loadWord(VNI_AT);
  code.shiftRight(8);
  code.multiply(VNI_FACTOR);
  code.store(0);
  code.loadHalfAtX(0);
  code.multiply(MAC_FACTOR);
  code.store(1);
  code.loadWordAtX(2);
  code.loadX(0);
  code.xorX();
  code.loadX(1);
  code.xorX();
}

interface Key {
  readonly key: number;
  readonly thread: number;
}

function keysOf(vnics: readonly SteeredVnic[]): Key[] {
  const threadOfKey = new Map<number, number>();
  for (const { vni, mac, thread } of vnics) {
    const high = Math.floor(mac / 0x1_0000_0000);
    const key = (Math.imul(vni, VNI_FACTOR) ^ Math.imul(high, MAC_FACTOR) ^ (mac % 0x1_0000_0000)) >>> 0;
    if (threadOfKey.size < MAX_PROGRAM_VNICS && thread !== 0 && !threadOfKey.has(key)) {
      threadOfKey.set(key, thread);
    }
  }
  const keys = [...threadOfKey].map(([key, thread]) => ({ key, thread }));
  return keys.sort((a, b) => a.key - b.key);
}

/** Returns the thread of the key in A, or 0: a binary search without loops. */
function search(code: Assembler, keys: readonly Key[]): void {
  if (keys.length <= 2) {
    for (const { key, thread } of keys) {
      const next = code.label();
      code.jumpUnlessEqual(key, next);
      code.returns(thread);
      code.place(next);
    }
    code.returns(0);
    return;
  }
  const middle = keys.length >>> 1;
  const upper = code.label();
  code.jumpIfAtLeast(keys[middle]!.key, upper);
  search(code, keys.slice(0, middle));
  code.place(upper);
  search(code, keys.slice(middle));
}
