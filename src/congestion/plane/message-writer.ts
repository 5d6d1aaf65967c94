// Writes messages (layout.ts) one at a time into bytes of its own: what a method returns is their length, and they are good
// until the next one. Reports allocate nothing.

import type { FlowInfo } from '../algorithm.ts';
import type { Command, RegisterValues } from '../commands.ts';
import { CWND, FIRST_VALUE, PROGRAM_BYTES, RATE } from '../language/instructions.ts';
import {
  ABANDON,
  ANSWER,
  CREATE,
  CREATE_BYTES,
  CREATE_MORE_BYTES,
  CWND_REG,
  HEADER_BYTES,
  IMPLICIT_REG,
  INSTALL,
  MEASURE,
  NAME_BYTES,
  NONVOLATILE_CONTROL_REG,
  OFFER,
  PLACE_BYTES,
  protocols,
  RATE_REG,
  READY,
  UPDATE_BYTES,
  UPDATE_FIELDS,
} from './layout.ts';
import { MAX_MESSAGE_BYTES } from './message-ring.ts';

const TWO_32 = 2 ** 32;
const MOST_UPDATES = 128;
const MOST_TEXT = 1024;

export class MessageWriter {
  readonly bytes = new Uint8Array(MAX_MESSAGE_BYTES);
  private readonly view = new DataView(this.bytes.buffer);

  ready(datapath: number): number {
    this.view.setUint32(HEADER_BYTES, datapath, true);
    return this.header(READY, 0, 4);
  }

  create(sid: number, flow: FlowInfo, algorithm: string, nowMicros: number): number {
    const { view } = this;
    const at = HEADER_BYTES;
    view.setUint32(at, Math.min(flow.initialCwndBytes, TWO_32 - 1), true);
    view.setUint32(at + 4, flow.mssBytes, true);
    view.setUint32(at + 8, ipv4Of(flow.source), true);
    view.setUint32(at + 12, flow.sourcePort, true);
    view.setUint32(at + 16, ipv4Of(flow.overlay?.peer ?? flow.destination), true);
    view.setUint32(at + 20, flow.destinationPort, true);
    this.text(at + 24, NAME_BYTES, algorithm);
    const more = at + CREATE_BYTES;
    this.wide(more, nowMicros);
    view.setUint32(more + 8, protocols.indexOf(flow.protocol), true);
    view.setUint32(more + 12, flow.overlay?.vni ?? 0, true);
    const places = [flow.source, flow.destination, flow.overlay?.peer ?? ''];
    for (const [i, place] of places.entries()) this.text(more + 16 + i * PLACE_BYTES, PLACE_BYTES, place);
    return this.header(CREATE, sid, CREATE_MORE_BYTES);
  }

  report(
    sid: number,
    generation: number,
    serial: number,
    nowMicros: number,
    values: Float64Array,
    count: number,
  ): number {
    this.view.setUint32(HEADER_BYTES, generation, true);
    this.view.setUint32(HEADER_BYTES + 4, count, true);
    let at = HEADER_BYTES + 8;
    for (let i = 0; i < count; i++, at += 8) this.wide(at, values[i]!);
    this.wide(at, serial);
    this.wide(at + 8, nowMicros);
    return this.header(MEASURE, sid, at + 16 - HEADER_BYTES);
  }

  /** As libccp says it: a report of no program. */
  close(sid: number): number {
    this.view.setUint32(HEADER_BYTES, 0, true);
    this.view.setUint32(HEADER_BYTES + 4, 0, true);
    return this.header(MEASURE, sid, 8);
  }

  offer(name: string): number {
    this.text(HEADER_BYTES, NAME_BYTES, name);
    return this.header(OFFER, 0, NAME_BYTES);
  }

  command(sid: number, command: Command): number {
    switch (command.kind) {
      case 'install':
        return this.install(sid, command);
      case 'update':
        this.view.setUint32(HEADER_BYTES, Math.min(command.values.length, MOST_UPDATES), true);
        return this.header(UPDATE_FIELDS, sid, 4 + this.updates(HEADER_BYTES + 4, command.values));
      case 'answer':
        this.view.setUint32(HEADER_BYTES, command.serial, true);
        return this.header(ANSWER, sid, 4);
      case 'abandon': {
        const text = new TextEncoder().encode(command.why).subarray(0, MOST_TEXT);
        this.bytes.set(text, HEADER_BYTES);
        return this.header(ABANDON, sid, text.length);
      }
    }
  }

  private install(sid: number, { generation, bytes, values }: Command & { kind: 'install' }): number {
    this.view.setUint32(HEADER_BYTES, generation, true);
    this.view.setUint32(HEADER_BYTES + 4, Math.min(values.length, MOST_UPDATES), true);
    const at = HEADER_BYTES + 8;
    this.bytes.fill(0, at, at + PROGRAM_BYTES);
    this.bytes.set(bytes.subarray(0, PROGRAM_BYTES), at);
    return this.header(INSTALL, sid, 8 + PROGRAM_BYTES + this.updates(at + PROGRAM_BYTES, values));
  }

  private updates(from: number, values: RegisterValues): number {
    let at = from;
    for (const [register, value] of values.slice(0, MOST_UPDATES)) {
      const isImplicit = register === CWND || register === RATE;
      this.bytes[at] = isImplicit ? IMPLICIT_REG : NONVOLATILE_CONTROL_REG;
      const own = register >= FIRST_VALUE ? register - FIRST_VALUE : TWO_32 - 1;
      this.view.setUint32(at + 1, register === CWND ? CWND_REG : register === RATE ? RATE_REG : own, true);
      // What is no number must not become one on the way.
      if (value >= 0 && value < 2 ** 63) this.wide(at + 5, value);
      else this.bytes.fill(0xff, at + 5, at + UPDATE_BYTES);
      at += UPDATE_BYTES;
    }
    return at - from;
  }

  private header(type: number, sid: number, bytes: number): number {
    this.view.setUint16(0, type, true);
    this.view.setUint16(2, HEADER_BYTES + bytes, true);
    this.view.setUint32(4, sid, true);
    return HEADER_BYTES + bytes;
  }

  private wide(at: number, value: number): void {
    const high = Math.floor(value / TWO_32);
    this.view.setUint32(at, value - high * TWO_32, true);
    this.view.setUint32(at + 4, high, true);
  }

  private text(at: number, room: number, text: string): void {
    this.bytes.fill(0, at, at + room);
    new TextEncoder().encodeInto(text, this.bytes.subarray(at, at + room - 1));
  }
}

/** In network byte order, as a socket has it; 0 for what is no IPv4 address. */
function ipv4Of(text: string): number {
  const parts = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text);
  if (parts === null) return 0;
  return parts.slice(1).reduce((sum, part, i) => sum + (Number(part) & 255) * 256 ** i, 0);
}
