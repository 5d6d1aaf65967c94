// The flows that the kernel's half has, as it describes them in their slots. It may end one and begin another in its
// place at any time: what is read is taken for a flow's only if it was there before and after.

import type { FlowInfo } from '../congestion/algorithm.ts';
import { formatIpv4, formatIpv6 } from '../wire/address.ts';
import { slot as place } from './layout.ts';

const WORDS = place.bytes / 4;

export class Slots {
  readonly count: number;
  readonly words: Int32Array;
  readonly bytes: Uint8Array;
  readonly view: DataView;

  constructor(buffer: ArrayBuffer, count: number) {
    this.count = count;
    this.words = new Int32Array(buffer);
    this.bytes = new Uint8Array(buffer);
    this.view = new DataView(buffer);
  }

  /** Number of the flow in this slot; 0 when there is none. */
  flowIn(slot: number): number {
    return Atomics.load(this.words, slot * WORDS + place.flow) >>> 0;
  }

  /** Undefined when it is gone already. */
  describe(slot: number, flow: number): FlowInfo | undefined {
    if (slot >= this.count || this.flowIn(slot) !== flow) return undefined;
    const { words, view } = this;
    const at = slot * place.bytes;
    const info: FlowInfo = {
      id: flow,
      mssBytes: words[slot * WORDS + place.mssBytes]!,
      initialCwndBytes: words[slot * WORDS + place.cwndBytes]!,
      protocol: 'tcp',
      source: this.address(at + place.sourceAt),
      sourcePort: view.getUint16(at + place.sourcePortAt, true),
      destination: this.address(at + place.destinationAt),
      destinationPort: view.getUint16(at + place.destinationPortAt, true),
    };
    return this.flowIn(slot) === flow ? info : undefined;
  }

  /** IPv4 addresses are mapped into IPv6 (RFC 4291 §2.5.5.2). */
  private address(at: number): string {
    const [a, b, c, d] = [0, 4, 8, 12].map((offset) => this.view.getUint32(at + offset)) as [
      number,
      number,
      number,
      number,
    ];
    return a === 0 && b === 0 && c === 0xffff ? formatIpv4(d) : formatIpv6([a, b, c, d]);
  }
}
