// Elements of a BPF map by system call, for maps that cannot be mapped. Keys and values are bytes of the map's own sizes.

import { SelvageError } from '../../base/errors.ts';
import { ENOENT, errnoName } from '../libc.ts';
import { mapMemory } from '../memory.ts';
import { libbpf } from './libbpf.ts';

const KEY_AT = 0;
const NEXT_AT = 256;
const VALUE_AT = 512;
const E2BIG = 7;

const { bytes, address } = mapMemory(4096);

/** False when the map is full. */
export function putElement(map: number, key: Uint8Array, value: Uint8Array): boolean {
  bytes.u8.set(key, KEY_AT);
  bytes.u8.set(value, VALUE_AT);
  const code = libbpf().update(map, address + KEY_AT, address + VALUE_AT, 0);
  if (code < 0 && code !== -E2BIG) throw failure('write', code);
  return code === 0;
}

export function removeElement(map: number, key: Uint8Array): void {
  bytes.u8.set(key, KEY_AT);
  const code = libbpf().remove(map, address + KEY_AT);
  if (code < 0 && code !== -ENOENT) throw failure('remove', code);
}

/** Undefined where there is none. */
export function readElement(map: number, key: Uint8Array, valueBytes: number): Uint8Array | undefined {
  bytes.u8.set(key, KEY_AT);
  const code = libbpf().lookup(map, address + KEY_AT, address + VALUE_AT);
  if (code === -ENOENT) return undefined;
  if (code < 0) throw failure('read', code);
  return bytes.u8.slice(VALUE_AT, VALUE_AT + valueBytes);
}

/** All there are, as long as nobody else changes the map. */
export function readElements(
  map: number,
  keyBytes: number,
  valueBytes: number,
): { readonly key: Uint8Array; readonly value: Uint8Array }[] {
  const keys: Uint8Array[] = [];
  while (libbpf().nextKey(map, keys.length === 0 ? 0 : address + KEY_AT, address + NEXT_AT) === 0) {
    const key = bytes.u8.slice(NEXT_AT, NEXT_AT + keyBytes);
    keys.push(key);
    bytes.u8.set(key, KEY_AT);
  }
  return keys.flatMap((key) => {
    const value = readElement(map, key, valueBytes);
    return value === undefined ? [] : [{ key, value }];
  });
}

function failure(what: string, code: number): SelvageError {
  return new SelvageError('failed', `Could not ${what} an element of a BPF map: ${errnoName(-code)}.`);
}
