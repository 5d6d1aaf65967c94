// Programs that exist in this kernel, and the maps they use.

import { mapMemory } from '../memory.ts';
import { libbpf } from './libbpf.ts';

/** struct bpf_prog_info, as far as we read it. */
const INFO_BYTES = 80;
const INFO_AT = 64;
const ID = 4;
const MAP_COUNT = 52;
const MAPS = 56;
const NAME = 64;
const NAME_BYTES = 16;
const MAPS_AT = 1024;
const MAX_MAPS = 64;

const { u32, address, bytes } = mapMemory(4096);

export interface ProgramInfo {
  readonly id: number;
  readonly name: string;
  readonly maps: readonly number[];
}

/** Undefined when it is gone. */
export function programInfo(fd: number): ProgramInfo | undefined {
  bytes.u8.fill(0, INFO_AT, INFO_AT + INFO_BYTES);
  u32[0] = INFO_BYTES;
  bytes.view.setUint32(INFO_AT + MAP_COUNT, MAX_MAPS, true);
  bytes.view.setBigUint64(INFO_AT + MAPS, BigInt(address + MAPS_AT), true);
  if (libbpf().infoByFd(fd, address + INFO_AT, address) < 0) return undefined;
  const name = bytes.u8.slice(INFO_AT + NAME, INFO_AT + NAME + NAME_BYTES);
  const maps = Math.min(bytes.view.getUint32(INFO_AT + MAP_COUNT, true), MAX_MAPS);
  return {
    id: bytes.view.getUint32(INFO_AT + ID, true),
    name: new TextDecoder().decode(name.subarray(0, name.indexOf(0))),
    maps: [...u32.subarray(MAPS_AT / 4, MAPS_AT / 4 + maps)],
  };
}

/** A descriptor of the program, to be closed; undefined when it is gone. */
export function openProgram(id: number): number | undefined {
  const fd = libbpf().programFdById(id);
  return fd < 0 ? undefined : fd;
}
