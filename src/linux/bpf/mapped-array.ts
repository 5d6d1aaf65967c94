// The values of a BPF array that was made with BPF_F_MMAPABLE, as memory that both sides see at once.

import { SelvageError } from '../../base/errors.ts';
import { errno, errnoName, mmap, munmap, viewOf } from '../libc.ts';

const PROT_READ = 1;
const PROT_READ_WRITE = 3;
const MAP_SHARED = 1;
const PAGE = 4096;

export interface SharedView {
  readonly buffer: ArrayBuffer;
  /** The buffer may not be touched afterwards. */
  unmap(): void;
}

export function mapArray(fd: number, entries: number, valueBytes: number): SharedView {
  return mapShared(fd, Math.ceil((entries * valueBytes) / PAGE) * PAGE, 0, 'read-write');
}

export function mapShared(
  fd: number,
  length: number,
  offset: number,
  mode: 'read' | 'read-write',
): SharedView {
  const protection = mode === 'read' ? PROT_READ : PROT_READ_WRITE;
  const address = mmap(0, length, protection, MAP_SHARED, fd, offset);
  if (address > Number.MAX_SAFE_INTEGER) {
    throw new SelvageError('failed', `Could not map ${length} bytes of a BPF map: ${errnoName(errno())}.`);
  }
  return { buffer: viewOf(address, length), unmap: () => munmap(address, length) };
}
