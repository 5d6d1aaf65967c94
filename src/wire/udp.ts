// UDP (RFC 768). The checksum is a plain field here: it covers a pseudo header and a payload that this header does
// not own (checksum.ts).

import type { Bytes } from '../base/bytes.ts';
import type { WireReject } from './reject.ts';

export const UDP_HEADER_BYTES = 8;

export const UDP_LENGTH = 4;
export const UDP_CHECKSUM = 6;

const SOURCE_PORT = 0;
const DESTINATION_PORT = 2;

function checkUdp(view: DataView, at: number, length: number): WireReject | undefined {
  if (length < UDP_HEADER_BYTES) return 'too-short';
  const udpLength = view.getUint16(at + UDP_LENGTH);
  if (udpLength < UDP_HEADER_BYTES) return 'bad-length';
  return udpLength > length ? 'too-short' : undefined;
}

export class UdpView {
  private view!: DataView;
  private at = 0;

  aim(bytes: Bytes, at: number, length: number): boolean {
    if (checkUdp(bytes.view, at, length) !== undefined) return false;
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
  /** 0: the sender computed none. */
  get checksum(): number {
    return this.view.getUint16(this.at + UDP_CHECKSUM);
  }
  get payloadAt(): number {
    return this.at + UDP_HEADER_BYTES;
  }
  get payloadLength(): number {
    return this.view.getUint16(this.at + UDP_LENGTH) - UDP_HEADER_BYTES;
  }
}

export interface UdpRepr {
  readonly sourcePort: number;
  readonly destinationPort: number;
  readonly payloadLength: number;
  readonly checksum: number;
}

export function parseUdp(bytes: Bytes, at: number, length: number): UdpRepr | WireReject {
  const reject = checkUdp(bytes.view, at, length);
  if (reject !== undefined) return reject;
  const udp = new UdpView();
  udp.aim(bytes, at, length);
  const { sourcePort, destinationPort, payloadLength, checksum } = udp;
  return { sourcePort, destinationPort, payloadLength, checksum };
}

export function emitUdp(repr: UdpRepr, bytes: Bytes, at: number): number {
  const view = bytes.view;
  view.setUint16(at + SOURCE_PORT, repr.sourcePort);
  view.setUint16(at + DESTINATION_PORT, repr.destinationPort);
  view.setUint16(at + UDP_LENGTH, UDP_HEADER_BYTES + repr.payloadLength);
  view.setUint16(at + UDP_CHECKSUM, repr.checksum);
  return UDP_HEADER_BYTES;
}
