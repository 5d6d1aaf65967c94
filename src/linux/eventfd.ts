// A counter one thread adds to in order to wake another that waits in epoll.

import { SelvageError } from '../base/errors.ts';
import { close, errno, errnoName, eventfd, read, write } from './libc.ts';
import { mapMemory } from './memory.ts';

const EFD_CLOEXEC_NONBLOCK = 0o2000000 | 0o4000;

export class EventFd {
  readonly fd: number;
  private readonly memory = mapMemory(16);

  /** Makes a new one, or takes one that another thread of this process made. */
  constructor(fd = eventfd(0, EFD_CLOEXEC_NONBLOCK)) {
    if (fd < 0) throw new SelvageError('failed', `Could not create an eventfd: ${errnoName(errno())}.`);
    this.fd = fd;
    this.memory.u32[0] = 1;
  }

  signal(): void {
    write(this.fd, this.memory.address, 8);
  }

  /** Takes the signals that have come, so that epoll sleeps again. */
  clear(): void {
    read(this.fd, this.memory.address + 8, 8);
  }

  close(): void {
    close(this.fd);
  }
}
