// Answers that wait to be sent: a ring of short packets, so that a socket that is full costs no answer at once. What finds no
// room is not answered, as if it had been lost.

import { allocateBytes, type Bytes } from '../../base/bytes.ts';
import type { HostAddress } from '../../wire/address.ts';
import type { LeavingPacket } from './core.ts';

const SLOTS = 1024;
export const SLOT_BYTES = 128;

export class Outbox {
  readonly bytes: Bytes = allocateBytes(SLOTS * SLOT_BYTES);
  private readonly destinations: HostAddress[] = new Array(SLOTS).fill(0);
  private readonly sourcePorts = new Uint16Array(SLOTS);
  private readonly lengths = new Uint16Array(SLOTS);
  private head = 0;
  private tail = 0;

  /** Where a packet may be written that `push` then takes, or -1: there is no room. */
  get room(): number {
    return this.tail - this.head < SLOTS ? (this.tail % SLOTS) * SLOT_BYTES : -1;
  }

  get isEmpty(): boolean {
    return this.head === this.tail;
  }

  push(destination: HostAddress, sourcePort: number, length: number): void {
    const slot = this.tail++ % SLOTS;
    this.destinations[slot] = destination;
    this.sourcePorts[slot] = sourcePort;
    this.lengths[slot] = length;
  }

  /** Hands packets over until one is not taken; true when none is left. */
  transmit(packet: LeavingPacket, send: (packet: LeavingPacket) => boolean): boolean {
    while (this.head < this.tail) {
      const slot = this.head % SLOTS;
      const at = slot * SLOT_BYTES;
      packet.destination = this.destinations[slot]!;
      packet.sourcePort = this.sourcePorts[slot]!;
      packet.length = this.lengths[slot]!;
      for (let i = 0; i < packet.length; i++) packet.bytes.u8[i] = this.bytes.u8[at + i]!;
      if (!send(packet)) return false;
      this.head++;
    }
    return true;
  }
}
