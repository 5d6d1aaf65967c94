// Takes messages in (layout.ts), from anyone: what is no message is nothing, and never an exception.

import type { FlowInfo } from '../algorithm.ts';
import type { Command, RegisterValues, ReportMessage } from '../commands.ts';
import { CWND, FIRST_VALUE, MAX_VALUES, PROGRAM_BYTES, RATE } from '../language/instructions.ts';
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

const TWO_32 = 2 ** 32;
const MOST_MSS = 65_535;
/** A register that no program has: what names none is refused by the datapath like any other that is not there. */
const NO_REGISTER = 255;

/** What datapaths say. */
export type FromDatapath =
  | { readonly kind: 'ready' }
  | {
      readonly kind: 'create';
      readonly flow: FlowInfo;
      /** The algorithm it asks for; '' when it does not care. */
      readonly algorithm: string;
      readonly nowMicros: number;
    }
  | ({ readonly kind: 'report' } & ReportMessage)
  | { readonly kind: 'close'; readonly flow: number };

/** What algorithms say. */
export type FromAlgorithm =
  | { readonly kind: 'command'; readonly flow: number; readonly command: Command }
  | { readonly kind: 'offer'; readonly name: string };

export function readFromDatapath(bytes: Uint8Array, length: number): FromDatapath | undefined {
  const message = open(bytes, length);
  if (message === undefined) return undefined;
  const { view, type, sid, body } = message;
  switch (type) {
    case READY:
      return body === 4 ? { kind: 'ready' } : undefined;
    case CREATE:
      return body < CREATE_BYTES ? undefined : readCreate(bytes, view, sid, body);
    case MEASURE:
      return body < 8 ? undefined : readMeasure(view, sid, body);
    default:
      return undefined;
  }
}

export function readFromAlgorithm(bytes: Uint8Array, length: number): FromAlgorithm | undefined {
  const message = open(bytes, length);
  if (message === undefined) return undefined;
  const { view, type, sid, body } = message;
  if (type === OFFER) {
    const name = body === NAME_BYTES ? textAt(bytes, HEADER_BYTES, NAME_BYTES) : '';
    return name === '' ? undefined : { kind: 'offer', name };
  }
  const command = readCommand(bytes, view, type, body);
  return command && { kind: 'command', flow: sid, command };
}

function open(bytes: Uint8Array, length: number) {
  if (length < HEADER_BYTES || length > bytes.length) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, length);
  if (view.getUint16(2, true) !== length) return undefined;
  const body = length - HEADER_BYTES;
  return { view, type: view.getUint16(0, true), sid: view.getUint32(4, true), body };
}

function readCreate(
  bytes: Uint8Array,
  view: DataView,
  sid: number,
  body: number,
): (FromDatapath & { kind: 'create' }) | undefined {
  const at = HEADER_BYTES;
  const mssBytes = view.getUint32(at + 4, true);
  const initialCwndBytes = view.getUint32(at, true);
  if (mssBytes === 0 || mssBytes > MOST_MSS || initialCwndBytes === 0) return undefined;
  const algorithm = textAt(bytes, at + 24, NAME_BYTES);
  const ports = {
    sourcePort: view.getUint32(at + 12, true),
    destinationPort: view.getUint32(at + 20, true),
  };
  const common = { id: sid, mssBytes, initialCwndBytes, ...ports };
  if (body < CREATE_MORE_BYTES) {
    const places = { source: ipv4At(view, at + 8), destination: ipv4At(view, at + 16) };
    return { kind: 'create', flow: { ...common, protocol: 'tcp', ...places }, algorithm, nowMicros: 0 };
  }
  const more = at + CREATE_BYTES;
  const protocol = protocols[view.getUint32(more + 8, true)];
  if (protocol === undefined) return undefined;
  const [source, destination, peer] = [0, 1, 2].map((i) =>
    textAt(bytes, more + 16 + i * PLACE_BYTES, PLACE_BYTES),
  ) as [string, string, string];
  const overlay = protocol === 'bifrost' ? { overlay: { vni: view.getUint32(more + 12, true), peer } } : {};
  const flow = { ...common, protocol, source, destination, ...overlay };
  return { kind: 'create', flow, algorithm, nowMicros: wideAt(view, more) };
}

