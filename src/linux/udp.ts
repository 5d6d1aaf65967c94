// UDP sockets of the underlay: one that receives on the overlay's port with UDP_GRO, and one a slot that sends
// from the slot's source port with UDP_SEGMENT (udp(7)).

import { SelvageError } from '../base/errors.ts';
import { bind, close, EADDRINUSE, EADDRNOTAVAIL, errno, errnoName, setsockopt, socket } from './libc.ts';
import { mapMemory } from './memory.ts';

const AF_INET = 2;
const SOCK_DGRAM_NONBLOCK_CLOEXEC = 2 | 0o4000 | 0o2000000;
const SOL_SOCKET = 1;
const SO_SNDBUFFORCE = 32;
const SO_RCVBUFFORCE = 33;
const SO_SNDBUF = 7;
const SO_RCVBUF = 8;
const SOL_IP = 0;
const IP_MTU_DISCOVER = 10;
const IP_PMTUDISC_DO = 2;
export const SOL_UDP = 17;
export const UDP_SEGMENT = 103;
export const UDP_GRO = 104;
export const SOCKADDR_IN_BYTES = 16;

/** Writes a sockaddr_in at `at`; `address` is an IPv4 address as a number. */
export function writeSockaddr(view: DataView, at: number, address: number, port: number): void {
  view.setUint16(at, AF_INET, true);
  view.setUint16(at + 2, port);
  view.setUint32(at + 4, address);
}

/** A bound, non-blocking socket; `address` as a number. */
export function openUdp(
  address: number,
  port: number,
  role: 'receive' | 'send',
  bufferBytes: number,
): number {
  const fd = socket(AF_INET, SOCK_DGRAM_NONBLOCK_CLOEXEC, 0);
  if (fd < 0) throw new SelvageError('failed', `Could not create a UDP socket: ${errnoName(errno())}.`);
  const scratch = mapMemory(64);
  const { view } = scratch.bytes;
  const set = (level: number, name: number, value: number) => {
    view.setInt32(32, value, true);
    return setsockopt(fd, level, name, scratch.address + 32, 4);
  };
  try {
    if (role === 'receive') {
      if (set(SOL_UDP, UDP_GRO, 1) < 0)
        throw new SelvageError('unsupported', 'This kernel has no UDP_GRO (Linux 5.0).');
      if (set(SOL_SOCKET, SO_RCVBUFFORCE, bufferBytes) < 0) set(SOL_SOCKET, SO_RCVBUF, bufferBytes);
    } else {
      set(SOL_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DO);
      if (set(SOL_SOCKET, SO_SNDBUFFORCE, bufferBytes) < 0) set(SOL_SOCKET, SO_SNDBUF, bufferBytes);
    }
    writeSockaddr(view, 0, address, port);
    if (bind(fd, scratch.address, SOCKADDR_IN_BYTES) < 0) throw notBound(address, port, errno());
    return fd;
  } catch (error) {
    close(fd);
    throw error;
  }
}

function notBound(address: number, port: number, code: number): SelvageError {
  const text = `${address >>> 24}.${(address >>> 16) & 255}.${(address >>> 8) & 255}.${address & 255}`;
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
