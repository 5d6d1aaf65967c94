// Maps that exist in this kernel, whoever made them: a map lives as long as something uses it, also without a process.

import { SelvageError } from '../../base/errors.ts';
import { close, errno, errnoName } from '../libc.ts';
import { mapMemory } from '../memory.ts';
import { libbpf } from './libbpf.ts';

/** struct bpf_map_info, as far as we read it. */
const INFO_BYTES = 40;
const INFO_AT = 64;
const NAME_AT = 24;

const scratch = mapMemory(4096);

export interface MapInfo {
  readonly id: number;
  readonly valueBytes: number;
  readonly maxEntries: number;
  readonly name: string;
}

export function mapInfo(fd: number): MapInfo {
  const { u32, address, bytes } = scratch;
  u32[0] = INFO_BYTES;
  bytes.u8.fill(0, INFO_AT, INFO_AT + INFO_BYTES);
  if (libbpf().infoByFd(fd, address + INFO_AT, address) < 0) {
    throw new SelvageError('failed', `The kernel says nothing about a BPF map: ${errnoName(errno())}.`);
  }
  const name = bytes.u8.slice(INFO_AT + NAME_AT, INFO_AT + INFO_BYTES);
  const field = (index: number) => u32[INFO_AT / 4 + index]!;
  return {
    id: field(1),
    valueBytes: field(3),
    maxEntries: field(4),
    name: new TextDecoder().decode(name.subarray(0, name.indexOf(0))),
  };
}

/** A descriptor of the map, to be closed; undefined when it is gone. */
export function openMap(id: number): number | undefined {
  const fd = libbpf().mapFdById(id);
  return fd < 0 ? undefined : fd;
}

/** The first map, newest first, of this name for which `choose` returns something; it gets the descriptor and keeps it then. */
export function findMap<T>(
  name: string,
  choose: (fd: number, info: MapInfo) => T | undefined,
): T | undefined {
  for (const id of mapIds().reverse()) {
    const fd = openMap(id);
    if (fd === undefined) continue;
    const info = mapInfo(fd);
    const chosen = info.name === name ? choose(fd, info) : undefined;
    if (chosen !== undefined) return chosen;
    close(fd);
  }
  return undefined;
}

function mapIds(): number[] {
  const { u32, address } = scratch;
  const ids: number[] = [];
  while (libbpf().nextMapId(ids.at(-1) ?? 0, address) === 0) ids.push(u32[0]!);
  return ids;
}
