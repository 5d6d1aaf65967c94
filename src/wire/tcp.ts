// TCP's header (RFC 9293 §3.1), as far as classification and segmentation need it: options are bytes. The checksum
// is a plain field here: it covers a pseudo header and a payload that this header does not own (checksum.ts).

import type { Bytes } from '../base/bytes.ts';
import type { WireReject } from './reject.ts';

export const TCP_MIN_HEADER_BYTES = 20;

export const TCP_FIN = 0x01;
export const TCP_SYN = 0x02;
export const TCP_RST = 0x04;
export const TCP_PSH = 0x08;
export const TCP_ACK = 0x10;
export const TCP_URG = 0x20;
export const TCP_ECE = 0x40;
export const TCP_CWR = 0x80;

export const TCP_SEQUENCE = 4;
export const TCP_FLAGS = 13;
export const TCP_CHECKSUM = 16;

const SOURCE_PORT = 0;
const DESTINATION_PORT = 2;
const ACKNOWLEDGMENT = 8;
const DATA_OFFSET = 12;
const WINDOW = 14;
const URGENT = 18;
const OPTIONS = 20;

function checkTcp(view: DataView, at: number, length: number): WireReject | undefined {
  if (length < TCP_MIN_HEADER_BYTES) return 'too-short';
  const headerLength = (view.getUint8(at + DATA_OFFSET) >> 4) * 4;
  if (headerLength < TCP_MIN_HEADER_BYTES) return 'bad-length';
  return headerLength > length ? 'too-short' : undefined;
}

export class TcpView {
  private view!: DataView;
  private at = 0;

  aim(bytes: Bytes, at: number, length: number): boolean {
    if (checkTcp(bytes.view, at, length) !== undefined) return false;
    this.view = bytes.view;
    this.at = at;
    return true;
  }

  get sourcePort(): number {
    return this.view.getUint16(this.at + SOURCE_PORT);
  }
  get destinationPort(): number {
    return this.view.getUint16(this.at + DESTINATION_PORT);
  }
  get sequence(): number {
    return this.view.getUint32(this.at + TCP_SEQUENCE);
  }
  get acknowledgment(): number {
    return this.view.getUint32(this.at + ACKNOWLEDGMENT);
  }
  get headerLength(): number {
    return (this.view.getUint8(this.at + DATA_OFFSET) >> 4) * 4;
  }
  /** TCP_… bits. */
  get flags(): number {
    return this.view.getUint8(this.at + TCP_FLAGS);
  }
  get window(): number {
    return this.view.getUint16(this.at + WINDOW);
  }
  get checksum(): number {
    return this.view.getUint16(this.at + TCP_CHECKSUM);
  }
  get urgentPointer(): number {
    return this.view.getUint16(this.at + URGENT);
  }
  get optionsAt(): number {
    return this.at + OPTIONS;
  }
  get payloadAt(): number {
    return this.at + this.headerLength;
  }
}

export interface TcpRepr {
  readonly sourcePort: number;
  readonly destinationPort: number;
  readonly sequence: number;
  readonly acknowledgment: number;
  readonly flags: number;
  readonly window: number;
  readonly checksum: number;
  readonly urgentPointer: number;
  /** Zero to forty octets, a multiple of four. */
  readonly options: Uint8Array;
}

export function parseTcp(bytes: Bytes, at: number, length: number): TcpRepr | WireReject {
  const reject = checkTcp(bytes.view, at, length);
  if (reject !== undefined) return reject;
  const tcp = new TcpView();
  tcp.aim(bytes, at, length);
  return {
    sourcePort: tcp.sourcePort,
    destinationPort: tcp.destinationPort,
    sequence: tcp.sequence,
    acknowledgment: tcp.acknowledgment,
    flags: tcp.flags,
    window: tcp.window,
    checksum: tcp.checksum,
    urgentPointer: tcp.urgentPointer,
    options: bytes.u8.slice(tcp.optionsAt, tcp.payloadAt),
  };
}

/** Returns the length of the header with its options. */
export function emitTcp(repr: TcpRepr, bytes: Bytes, at: number): number {
  const view = bytes.view;
  const headerLength = OPTIONS + repr.options.length;
  view.setUint16(at + SOURCE_PORT, repr.sourcePort);
  view.setUint16(at + DESTINATION_PORT, repr.destinationPort);
  view.setUint32(at + TCP_SEQUENCE, repr.sequence);
  view.setUint32(at + ACKNOWLEDGMENT, repr.acknowledgment);
  view.setUint8(at + DATA_OFFSET, (headerLength / 4) << 4);
  view.setUint8(at + TCP_FLAGS, repr.flags);
  view.setUint16(at + WINDOW, repr.window);
  view.setUint16(at + TCP_CHECKSUM, repr.checksum);
  view.setUint16(at + URGENT, repr.urgentPointer);
  bytes.u8.set(repr.options, at + OPTIONS);
  return headerLength;
}
