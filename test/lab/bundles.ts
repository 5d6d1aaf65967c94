// Sends datagrams as the agent does: many of one size handed to the kernel in one system call (UDP_SEGMENT, udp(7)).
import { close, errno, errnoName, sendmmsg, setsockopt } from '../../src/linux/libc.ts';
import { highWord, lowWord, mapMemory } from '../../src/linux/memory.ts';
import { inNetns } from '../../src/linux/netns.ts';
import { openUdp, SOL_UDP, UDP_SEGMENT, writeSockaddr } from '../../src/linux/udp.ts';
import { parseIpv4 } from '../../src/wire/address.ts';

const SEND_BUFFER_BYTES = 4 << 20;
const [ADDRESS, IOV, MESSAGE, OPTION, PAYLOAD] = [0, 64, 128, 256, 4096];

export interface BundleOptions {
  readonly netns: string;
  readonly from: string;
  readonly to: string;
  readonly port: number;
  readonly packetBytes: number;
  readonly packets: number;
  /** The bytes of all, one behind the other; absent: zeros. */
  readonly payload?: Uint8Array;
}

/** One bundle; throws when the kernel does not take it whole. */
export function sendBundle({ netns, from, to, port, packetBytes, packets, payload }: BundleOptions): void {
  const fd = inNetns(netns, () => openUdp(parseIpv4(from)!, 0, 'send', SEND_BUFFER_BYTES));
  try {
    const memory = mapMemory(PAYLOAD + packetBytes * packets);
    const { view, u8 } = memory.bytes;
    if (payload !== undefined) u8.set(payload, PAYLOAD);
    const pointer = (at: number, target: number) => {
      view.setUint32(at, lowWord(memory.address + target), true);
      view.setUint32(at + 4, highWord(memory.address + target), true);
    };
    view.setUint32(OPTION, packetBytes, true);
    setsockopt(fd, SOL_UDP, UDP_SEGMENT, memory.address + OPTION, 4);
    const addressBytes = writeSockaddr(view, ADDRESS, parseIpv4(to)!, port);
    pointer(IOV, PAYLOAD);
    view.setUint32(IOV + 8, packetBytes * packets, true);
    pointer(MESSAGE, ADDRESS);
    view.setUint32(MESSAGE + 8, addressBytes, true);
    pointer(MESSAGE + 16, IOV);
    view.setUint32(MESSAGE + 24, 1, true);
    if (sendmmsg(fd, memory.address + MESSAGE, 1, 0) !== 1)
      throw new Error(`not sent: ${errnoName(errno())}`);
  } finally {
    close(fd);
  }
}
