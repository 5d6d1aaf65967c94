// Runs a BPF program once, from here (BPF_PROG_TEST_RUN): one of type `syscall`, or one that sees a packet.

import { SelvageError } from '../../base/errors.ts';
import { errnoName } from '../libc.ts';
import { highWord, lowWord, mapMemory } from '../memory.ts';
import { libbpf } from './libbpf.ts';

/** struct bpf_test_run_opts: its size comes first, all else may be 0. */
const OPTIONS_BYTES = 80;
const DATA_IN = 8;
const DATA_OUT = 16;
const DATA_IN_BYTES = 24;
const DATA_OUT_BYTES = 28;
const RETVAL = 56;
const REPEAT = 60;
const DURATION = 64;

const MAX_PACKET = 4096;
const IN_AT = 1024;
const OUT_AT = IN_AT + MAX_PACKET;

const scratch = mapMemory(OUT_AT + MAX_PACKET);

/** What the program returned. */
export function runOnce(programFd: number): number {
  clear();
  run(programFd);
  return scratch.u32[RETVAL / 4]!;
}

export interface PacketRun {
  readonly verdict: number;
  readonly packet: Uint8Array;
  /** Nanoseconds a run, of as many as were asked for. */
  readonly nanos: number;
}

/** A whole frame; the kernel wants 14 bytes at least. */
export function runOnPacket(programFd: number, packet: Uint8Array, repeat = 1): PacketRun {
  clear();
  const { u32, address, bytes } = scratch;
  bytes.u8.set(packet, IN_AT);
  for (const [at, value] of [
    [DATA_IN, address + IN_AT],
    [DATA_OUT, address + OUT_AT],
  ] as const) {
    u32[at / 4] = lowWord(value);
    u32[at / 4 + 1] = highWord(value);
  }
  u32[DATA_IN_BYTES / 4] = packet.length;
  u32[DATA_OUT_BYTES / 4] = MAX_PACKET;
  u32[REPEAT / 4] = repeat;
  run(programFd);
  return {
    verdict: u32[RETVAL / 4]! | 0,
    packet: bytes.u8.slice(OUT_AT, OUT_AT + u32[DATA_OUT_BYTES / 4]!),
    nanos: u32[DURATION / 4]!,
  };
}

function clear(): void {
  scratch.bytes.u8.fill(0, 0, OPTIONS_BYTES);
  scratch.u32[0] = OPTIONS_BYTES;
}

function run(programFd: number): void {
  const code = libbpf().testRun(programFd, scratch.address);
  if (code < 0) throw new SelvageError('failed', `A BPF program could not be run: ${errnoName(-code)}.`);
}
