// A pipe through which one process wakes another that need not be trusted. An eventfd's non-blocking flag belongs to all
// who hold it, and its counter can be set so high that the next write blocks: who is handed one could stop whoever
// wakes it. A pipe's two ends have flags of their own, and a pipe that is full wakes as well.

import { SelvageError } from '../base/errors.ts';
import { close, errno, errnoName, pipe2, read, write } from './libc.ts';
import { type MappedMemory, mapMemory } from './memory.ts';

const O_NONBLOCK_CLOEXEC = 0o4000 | 0o2000000;
const CLEARED_BYTES = 1024;

let scratch: MappedMemory | undefined;
function callMemory(): MappedMemory {
  scratch ??= mapMemory(CLEARED_BYTES);
  return scratch;
}

/** The end that wakes, and the other one to be given away. */
export class WakePipe {
  readonly readFd: number;
  private readonly writeFd: number;
  private readonly scratch: number;

  constructor() {
    const { address, bytes } = callMemory();
    if (pipe2(address, O_NONBLOCK_CLOEXEC) < 0) {
      throw new SelvageError('failed', `Could not create a pipe: ${errnoName(errno())}.`);
    }
    this.readFd = bytes.view.getInt32(0, true);
    this.writeFd = bytes.view.getInt32(4, true);
    this.scratch = address;
  }

  signal(): void {
    write(this.writeFd, this.scratch, 1);
  }

  close(): void {
    close(this.readFd);
    close(this.writeFd);
  }
}

/** Takes the signals that have come, so that epoll sleeps again. */
export function clearPipe(readFd: number): void {
  read(readFd, callMemory().address, CLEARED_BYTES);
}
