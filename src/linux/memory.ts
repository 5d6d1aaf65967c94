// Mapped memory that system calls read and write and JavaScript sees through views. Whatever is handed to the
// kernel by address lies in such a map: a Buffer known only by its address may be collected.

import type { Bytes } from '../base/bytes.ts';
import { SelvageError } from '../base/errors.ts';
import { errno, errnoName, mmap, munmap, viewOf } from './libc.ts';

const PROT_READ_WRITE = 3;
const MAP_SHARED_ANONYMOUS = 0x21;
const FOUR_GIGABYTES = 0x1_0000_0000;
const PAGE = 4096;

export interface MappedMemory {
  readonly bytes: Bytes;
  readonly u32: Uint32Array;
  readonly address: number;
}

/**
 * Maps zeroed memory that does not cross a 4 GB boundary, so that the upper half of every address in it is the
 * same; pages are taken from the system when first touched.
 */
export function mapMemory(length: number): MappedMemory {
  const size = Math.ceil(length / PAGE) * PAGE;
  const discarded: number[] = [];
  let address = mapOnce(size);
  while (Math.floor(address / FOUR_GIGABYTES) !== Math.floor((address + size - 1) / FOUR_GIGABYTES)) {
    discarded.push(address);
    address = mapOnce(size);
  }
  for (const wrong of discarded) munmap(wrong, size);
  const buffer = viewOf(address, size);
  return {
    bytes: { u8: new Uint8Array(buffer), view: new DataView(buffer) },
    u32: new Uint32Array(buffer),
    address,
  };
}

/** Views of it dangle from then on. */
export function unmapMemory({ address, bytes }: MappedMemory): void {
  munmap(address, bytes.u8.length);
}

function mapOnce(size: number): number {
  const address = mmap(0, size, PROT_READ_WRITE, MAP_SHARED_ANONYMOUS, -1, 0);
  if (address > Number.MAX_SAFE_INTEGER) {
    throw new SelvageError('failed', `Could not map ${size} bytes of memory: ${errnoName(errno())}.`, {
      hint: 'Free some memory, or raise the limit on locked and mapped memory.',
    });
  }
  return address;
}

/** Upper and lower half of an address, for writing it into a structure of 32-bit words. */
export function highWord(address: number): number {
  return Math.floor(address / FOUR_GIGABYTES);
}

export function lowWord(address: number): number {
  return address >>> 0;
}