function readMeasure(view: DataView, sid: number, body: number): FromDatapath | undefined {
  const generation = view.getUint32(HEADER_BYTES, true);
  const count = view.getUint32(HEADER_BYTES + 4, true);
  if (generation === 0 && count === 0) return { kind: 'close', flow: sid };
  const fieldsEnd = 8 + count * 8;
  if (count > MAX_VALUES || body < fieldsEnd) return undefined;
  const values = new Float64Array(count);
  for (let i = 0; i < count; i++) values[i] = wideAt(view, HEADER_BYTES + 8 + i * 8);
  const more = HEADER_BYTES + fieldsEnd;
  const isOurs = body >= fieldsEnd + 16;
  const serial = isOurs ? wideAt(view, more) : 0;
  const nowMicros = isOurs ? wideAt(view, more + 8) : 0;
  return { kind: 'report', flow: sid, generation, serial, nowMicros, values };
}

function readCommand(bytes: Uint8Array, view: DataView, type: number, body: number): Command | undefined {
  switch (type) {
    case UPDATE_FIELDS: {
      const values = body < 4 ? undefined : readUpdates(view, HEADER_BYTES, 4, body);
      return values && { kind: 'update', values };
    }
    case INSTALL: {
      const before = 8 + PROGRAM_BYTES;
      if (body < before) return undefined;
      const values = readUpdates(view, HEADER_BYTES + 4, before, body);
      if (values === undefined) return undefined;
      const at = HEADER_BYTES + 8;
      const generation = view.getUint32(HEADER_BYTES, true);
      return { kind: 'install', generation, bytes: bytes.slice(at, at + PROGRAM_BYTES), values };
    }
    case ANSWER:
      return body === 4 ? { kind: 'answer', serial: view.getUint32(HEADER_BYTES, true) } : undefined;
    case ABANDON:
      return {
        kind: 'abandon',
        why: printable(new TextDecoder().decode(bytes.slice(HEADER_BYTES, HEADER_BYTES + body))),
      };
    default:
      return undefined;
  }
}

/** So many as stand at `countAt`, which fill the message from `before` to its end. */
function readUpdates(
  view: DataView,
  countAt: number,
  before: number,
  body: number,
): RegisterValues | undefined {
  const count = view.getUint32(countAt, true);
  if (body !== before + count * UPDATE_BYTES) return undefined;
  const values: [number, number][] = [];
  for (let at = HEADER_BYTES + before; at < HEADER_BYTES + body; at += UPDATE_BYTES) {
    const register = registerOf(view.getUint8(at), view.getUint32(at + 1, true));
    values.push([register, view.getUint32(at + 9, true) >= 2 ** 31 ? Number.NaN : wideAt(view, at + 5)]);
  }
  return values;
}

function registerOf(type: number, index: number): number {
  if (type === IMPLICIT_REG) return index === CWND_REG ? CWND : index === RATE_REG ? RATE : NO_REGISTER;
  return type === NONVOLATILE_CONTROL_REG && index < MAX_VALUES ? FIRST_VALUE + index : NO_REGISTER;
}

function wideAt(view: DataView, at: number): number {
  return view.getUint32(at + 4, true) * TWO_32 + view.getUint32(at, true);
}

function textAt(bytes: Uint8Array, at: number, room: number): string {
  const field = bytes.slice(at, at + room);
  const end = field.indexOf(0);
  return printable(new TextDecoder().decode(end < 0 ? field : field.subarray(0, end)));
}

/** What anyone may have written is shown to people in terminals. */
function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}]/gu, '?');
}

function ipv4At(view: DataView, at: number): string {
  return [0, 1, 2, 3].map((i) => view.getUint8(at + i)).join('.');
}
