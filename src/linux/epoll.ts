// Waiting for file descriptors with microsecond timeouts (epoll_pwait2, Linux 5.11 and glibc 2.35).

import { SelvageError } from '../base/errors.ts';
import { close, EINTR, epollCreate1, epollCtl, epollPwait2, errno, errnoName } from './libc.ts';
import { type MappedMemory, mapMemory, unmapMemory } from './memory.ts';

const EPOLL_CTL_ADD = 1;
const EPOLL_CTL_DEL = 2;
const EPOLL_CLOEXEC = 0o2000000;
const EPOLLIN = 1;
const EPOLLERR = 8;
const EPOLLET = 0x8000_0000;
const EVENT_BYTES = 12;
const MAX_EVENTS = 64;

export class Epoll {
  /** Readable when a watched descriptor is: an epoll can be watched by another. */
  readonly fd: number;
  /** Undefined once it is closed. */
  private memory: MappedMemory | undefined;
  private readonly timeoutAddress: number;
  private readonly scratchAddress: number;

  constructor() {
    this.fd = epollCreate1(EPOLL_CLOEXEC);
    if (this.fd < 0) throw new SelvageError('failed', `Could not create an epoll: ${errnoName(errno())}.`);
    this.memory = mapMemory(4096);
    this.timeoutAddress = this.memory.address + 2048;
    this.scratchAddress = this.memory.address + 3072;
  }

  /**
   * Watches `fd` for input; `wait` reports it as `tag`: as long as there is input, or with 'edges' once whenever some is
   * added, so that nobody need read it.
   */
  add(fd: number, tag: number, trigger: 'level' | 'edges' = 'level'): void {
    const { view } = this.memory!.bytes;
    view.setUint32(3072, trigger === 'edges' ? EPOLLIN + EPOLLET : EPOLLIN, true);
    view.setUint32(3076, tag, true);
    view.setUint32(3080, 0, true);
    if (epollCtl(this.fd, EPOLL_CTL_ADD, fd, this.scratchAddress) < 0) {
      throw new SelvageError('failed', `Could not watch descriptor ${fd}: ${errnoName(errno())}.`);
    }
  }

  remove(fd: number): void {
    epollCtl(this.fd, EPOLL_CTL_DEL, fd, this.scratchAddress);
  }

  /**
   * Waits until a descriptor is readable or `timeoutMicros` have passed (Infinity: for ever; 0: not at all).
   * The number of ready descriptors; their tags are `tag(0)` … `tag(n - 1)`.
   */
  wait(timeoutMicros: number): number {
    let timeout = 0;
    if (timeoutMicros !== Number.POSITIVE_INFINITY) {
      const { view } = this.memory!.bytes;
      const seconds = Math.floor(timeoutMicros / 1e6);
      view.setUint32(2048, seconds, true);
      view.setUint32(2056, Math.floor((timeoutMicros - seconds * 1e6) * 1000), true);
      timeout = this.timeoutAddress;
    }
    const ready = epollPwait2(this.fd, this.memory!.address, MAX_EVENTS, timeout, 0);
    if (ready >= 0) return ready;
    const code = errno();
    if (code === EINTR) return 0;
    throw new SelvageError('failed', `Waiting for descriptors failed: ${errnoName(code)}.`);
  }

  /** True when the descriptor has failed: that of a TAP whose interface was removed. It stays ready for ever. */
  hasFailed(index: number): boolean {
    return (this.memory!.bytes.view.getUint32(index * EVENT_BYTES, true) & EPOLLERR) !== 0;
  }

  tag(index: number): number {
    return this.memory!.bytes.view.getUint32(index * EVENT_BYTES + 4, true);
  }

  close(): void {
    if (this.memory === undefined) return;
    close(this.fd);
    unmapMemory(this.memory);
    this.memory = undefined;
  }
}
