// Sends UDP datagrams whose source port is not ours: that of a VXLAN device belongs to the kernel, and a socket bound to
// another port would be hashed onto other paths. So IP and UDP headers are written here and go out by a raw socket
// (raw(7), ipv6(7)). Datagrams gather in mapped memory and leave with one system call.

import { SelvageError } from '../base/errors.ts';
import type { HostAddress } from '../wire/address.ts';
import { writeIpv6 } from '../wire/address.ts';
import { finishSum, partialSum, pseudoHeaderSum4, pseudoHeaderSum6 } from '../wire/checksum.ts';
import { emitIpv4Header, IPV4_MIN_HEADER_BYTES } from '../wire/ipv4.ts';
import { emitIpv6Header, IPV6_HEADER_BYTES, IPV6_PAYLOAD_LENGTH } from '../wire/ipv6.ts';
import { PROTOCOL_UDP } from '../wire/protocols.ts';
import { UDP_CHECKSUM, UDP_HEADER_BYTES, UDP_LENGTH } from '../wire/udp.ts';
import { bind, close, EADDRNOTAVAIL, EPERM, errno, errnoName, sendmmsg, setsockopt, socket } from './libc.ts';
import { highWord, lowWord, mapMemory, unmapMemory } from './memory.ts';
import { SOCKADDR_BYTES, writeSockaddr } from './udp.ts';

const AF_INET = 2;
const AF_INET6 = 10;
const SOCK_RAW_NONBLOCK_CLOEXEC = 3 | 0o4000 | 0o2000000;
/** Its sockets take packets with their IP header, of either family. */
const IPPROTO_RAW = 255;
const SOL_SOCKET = 1;
const SO_BINDTOIFINDEX = 62;

/** Datagrams that leave together. */
const BATCH = 64;
const MESSAGE_BYTES = 64;
const IOV_BYTES = 16;
/** Of one datagram with its headers. */
const PACKET_BYTES = 512;
export const MOST_PAYLOAD_BYTES = PACKET_BYTES - IPV6_HEADER_BYTES - UDP_HEADER_BYTES;

const IOVS = BATCH * MESSAGE_BYTES;
const NAMES = IOVS + BATCH * IOV_BYTES;
const PACKETS = NAMES + BATCH * SOCKADDR_BYTES;

const IPV4_TTL = 8;
const IPV4_DESTINATION = 16;
const IPV4_LENGTH = 2;
const IPV6_HOP_LIMIT = 7;
const IPV6_DESTINATION = 24;

export interface DatagramTo {
  readonly destination: HostAddress;
  readonly sourcePort: number;
  readonly destinationPort: number;
  /** TTL or hop limit. */
  readonly hops: number;
}

export class RawUdpSender {
  /** Where payloads are written before they are queued. */
  readonly bytes;
  /** Datagrams that the system did not take. */
  refused = 0;
  private readonly memory = mapMemory(PACKETS + BATCH * PACKET_BYTES);
  private readonly fd: number;
  private readonly source: HostAddress;
  private readonly ipBytes: number;
  private queued = 0;

  /**
   * By `device`, an index, if there is one, else as routes say. Throws 'no-privilege' without CAP_NET_RAW, 'bad-input' when
   * `source` is not an address of this host.
   */
  constructor(source: HostAddress, device = 0) {
    this.source = source;
    this.bytes = this.memory.bytes;
    const isIpv4 = typeof source === 'number';
    this.ipBytes = isIpv4 ? IPV4_MIN_HEADER_BYTES : IPV6_HEADER_BYTES;
    this.fd = openRaw(isIpv4 ? AF_INET : AF_INET6);
    try {
      this.bind();
      if (device !== 0) this.bindTo(device);
    } catch (error) {
      this.close();
      throw error;
    }
    for (let index = 0; index < BATCH; index++) this.prepare(index);
  }

  /** Where to write the next datagram's payload, of at most MOST_PAYLOAD_BYTES. */
  get payloadAt(): number {
    return PACKETS + this.queued * PACKET_BYTES + this.ipBytes + UDP_HEADER_BYTES;
  }

  /** Queues what was written at `payloadAt`; it leaves with `flush`, or when enough are queued. */
  queue(to: DatagramTo, payloadBytes: number): void {
    const { memory, queued } = this;
    const { view } = memory.bytes;
    const at = PACKETS + queued * PACKET_BYTES;
    const name = NAMES + queued * SOCKADDR_BYTES;
    const udpBytes = UDP_HEADER_BYTES + payloadBytes;
    // The port of a raw socket's address must be 0 over IPv6.
    memory.u32[(queued * MESSAGE_BYTES) / 4 + 2] = writeSockaddr(view, name, to.destination, 0);
    memory.u32[(IOVS + queued * IOV_BYTES) / 4 + 2] = this.ipBytes + udpBytes;
    this.writeIp(at, to, udpBytes);
    const udp = at + this.ipBytes;
    view.setUint16(udp, to.sourcePort);
    view.setUint16(udp + 2, to.destinationPort);
    view.setUint16(udp + UDP_LENGTH, udpBytes);
    view.setUint16(udp + UDP_CHECKSUM, 0);
    view.setUint16(udp + UDP_CHECKSUM, this.checksum(at, to.destination, udpBytes));
    this.queued++;
    if (this.queued === BATCH) this.flush();
  }

