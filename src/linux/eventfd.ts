// A counter one thread or process adds to in order to wake another that waits in epoll.

import { SelvageError } from '../base/errors.ts';
import { close, errno, errnoName, eventfd, read, write } from './libc.ts';
import { mapMemory } from './memory.ts';

const EFD_CLOEXEC_NONBLOCK = 0o2000000 | 0o4000;

/** What signalling writes, and behind it room for what clearing reads; the same for all, for there may be thousands. */
let scratch: number | undefined;

function scratchAddress(): number {
  if (scratch === undefined) {
    const { u32, address } = mapMemory(16);
    u32[0] = 1;
    scratch = address;
  }
  return scratch;
}

export class EventFd {
  readonly fd: number;
  private readonly scratch = scratchAddress();

  /** Makes a new one, or takes one that another thread or process made. */
  constructor(fd = eventfd(0, EFD_CLOEXEC_NONBLOCK)) {
    if (fd < 0) throw new SelvageError('failed', `Could not create an eventfd: ${errnoName(errno())}.`);
    this.fd = fd;
  }

  signal(): void {
    write(this.fd, this.scratch, 8);
  }

  /** Takes the signals that have come, so that epoll sleeps again. */
  clear(): void {
    read(this.fd, this.scratch + 8, 8);
  }

  close(): void {
    close(this.fd);
  }
}
