// UDP sockets of the underlay over IPv4 or IPv6: one that receives on the overlay's port with UDP_GRO and is told when
// and over how many hops packets came, and those that send from one source port each with UDP_SEGMENT (udp(7), ip(7),
// ipv6(7)). Several threads can each have a socket that receives (SO_REUSEPORT, socket(7)).

import { SelvageError } from '../base/errors.ts';
import type { Inbox } from '../packet/inbox.ts';
import { formatHostAddress, type HostAddress, readIpv6, writeIpv6 } from '../wire/address.ts';
import { bind, close, EADDRINUSE, EADDRNOTAVAIL, errno, errnoName, setsockopt, socket } from './libc.ts';
import { highWord, lowWord, mapMemory } from './memory.ts';
import { timespecMicros } from './real-time.ts';

const AF_INET = 2;
const AF_INET6 = 10;
const SOCK_DGRAM_NONBLOCK_CLOEXEC = 2 | 0o4000 | 0o2000000;
const SOL_SOCKET = 1;
const SO_SNDBUFFORCE = 32;
const SO_RCVBUFFORCE = 33;
const SO_SNDBUF = 7;
const SO_RCVBUF = 8;
const SO_REUSEPORT = 15;
const SO_ATTACH_REUSEPORT_CBPF = 51;
const SO_TIMESTAMPNS = 35;
const SOL_IP = 0;
const IP_TTL = 2;
const IP_MTU_DISCOVER = 10;
const IP_RECVTTL = 12;
const SOL_IPV6 = 41;
const IPV6_UNICAST_HOPS = 16;
const IPV6_MTU_DISCOVER = 23;
const IPV6_V6ONLY = 26;
const IPV6_RECVHOPLIMIT = 51;
const IPV6_HOPLIMIT = 52;
/** Of both families. */
const PMTUDISC_DO = 2;
export const SOL_UDP = 17;
export const UDP_SEGMENT = 103;
export const UDP_GRO = 104;
/** Room for the address of either family. */
export const SOCKADDR_BYTES = 32;
const SOCKADDR_IN_BYTES = 16;
const SOCKADDR_IN6_BYTES = 28;

/** What all packets of the overlay leave with, so that the receiver can tell how many hops they came. */
const HOP_LIMIT = 64;

/** Writes a sockaddr_in or sockaddr_in6 at `at`; its length. */
export function writeSockaddr(view: DataView, at: number, address: HostAddress, port: number): number {
  view.setUint16(at + 2, port);
  if (typeof address === 'number') {
    view.setUint16(at, AF_INET, true);
    view.setUint32(at + 4, address);
    return SOCKADDR_IN_BYTES;
  }
  view.setUint16(at, AF_INET6, true);
  view.setUint32(at + 4, 0);
  writeIpv6(view, at + 8, address);
  view.setUint32(at + 24, 0);
  return SOCKADDR_IN6_BYTES;
}

/** What `writeSockaddr` wrote, or the system did, less the port. */
export function readSockaddr(view: DataView, at: number): HostAddress {
  return view.getUint16(at, true) === AF_INET ? view.getUint32(at + 4) : readIpv6(view, at + 8);
}

/** Reads the source of a message into the newest run of the inbox. */
export function readSource(view: DataView, at: number, inbox: Inbox): void {
  if (view.getUint16(at, true) === AF_INET) inbox.fromIpv4(view.getUint32(at + 4));
  else inbox.fromIpv6(view, at + 8);
}

/** Writes, at word `at`, the control message that gives one datagram a TTL or hop limit; the room it takes. */
export function hopLimitMessage(words: Uint32Array, at: number, family: 4 | 6, hops: number): number {
  words[at] = CMSG_LENGTH_INT;
  words[at + 2] = family === 4 ? SOL_IP : SOL_IPV6;
  words[at + 3] = family === 4 ? IP_TTL : IPV6_HOPLIMIT;
  words[at + 4] = hops;
  return CMSG_SPACE_INT;
}

/** What the system says of a message it received; each 0 where it says nothing. */
export class ReceivedWith {
  /** Of the datagrams it was put together from. */
  segmentBytes = 0;
  hops = 0;
  /** Microseconds since 1970. */
  stampMicros = 0;

  /** Reads the `length` bytes of control messages that start at word `at` (cmsg(3)). */
  read(words: Uint32Array, at: number, length: number): void {
    this.segmentBytes = 0;
    this.hops = 0;
    this.stampMicros = 0;
    const end = at + (length >>> 2);
    for (let next = at; next + 4 <= end && words[next]! >= CMSG_HEADER_BYTES; ) {
      const level = words[next + 2]!;
      const type = words[next + 3]!;
      if (level === SOL_UDP && type === UDP_GRO) this.segmentBytes = words[next + 4]!;
      else if (level === SOL_SOCKET && type === SO_TIMESTAMPNS)
        this.stampMicros = timespecMicros(words, next + 4);
      else if ((level === SOL_IP && type === IP_TTL) || (level === SOL_IPV6 && type === IPV6_HOPLIMIT)) {
        this.hops = Math.max(0, HOP_LIMIT - words[next + 4]!);
      }
      next += ((words[next]! + 7) & -8) >>> 2;
    }
  }
}

