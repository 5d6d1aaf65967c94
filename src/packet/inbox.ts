// What came from the underlay in one turn: runs of datagrams of one size from one source, as the kernel
// coalesced them (UDP_GRO), or single datagrams.

import type { HostAddress, Ipv4Address, Ipv6Address } from '../wire/address.ts';

/**
 * Words of a run: offset, length in all, size of each datagram (the last may be shorter), hops it came, the source
 * address in four words, an IPv4 address written as an IPv6 one (RFC 4291 §2.5.5.2), and whether another data thread
 * handed it over: a packet, or a frame for one of our vNICs, in place of whose source is the port.
 */
export const RUN_WORDS = 9;
export const RUN_HOPS = 3;
export const RUN_SOURCE = 4;
export const RUN_HANDED_OVER = 8;
/** Values of that word. */
export const HANDED_PACKET = 1;
export const HANDED_FRAME = 2;

/** The third word of an IPv4 address. */
const IPV4_MAPPED = 0xffff;

export class Inbox {
  readonly runs: Uint32Array;
  readonly capacity: number;
  /** Microseconds at which each run was received, on the clock of the thread. */
  readonly arrivedMicros: Float64Array;
  count = 0;

  constructor(capacity = 64) {
    this.capacity = capacity;
    this.runs = new Uint32Array(capacity * RUN_WORDS);
    this.arrivedMicros = new Float64Array(capacity);
  }

  /** Adds a run; its source must follow by `fromIpv4` or `fromIpv6`. Hops: 0 when unknown. */
  push(offset: number, length: number, size: number, hops: number, arrivedMicros: number): void {
    const at = this.count * RUN_WORDS;
    this.runs[at] = offset;
    this.runs[at + 1] = length;
    this.runs[at + 2] = size;
    this.runs[at + RUN_HOPS] = hops;
    this.runs[at + RUN_HANDED_OVER] = 0;
    this.arrivedMicros[this.count++] = arrivedMicros;
  }

  fromIpv4(address: Ipv4Address): void {
    const at = (this.count - 1) * RUN_WORDS + RUN_SOURCE;
    this.runs[at] = 0;
    this.runs[at + 1] = 0;
    this.runs[at + 2] = IPV4_MAPPED;
    this.runs[at + 3] = address;
  }

  /** The address at `from` in network order. */
  fromIpv6(view: DataView, from: number): void {
    const at = (this.count - 1) * RUN_WORDS + RUN_SOURCE;
    for (let word = 0; word < 4; word++) this.runs[at + word] = view.getUint32(from + 4 * word);
  }

  /** The newest run came by way of another thread; its source is at `from` of `words`, as in a run. */
  handedOver(words: Uint32Array, from: number): void {
    const at = (this.count - 1) * RUN_WORDS;
    for (let word = 0; word < 4; word++) this.runs[at + RUN_SOURCE + word] = words[from + word]!;
    this.runs[at + RUN_HANDED_OVER] = HANDED_PACKET;
  }

  /** The newest run is a frame, virtio_net_hdr first, for this port, by way of another thread. */
  frameFor(port: number): void {
    const at = (this.count - 1) * RUN_WORDS;
    this.runs[at + RUN_SOURCE] = port;
    this.runs[at + RUN_HANDED_OVER] = HANDED_FRAME;
  }

  /** Adds a run that came with run `like`, of which it is a part or a copy. */
  pushLike(like: number, offset: number, length: number, size: number): void {
    const at = this.count * RUN_WORDS;
    this.runs.copyWithin(at, like * RUN_WORDS, (like + 1) * RUN_WORDS);
    this.runs[at] = offset;
    this.runs[at + 1] = length;
    this.runs[at + 2] = size;
    this.arrivedMicros[this.count++] = this.arrivedMicros[like]!;
  }

  /** The source of a run, for people. */
  sourceOf(run: number): HostAddress {
    const at = run * RUN_WORDS + RUN_SOURCE;
    const [a, b, c, d] = this.runs.subarray(at, at + 4) as unknown as Ipv6Address;
    return a === 0 && b === 0 && c === IPV4_MAPPED ? d : [a, b, c, d];
  }

  clear(): void {
    this.count = 0;
  }
}
