// Opening TAP interfaces (linux/Documentation/networking/tuntap.rst). With IFF_VNET_HDR frames carry a
// virtio_net_hdr, so that the tenant's stack hands over and takes frames of up to 64 KB with their checksums
// still to do. A persistent TAP outlives its agent and is taken up again by the next.

import { readFileSync } from 'node:fs';
import { SelvageError } from '../base/errors.ts';
import { close, EBUSY, EINVAL, EPERM, errno, errnoName, ioctl, open } from './libc.ts';
import { mapMemory } from './memory.ts';
import { inNetns } from './netns.ts';

const O_RDWR_NONBLOCK_CLOEXEC = 0o2 | 0o4000 | 0o2000000;
const TUNSETIFF = 0x400454ca;
const TUNSETPERSIST = 0x400454cb;
const TUNSETOFFLOAD = 0x400454d0;
const TUNSETVNETHDRSZ = 0x400454d8;
const TUNSETVNETLE = 0x400454dc;
const IFF_TAP = 0x0002;
const IFF_NO_PI = 0x1000;
const IFF_VNET_HDR = 0x4000;
const TUN_F_CSUM = 0x01;
const TUN_F_TSO4 = 0x02;
const TUN_F_TSO6 = 0x04;
const TUN_F_TSO_ECN = 0x08;
const TUN_F_USO4 = 0x20;
const TUN_F_USO6 = 0x40;
const VIRTIO_NET_HEADER_BYTES = 10;

export interface TapOptions {
  readonly name: string;
  readonly netns?: string | undefined;
  /** Keeps the interface when its owner goes away. */
  readonly persistent: boolean;
  /** Frames carry a 10-byte virtio_net_hdr and segmentation is left to us; otherwise frames are plain. */
  readonly offloads: boolean;
}

export interface OpenTap {
  /** Non-blocking. */
  readonly fd: number;
  /** False when the interface was there before. */
  readonly created: boolean;
}

/** Opens (or makes) a TAP, in `netns` when given. */
export function openTap(options: TapOptions): OpenTap {
  return inNetns(options.netns, () => {
    const created = !interfaceExists(options.name);
    const fd = open('/dev/net/tun', O_RDWR_NONBLOCK_CLOEXEC, 0);
    if (fd < 0) {
      throw new SelvageError('no-privilege', `Could not open /dev/net/tun: ${errnoName(errno())}.`, {
        hint: 'Run as root or with CAP_NET_ADMIN, and load the tun module (modprobe tun).',
      });
    }
    try {
      configure(fd, options);
      return { fd, created };
    } catch (error) {
      close(fd);
      throw error;
    }
  });
}

/** In the calling thread's namespace. */
function interfaceExists(name: string): boolean {
  const devices = readFileSync('/proc/thread-self/net/dev', 'utf8');
  return devices.split('\n').some((line) => line.trimStart().startsWith(`${name}:`));
}

/** Removes the interface when its last descriptor is closed. */
export function makeTransient(fd: number): void {
  ioctl(fd, TUNSETPERSIST, 0);
}

function configure(fd: number, { name, netns, persistent, offloads }: TapOptions): void {
  const scratch = mapMemory(64);
  const { u8, view } = scratch.bytes;
  u8.set(new TextEncoder().encode(name.slice(0, 15)));
  view.setUint16(16, IFF_TAP | IFF_NO_PI | (offloads ? IFF_VNET_HDR : 0), true);
  if (ioctl(fd, TUNSETIFF, scratch.address) < 0) throw notAttached(name, netns, errno());
  if (offloads) {
    view.setUint32(48, VIRTIO_NET_HEADER_BYTES, true);
    check(name, 'header size', ioctl(fd, TUNSETVNETHDRSZ, scratch.address + 48));
    view.setUint32(48, 1, true);
    check(name, 'byte order', ioctl(fd, TUNSETVNETLE, scratch.address + 48));
    const tcp = TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN;
    // UDP segmentation came with Linux 6.2; without it the tenant's kernel cuts datagrams itself.
    if (ioctl(fd, TUNSETOFFLOAD, tcp | TUN_F_USO4 | TUN_F_USO6) < 0) {
      check(name, 'offloads', ioctl(fd, TUNSETOFFLOAD, tcp));
    }
  }
  check(name, 'persistence', ioctl(fd, TUNSETPERSIST, persistent ? 1 : 0));
}

function check(name: string, what: string, result: number): void {
  if (result >= 0) return;
  throw new SelvageError('failed', `Could not set the ${what} of the TAP ${name}: ${errnoName(errno())}.`);
}

function notAttached(name: string, netns: string | undefined, code: number): SelvageError {
  const where = netns === undefined ? '' : ` in namespace ${netns}`;
  if (code === EBUSY) {
    return new SelvageError('in-use', `The TAP ${name}${where} is held by another process.`, {
      hint: 'Stop the other agent, or give the vNIC another name.',
    });
  }
  if (code === EINVAL) {
    return new SelvageError('in-use', `The interface ${name}${where} exists and is not a TAP of ours.`, {
      hint: `Remove it (ip link del ${name}), or give the vNIC another name.`,
    });
  }
  return new SelvageError('no-privilege', `Could not create the TAP ${name}${where}: ${errnoName(code)}.`, {
    hint: code === EPERM ? 'Run as root or with CAP_NET_ADMIN.' : 'See dmesg for the reason.',
  });
}
