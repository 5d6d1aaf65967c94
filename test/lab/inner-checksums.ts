// Reads a capture (pcap) of VXLAN over IPv4 and checks the TCP checksums of the IPv4 packets inside.
import { type Bytes, bytesOf } from '../../src/base/bytes.ts';
import { finishSum, partialSum, pseudoHeaderSum4 } from '../../src/wire/checksum.ts';

const FILE_HEADER_BYTES = 24;
const RECORD_HEADER_BYTES = 16;
/** Outer Ethernet, IPv4 without options, UDP, VXLAN, inner Ethernet. */
const INNER_IPV4 = 14 + 20 + 8 + 8 + 14;
const ETHERTYPE_IPV4 = 0x0800;
const PROTOCOL_TCP = 6;

export function innerTcpChecksums(capture: Uint8Array): { complete: number; incomplete: number } {
  const bytes = bytesOf(capture);
  let complete = 0;
  let incomplete = 0;
  let at = FILE_HEADER_BYTES;
  while (at + RECORD_HEADER_BYTES <= capture.length) {
    const length = bytes.view.getUint32(at + 8, true);
    const inner = at + RECORD_HEADER_BYTES + INNER_IPV4;
    if (isTcp(bytes, inner)) {
      if (isComplete(bytes, inner)) complete++;
      else incomplete++;
    }
    at += RECORD_HEADER_BYTES + length;
  }
  return { complete, incomplete };
}

function isTcp({ view }: Bytes, at: number): boolean {
  return view.getUint16(at - 2) === ETHERTYPE_IPV4 && view.getUint8(at + 9) === PROTOCOL_TCP;
}

function isComplete(bytes: Bytes, at: number): boolean {
  const { view } = bytes;
  const headerBytes = (view.getUint8(at) & 15) * 4;
  const tcpBytes = view.getUint16(at + 2) - headerBytes;
  const pseudo = pseudoHeaderSum4(view.getUint32(at + 12), view.getUint32(at + 16), PROTOCOL_TCP, tcpBytes);
  return finishSum(partialSum(bytes, at + headerBytes, tcpBytes, pseudo)) === 0;
}
