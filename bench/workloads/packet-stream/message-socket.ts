// A socket that sends and receives batches of packets with one system call each (sendmmsg(2), recvmmsg(2)): UDP, or whole
// frames by a device (packet(7)).
import { SelvageError } from '../../../src/base/errors.ts';
import {
  bind,
  connect,
  errno,
  errnoName,
  recvmmsg,
  sendmmsg,
  setsockopt,
  socket,
} from '../../../src/linux/libc.ts';
import { highWord, lowWord, mapMemory } from '../../../src/linux/memory.ts';

const AF_INET = 2;
const SOCK_DGRAM = 2;
const AF_PACKET = 17;
const SOCK_RAW = 3;
const ETH_P_EXPERIMENTAL = 0x88b5;
const SOL_SOCKET = 1;
const SO_SNDBUFFORCE = 32;
const SO_RCVBUFFORCE = 33;
const SOL_PACKET = 263;
const PACKET_QDISC_BYPASS = 20;
const BUFFER_BYTES = 8 << 20;
/** One is waited for, and what there is then is taken. */
const MSG_WAITFORONE = 0x10000;
const MESSAGE_WORDS = 16;
const LENGTH_WORD = 14;
const IOV_WORDS = 4;
const SCRATCH_BYTES = 64;

export class MessageSocket {
  readonly fd: number;
  private readonly memory;
  private readonly messagesAt = SCRATCH_BYTES;
  private readonly batch: number;
  private readonly packetsAt: number;
  private readonly packetBytes: number;

  private constructor(fd: number, batch: number, packetBytes: number) {
    if (fd < 0) throw new SelvageError('failed', `Could not create a socket: ${errnoName(errno())}.`);
    this.fd = fd;
    this.batch = batch;
    this.packetBytes = packetBytes;
    const iovsAt = this.messagesAt + batch * MESSAGE_WORDS * 4;
    this.packetsAt = iovsAt + batch * IOV_WORDS * 4;
    this.memory = mapMemory(this.packetsAt + batch * packetBytes);
    const { u32, address } = this.memory;
    for (let i = 0; i < batch; i++) {
      const iov = address + iovsAt + i * IOV_WORDS * 4;
      const message = this.messagesAt / 4 + i * MESSAGE_WORDS;
      u32[message + 4] = lowWord(iov);
      u32[message + 5] = highWord(iov);
      u32[message + 6] = 1;
      const word = iovsAt / 4 + i * IOV_WORDS;
      u32[word] = lowWord(address + this.packetAt(i));
      u32[word + 1] = highWord(address + this.packetAt(i));
      u32[word + 2] = packetBytes;
    }
    for (const option of [SO_SNDBUFFORCE, SO_RCVBUFFORCE]) this.set(SOL_SOCKET, option, BUFFER_BYTES);
  }

  /** Bound to the port, of every address; connected to `to`, if there is one. */
  static udp(
    port: number,
    batch: number,
    packetBytes: number,
    to?: { address: number; port: number },
  ): MessageSocket {
    const opened = new MessageSocket(socket(AF_INET, SOCK_DGRAM, 0), batch, packetBytes);
    opened.with(bind, opened.writeInet(0, port));
    if (to !== undefined) opened.with(connect, opened.writeInet(to.address, to.port));
    return opened;
  }

  /** Frames of the device with this number. */
  static frames(device: number, batch: number, packetBytes: number): MessageSocket {
    const opened = new MessageSocket(socket(AF_PACKET, SOCK_RAW, 0), batch, packetBytes);
    opened.set(SOL_PACKET, PACKET_QDISC_BYPASS, 1);
    const { view, u8 } = opened.memory.bytes;
    u8.fill(0, 0, 20);
    view.setUint16(0, AF_PACKET, true);
    view.setUint16(2, ETH_P_EXPERIMENTAL);
    view.setInt32(4, device, true);
    opened.with(bind, 20);
    return opened;
  }

  get bytes(): Uint8Array {
    return this.memory.bytes.u8;
  }

  get view(): DataView {
    return this.memory.bytes.view;
  }

  packetAt(packet: number): number {
    return this.packetsAt + packet * this.packetBytes;
  }

  /** Sends all places of the batch. */
  send(): number {
    const sent = sendmmsg(this.fd, this.memory.address + this.messagesAt, this.batch, 0);
    return Math.max(0, sent);
  }

  /** Waits for packets; how many came. */
  receive(): number {
    const count = recvmmsg(this.fd, this.memory.address + this.messagesAt, this.batch, MSG_WAITFORONE, 0);
    return Math.max(0, count);
  }

  lengthOf(packet: number): number {
    return this.memory.u32[this.messagesAt / 4 + packet * MESSAGE_WORDS + LENGTH_WORD]!;
  }

  private writeInet(address: number, port: number): number {
    const { view, u8 } = this.memory.bytes;
    u8.fill(0, 0, 16);
    view.setUint16(0, AF_INET, true);
    view.setUint16(2, port);
    view.setUint32(4, address);
    return 16;
  }

  private set(level: number, option: number, value: number): void {
    this.memory.bytes.view.setInt32(0, value, true);
    setsockopt(this.fd, level, option, this.memory.address, 4);
  }

  private with(call: (fd: number, address: number, length: number) => number, length: number): void {
    if (call(this.fd, this.memory.address, length) >= 0) return;
    throw new SelvageError('failed', `Could not bind or connect a socket: ${errnoName(errno())}.`);
  }
}