const CMSG_HEADER_BYTES = 16;
const CMSG_LENGTH_INT = 20;
const CMSG_SPACE_INT = 24;

/**
 * A bound, non-blocking socket. `shared`: on a port that others of ours are bound to, which must have been shared by
 * `shareUdpPort`.
 */
export function openUdp(
  address: HostAddress,
  port: number,
  role: 'receive' | 'send',
  bufferBytes: number,
  shared = false,
): number {
  const isIpv4 = typeof address === 'number';
  const fd = socket(isIpv4 ? AF_INET : AF_INET6, SOCK_DGRAM_NONBLOCK_CLOEXEC, 0);
  if (fd < 0) throw new SelvageError('failed', `Could not create a UDP socket: ${errnoName(errno())}.`);
  const scratch = mapMemory(64);
  const { view } = scratch.bytes;
  const set = (level: number, name: number, value: number) => {
    view.setInt32(32, value, true);
    return setsockopt(fd, level, name, scratch.address + 32, 4);
  };
  try {
    if (!isIpv4) set(SOL_IPV6, IPV6_V6ONLY, 1);
    if (shared) set(SOL_SOCKET, SO_REUSEPORT, 1);
    if (role === 'receive') {
      set(SOL_SOCKET, SO_TIMESTAMPNS, 1);
      if (isIpv4) set(SOL_IP, IP_RECVTTL, 1);
      else set(SOL_IPV6, IPV6_RECVHOPLIMIT, 1);
      if (set(SOL_UDP, UDP_GRO, 1) < 0)
        throw new SelvageError('unsupported', 'This kernel has no UDP_GRO (Linux 5.0).');
      if (set(SOL_SOCKET, SO_RCVBUFFORCE, bufferBytes) < 0) set(SOL_SOCKET, SO_RCVBUF, bufferBytes);
    } else {
      if (isIpv4) {
        set(SOL_IP, IP_MTU_DISCOVER, PMTUDISC_DO);
        set(SOL_IP, IP_TTL, HOP_LIMIT);
      } else {
        set(SOL_IPV6, IPV6_MTU_DISCOVER, PMTUDISC_DO);
        set(SOL_IPV6, IPV6_UNICAST_HOPS, HOP_LIMIT);
      }
      if (set(SOL_SOCKET, SO_SNDBUFFORCE, bufferBytes) < 0) set(SOL_SOCKET, SO_SNDBUF, bufferBytes);
    }
    const length = writeSockaddr(view, 0, address, port);
    if (bind(fd, scratch.address, length) < 0) throw notBound(address, port, errno());
    return fd;
  } catch (error) {
    close(fd);
    throw error;
  }
}

/**
 * Lets more sockets be bound to the port of one that is. It was bound alone, so that an agent never joins the sockets of
 * another by mistake.
 */
export function shareUdpPort(fd: number): void {
  const scratch = mapMemory(16);
  scratch.bytes.view.setInt32(0, 1, true);
  if (setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, scratch.address, 4) < 0) {
    throw new SelvageError('unsupported', `UDP ports cannot be shared here: ${errnoName(errno())}.`, {
      hint: 'Set threads: 1.',
    });
  }
}

/**
 * Has a classic BPF program (two words an instruction) choose among the sockets of a shared port: what it returns for a
 * UDP payload is the number of the socket, in the order in which they were bound. `fd` is any of them.
 */
export function steerUdpPort(fd: number, program: Uint32Array): void {
  const scratch = mapMemory(16 + program.byteLength);
  const { view, u8 } = scratch.bytes;
  // struct sock_fprog
  view.setUint16(0, program.length / 2, true);
  view.setUint32(8, lowWord(scratch.address) + 16, true);
  view.setUint32(12, highWord(scratch.address), true);
  u8.set(new Uint8Array(program.buffer, program.byteOffset, program.byteLength), 16);
  if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, scratch.address, 16) < 0) {
    throw new SelvageError(
      'unsupported',
      `Packets cannot be steered to threads here: ${errnoName(errno())}.`,
      {
        hint: 'Set threads: 1.',
      },
    );
  }
}

function notBound(address: HostAddress, port: number, code: number): SelvageError {
  const text = formatHostAddress(address);
  if (code === EADDRINUSE) {
    return new SelvageError('in-use', `UDP port ${port} on ${text} is in use.`, {
      hint: 'Another agent or a kernel VXLAN device has it: stop that one, or set underlay.port or underlay.sourcePorts.',
    });
  }
  if (code === EADDRNOTAVAIL) {
    return new SelvageError('bad-config', `No interface of this machine has the address ${text}.`, {
      hint: 'Set underlay.address to an address that `ip address` shows.',
    });
  }
  return new SelvageError('failed', `Could not bind UDP ${text}:${port}: ${errnoName(code)}.`);
}
