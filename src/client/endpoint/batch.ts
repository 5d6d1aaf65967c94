// Packets to send or receive: one memory for all, each packet in a place of its own as large as a slot of the endpoint's
// shared memory and laid out like it.

import { SelvageError } from '../../base/errors.ts';
import { memoryOf, type PacketMemory } from '../../runtime/vnic/copy-packet.ts';
import { FRAME_AT } from '../../runtime/vnic/layout.ts';
import type { Batch } from './api.ts';
import { PAYLOAD_AT } from './datagram-header.ts';

export class PacketBatch implements Batch {
  count = 0;
  readonly capacity: number;
  readonly memory: PacketMemory;
  readonly frameAt: Uint32Array;
  readonly frameLength: Uint32Array;
  readonly payloadAt: Uint32Array;
  readonly payloadLength: Uint32Array;
  readonly flows: Uint32Array;
  private readonly packetBytes: number;

  constructor(capacity: number, packetBytes: number) {
    this.capacity = capacity;
    this.packetBytes = packetBytes;
    this.memory = memoryOf(new ArrayBuffer(capacity * packetBytes));
    this.frameAt = Uint32Array.from({ length: capacity }, (_, i) => i * packetBytes + FRAME_AT);
    this.frameLength = new Uint32Array(capacity);
    this.payloadAt = Uint32Array.from({ length: capacity }, (_, i) => i * packetBytes + PAYLOAD_AT);
    this.payloadLength = new Uint32Array(capacity);
    this.flows = new Uint32Array(capacity);
  }

  get bytes(): Uint8Array {
    return this.memory.u8;
  }

  payload(packet: number): Uint8Array {
    const at = this.payloadAt[packet]!;
    return this.bytes.subarray(at, at + this.payloadLength[packet]!);
  }

  frame(packet: number): Uint8Array {
    const at = this.frameAt[packet]!;
    return this.bytes.subarray(at, at + this.frameLength[packet]!);
  }

  setPayload(packet: number, payload: Uint8Array): void {
    this.check(packet, payload.length, PAYLOAD_AT);
    this.payloadAt[packet] = packet * this.packetBytes + PAYLOAD_AT;
    this.payloadLength[packet] = payload.length;
    this.bytes.set(payload, this.payloadAt[packet]);
    this.count = Math.max(this.count, packet + 1);
  }

  setFrame(packet: number, frame: Uint8Array): void {
    this.check(packet, frame.length, FRAME_AT);
    this.frameLength[packet] = frame.length;
    this.bytes.set(frame, this.frameAt[packet]);
    this.count = Math.max(this.count, packet + 1);
  }

  private check(packet: number, length: number, at: number): void {
    if (packet >= 0 && packet < this.capacity && at + length <= this.packetBytes) return;
    throw new SelvageError('bad-input', `A packet of ${length} bytes has no place ${packet} in this batch.`, {
      hint: `It has ${this.capacity} places of ${this.packetBytes - at} bytes.`,
    });
  }
}