  /** Those that the system does not take are counted and gone, as they may be on their way. */
  flush(): void {
    const count = this.queued;
    this.queued = 0;
    for (let sent = 0; sent < count; ) {
      const taken = sendmmsg(this.fd, this.memory.address + sent * MESSAGE_BYTES, count - sent, 0);
      // It stops at the first that it refuses.
      if (taken <= 0) this.refused++;
      sent += taken <= 0 ? 1 : taken;
    }
  }

  close(): void {
    close(this.fd);
    unmapMemory(this.memory);
  }

  private writeIp(at: number, { destination, hops }: DatagramTo, udpBytes: number): void {
    const { view } = this.memory.bytes;
    if (typeof destination === 'number') {
      // The kernel computes the header's checksum.
      view.setUint16(at + IPV4_LENGTH, IPV4_MIN_HEADER_BYTES + udpBytes);
      view.setUint8(at + IPV4_TTL, hops);
      view.setUint32(at + IPV4_DESTINATION, destination);
    } else {
      view.setUint16(at + IPV6_PAYLOAD_LENGTH, udpBytes);
      view.setUint8(at + IPV6_HOP_LIMIT, hops);
      writeIpv6(view, at + IPV6_DESTINATION, destination);
    }
  }

  private checksum(at: number, destination: HostAddress, udpBytes: number): number {
    const { source } = this;
    const { bytes } = this.memory;
    const pseudo =
      typeof source === 'number'
        ? pseudoHeaderSum4(source, destination as number, PROTOCOL_UDP, udpBytes)
        : pseudoHeaderSum6(bytes, at + 8, PROTOCOL_UDP, udpBytes);
    // RFC 768: 0 says that there is none.
    return finishSum(partialSum(bytes, at + this.ipBytes, udpBytes, pseudo)) || 0xffff;
  }

  /** What is the same in all datagrams of a place. */
  private prepare(index: number): void {
    const { u32, address, bytes } = this.memory;
    const point = (at: number, to: number) => {
      u32[at / 4] = lowWord(address + to);
      u32[at / 4 + 1] = highWord(address + to);
    };
    const message = index * MESSAGE_BYTES;
    const packet = PACKETS + index * PACKET_BYTES;
    point(message, NAMES + index * SOCKADDR_BYTES);
    point(message + 16, IOVS + index * IOV_BYTES);
    u32[message / 4 + 6] = 1;
    point(IOVS + index * IOV_BYTES, packet);
    const { source } = this;
    if (typeof source === 'number') {
      emitIpv4Header({ ...EMPTY_IPV4, source }, bytes, packet);
    } else {
      emitIpv6Header({ ...EMPTY_IPV6, source }, bytes, packet);
    }
  }

  /** So that routes that depend on the source are those of the overlay. */
  private bind(): void {
    const length = writeSockaddr(this.memory.bytes.view, NAMES, this.source, 0);
    if (bind(this.fd, this.memory.address + NAMES, length) >= 0) return;
    const code = errno();
    const isOurs = code !== EADDRNOTAVAIL;
    throw new SelvageError(
      isOurs ? 'failed' : 'bad-input',
      isOurs
        ? `Could not bind a raw socket: ${errnoName(code)}.`
        : 'The overlay’s source address is not on this host.',
      isOurs ? {} : { hint: '`ip address` shows those that are.' },
    );
  }

  /** A device that only a message asked for would be a wish to IPv6's routes. */
  private bindTo(device: number): void {
    const { u32, address } = this.memory;
    u32[NAMES / 4] = device;
    if (setsockopt(this.fd, SOL_SOCKET, SO_BINDTOIFINDEX, address + NAMES, 4) >= 0) return;
    throw new SelvageError(
      'failed',
      `Could not bind a raw socket to device ${device}: ${errnoName(errno())}.`,
    );
  }
}

const EMPTY_IPV4 = {
  tos: 0,
  identification: 0,
  dontFragment: false,
  moreFragments: false,
  fragmentOffset: 0,
  ttl: 0,
  protocol: PROTOCOL_UDP,
  destination: 0,
  options: new Uint8Array(0),
  payloadLength: 0,
};

const EMPTY_IPV6 = {
  trafficClass: 0,
  flowLabel: 0,
  nextHeader: PROTOCOL_UDP,
  hopLimit: 0,
  destination: [0, 0, 0, 0] as const,
  payloadLength: 0,
};

function openRaw(family: number): number {
  const fd = socket(family, SOCK_RAW_NONBLOCK_CLOEXEC, IPPROTO_RAW);
  if (fd >= 0) return fd;
  const code = errno();
  throw new SelvageError(
    code === EPERM ? 'no-privilege' : 'failed',
    `Could not open a raw socket: ${errnoName(code)}.`,
    { hint: 'Run as root or with CAP_NET_RAW.' },
  );
}
