// Sends whole frames by one device (packet(7)), several with one system call, past its queue: a device that is not ready
// drops them. They are written where they are sent from.

import { SelvageError } from '../base/errors.ts';
import { bind, close, errno, errnoName, sendmmsg, setsockopt, socket } from './libc.ts';
import { highWord, lowWord, mapMemory, unmapMemory } from './memory.ts';

const AF_PACKET = 17;
const SOCK_RAW_CLOEXEC = 3 | 0o2000000;
const SOL_PACKET = 263;
const PACKET_QDISC_BYPASS = 20;
const SOCKADDR_LL_BYTES = 20;
/** struct mmsghdr and struct iovec, in words. */
const MESSAGE_WORDS = 16;
const IOV_WORDS = 4;

export class PacketSocket {
  readonly bytes;
  readonly frames: number;
  readonly frameBytes: number;
  private readonly fd: number;
  private readonly memory;
  private readonly framesAt: number;

  /** Room for `frames` of `frameBytes`. The device is one of the caller's namespace. */
  constructor(device: number, frames: number, frameBytes: number) {
    this.frames = frames;
    this.frameBytes = frameBytes;
    const iovsAt = frames * MESSAGE_WORDS * 4;
    this.framesAt = iovsAt + frames * IOV_WORDS * 4;
    this.memory = mapMemory(this.framesAt + frames * frameBytes);
    const { u32, address, bytes } = this.memory;
    this.bytes = bytes;
    this.fd = socket(AF_PACKET, SOCK_RAW_CLOEXEC, 0);
    if (this.fd < 0)
      throw new SelvageError('failed', `Could not create a packet socket: ${errnoName(errno())}.`);
    bytes.view.setInt32(0, 1, true);
    setsockopt(this.fd, SOL_PACKET, PACKET_QDISC_BYPASS, address, 4);
    bytes.u8.fill(0, 0, SOCKADDR_LL_BYTES);
    bytes.view.setUint16(0, AF_PACKET, true);
    bytes.view.setInt32(4, device, true);
    if (bind(this.fd, address, SOCKADDR_LL_BYTES) < 0) {
      close(this.fd);
      throw new SelvageError('failed', `Could not bind a packet socket: ${errnoName(errno())}.`);
    }
    bytes.u8.fill(0, 0, SOCKADDR_LL_BYTES);
    for (let i = 0; i < frames; i++) {
      const iov = address + iovsAt + i * IOV_WORDS * 4;
      u32[i * MESSAGE_WORDS + 4] = lowWord(iov);
      u32[i * MESSAGE_WORDS + 5] = highWord(iov);
      u32[i * MESSAGE_WORDS + 6] = 1;
      const word = iovsAt / 4 + i * IOV_WORDS;
      u32[word] = lowWord(address + this.frameAt(i));
      u32[word + 1] = highWord(address + this.frameAt(i));
    }
  }

  /** Where frame `i` is written in `bytes`. */
  frameAt(i: number): number {
    return this.framesAt + i * this.frameBytes;
  }

  setLength(i: number, length: number): void {
    this.memory.u32[this.frames * MESSAGE_WORDS + i * IOV_WORDS + 2] = length;
  }

  /** Sends the first `count`; how many the system took. */
  send(count: number): number {
    let sent = 0;
    while (sent < count) {
      const taken = sendmmsg(this.fd, this.memory.address + sent * MESSAGE_WORDS * 4, count - sent, 0);
      if (taken <= 0) return sent;
      sent += taken;
    }
    return sent;
  }

  close(): void {
    close(this.fd);
    unmapMemory(this.memory);
  }
}
