// What the kernel says of an interface (netdevice(7)), asked of a socket: that is in the caller's network namespace, where
// /sys may still show another's.

import { SelvageError } from '../base/errors.ts';
import { close, errno, errnoName, ioctl, socket } from './libc.ts';
import { mapMemory } from './memory.ts';

const AF_INET = 2;
const SOCK_DGRAM_CLOEXEC = 2 | 0o2000000;
const SIOCGIFMTU = 0x8921;
const SIOCGIFINDEX = 0x8933;
const NAME_BYTES = 16;

export function interfaceMtu(name: string): number {
  return ask(name, SIOCGIFMTU, 'the MTU');
}

/** What packet sockets call it. */
export function interfaceIndex(name: string): number {
  return ask(name, SIOCGIFINDEX, 'the number');
}

function ask(name: string, request: number, what: string): number {
  const fd = socket(AF_INET, SOCK_DGRAM_CLOEXEC, 0);
  if (fd < 0) throw new SelvageError('failed', `Could not create a socket: ${errnoName(errno())}.`);
  try {
    const { bytes, address } = mapMemory(64);
    bytes.u8.set(new TextEncoder().encode(name.slice(0, NAME_BYTES - 1)));
    if (ioctl(fd, request, address) < 0) {
      throw new SelvageError('failed', `Could not read ${what} of ${name}: ${errnoName(errno())}.`);
    }
    return bytes.view.getInt32(NAME_BYTES, true);
  } finally {
    close(fd);
  }
}
