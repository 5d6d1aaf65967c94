// A raw socket that hears what routers say of packets whose TTL ended (RFC 792, RFC 4443 §3.3, raw(7)): each read is
// an IPv4 packet, or an ICMPv6 message alone. ICMP errors do not reach the UDP sockets that sent those packets, as long
// as these do not ask for them (IP_RECVERR).

import { SelvageError } from '../base/errors.ts';
import { close, EPERM, errno, errnoName, setsockopt, socket } from './libc.ts';
import { mapMemory } from './memory.ts';

const AF_INET = 2;
const AF_INET6 = 10;
const SOCK_RAW_NONBLOCK_CLOEXEC = 3 | 0o4000 | 0o2000000;
const IPPROTO_ICMP = 1;
const IPPROTO_ICMPV6 = 58;
const SOL_RAW = 255;
const SOL_ICMPV6 = 58;
/** ICMP_FILTER and ICMPV6_FILTER: a bit for each type, set for those to leave out. */
const FILTER = 1;
const FILTER_BYTES = 4;
const FILTER6_BYTES = 32;
const ICMP_TIME_EXCEEDED = 11;
const ICMPV6_TIME_EXCEEDED = 3;

/** Throws 'no-privilege' without CAP_NET_RAW. */
export function openTimeExceeded(family: 4 | 6): number {
  const fd =
    family === 4
      ? socket(AF_INET, SOCK_RAW_NONBLOCK_CLOEXEC, IPPROTO_ICMP)
      : socket(AF_INET6, SOCK_RAW_NONBLOCK_CLOEXEC, IPPROTO_ICMPV6);
  if (fd < 0) {
    const code = errno();
    throw new SelvageError(
      code === EPERM ? 'no-privilege' : 'failed',
      `Could not open a socket for ICMP: ${errnoName(code)}.`,
      { hint: 'Run as root or with CAP_NET_RAW.' },
    );
  }
  const filter = mapMemory(64);
  filter.u32.fill(0xffff_ffff, 0, FILTER6_BYTES / 4);
  filter.u32[0] = ~(1 << (family === 4 ? ICMP_TIME_EXCEEDED : ICMPV6_TIME_EXCEEDED));
  const set =
    family === 4
      ? setsockopt(fd, SOL_RAW, FILTER, filter.address, FILTER_BYTES)
      : setsockopt(fd, SOL_ICMPV6, FILTER, filter.address, FILTER6_BYTES);
  if (set >= 0) return fd;
  const code = errno();
  close(fd);
  throw new SelvageError('failed', `Could not filter ICMP: ${errnoName(code)}.`);
}
