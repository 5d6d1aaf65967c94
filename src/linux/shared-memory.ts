// Memory that two processes share: a sealed memfd (memfd_create(2)). Whoever makes it keeps it from ever changing its
// size, because a reader of a file that was cut short is killed by SIGBUS; and where only the maker writes, from being
// mapped writable again, by anyone (F_SEAL_FUTURE_WRITE, Linux 5.1).

import { SelvageError } from '../base/errors.ts';
import {
  close,
  EINVAL,
  errno,
  errnoName,
  fcntl,
  ftruncate,
  memfdCreate,
  mmap,
  munmap,
  viewOf,
} from './libc.ts';

const MFD_CLOEXEC = 1;
const MFD_ALLOW_SEALING = 2;
const MFD_NOEXEC_SEAL = 8;
const F_ADD_SEALS = 1033;
const F_SEAL_SEAL = 1;
const F_SEAL_SHRINK = 2;
const F_SEAL_GROW = 4;
const F_SEAL_FUTURE_WRITE = 16;
const PROT_READ = 1;
const PROT_WRITE = 2;
const MAP_SHARED = 1;
const PAGE_BYTES = 4096;

export interface SharedMemory {
  /** To be sent to the other process, and closed. */
  readonly fd: number;
  readonly mapping: Mapping;
}

interface Place {
  readonly address: number;
  readonly length: number;
}

/** A view of it dangles once it is unmapped: whoever unmaps has dropped all views. */
export class Mapping {
  readonly buffer: ArrayBuffer;
  private readonly address: number;
  private readonly length: number;
  private isMapped = true;

  constructor(address: number, length: number) {
    this.address = address;
    this.length = length;
    this.buffer = viewOf(address, length);
  }

  unmap(): void {
    if (!this.isMapped) return;
    this.isMapped = false;
    munmap(this.address, this.length);
  }
}

const forgotten = new FinalizationRegistry<Place>(({ address, length }) => munmap(address, length));

/**
 * Makes zeroed memory. With `writer` 'us' the other process can only read it; with 'them' it can write and we have it
 * read-only.
 */
export function createShared(name: string, bytes: number, writer: 'us' | 'them'): SharedMemory {
  const length = Math.ceil(bytes / PAGE_BYTES) * PAGE_BYTES;
  const fd = newMemfd(name);
  let mapping: Mapping | undefined;
  try {
    check(ftruncate(fd, length), 'give shared memory its size');
    mapping = mapShared(fd, length, writer === 'us');
    // Our own mapping is there already: it stays writable.
    const once = writer === 'us' ? F_SEAL_FUTURE_WRITE : 0;
    check(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | once | F_SEAL_SEAL), 'seal shared memory');
    return { fd, mapping };
  } catch (error) {
    mapping?.unmap();
    close(fd);
    throw error;
  }
}

/** Maps memory that another process made. */
export function mapShared(fd: number, bytes: number, writable: boolean): Mapping {
  const { address, length } = map(fd, bytes, writable);
  return new Mapping(address, length);
}

/** The same, unmapped when nobody has a view any more: for memory whose views are given away. */
export function mapWhileSeen(fd: number, bytes: number, writable: boolean): ArrayBuffer {
  const place = map(fd, bytes, writable);
  const buffer = viewOf(place.address, place.length);
  forgotten.register(buffer, place);
  return buffer;
}

function map(fd: number, bytes: number, writable: boolean): Place {
  const length = Math.ceil(bytes / PAGE_BYTES) * PAGE_BYTES;
  const address = mmap(0, length, writable ? PROT_READ | PROT_WRITE : PROT_READ, MAP_SHARED, fd, 0);
  if (address > Number.MAX_SAFE_INTEGER) throw failed(`map ${length} bytes of shared memory`);
  return { address, length };
}

function newMemfd(name: string): number {
  const flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
  let fd = memfdCreate(name, flags | MFD_NOEXEC_SEAL);
  // Before Linux 6.3 nobody could be kept from executing it.
  if (fd < 0 && errno() === EINVAL) fd = memfdCreate(name, flags);
  if (fd < 0) throw failed('create shared memory');
  return fd;
}

function check(result: number, what: string): void {
  if (result < 0) throw failed(what);
}

function failed(what: string): SelvageError {
  return new SelvageError('failed', `Could not ${what}: ${errnoName(errno())}.`, {
    hint: 'Free some memory, close some sessions, or raise the limits on memory and open files (ulimit -n).',
  });
}
