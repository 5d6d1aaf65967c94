// What libbpf and the kernel's verifier say while something is loaded, kept instead of printed, so that a failure can be
// explained to whoever asked.

import koffi from 'koffi';
import { type MappedMemory, mapMemory } from '../memory.ts';
import { libbpf, PrintFunction } from './libbpf.ts';

const MESSAGE_BYTES = 1 << 20;
/** Level 2 is for those who debug libbpf itself. */
const LEVEL_INFO = 1;

const libc = koffi.load('libc.so.6');
const vsnprintf = libc.func(
  'int vsnprintf(uint64_t buffer, uint64_t size, uint64_t format, uint64_t args)',
) as (buffer: number, size: number, format: number, args: number) => number;

let memory: MappedMemory | undefined;

/** Does `work`; `failed` makes the error from what was said when the work returned undefined. */
export function listen<T>(work: () => T | undefined, failed: (said: readonly string[]) => Error): T {
  memory ??= mapMemory(MESSAGE_BYTES);
  const { bytes, address } = memory;
  const said: string[] = [];
  const print = koffi.register((level: number, format: number, args: number): number => {
    if (level > LEVEL_INFO) return 0;
    const length = Math.min(vsnprintf(address, MESSAGE_BYTES, format, args), MESSAGE_BYTES - 1);
    said.push(...new TextDecoder().decode(bytes.u8.slice(0, length)).trimEnd().split('\n'));
    return length;
  }, koffi.pointer(PrintFunction));
  const { setPrint } = libbpf();
  setPrint(print);
  try {
    const done = work();
    if (done === undefined) throw failed(said);
    return done;
  } finally {
    setPrint(null);
    koffi.unregister(print);
  }
}

/** The end of the verifier's log if there is one, else the last things said. */
export function lastWords(said: readonly string[], lines = 8): string {
  const end = said.findIndex((line) => line.includes('END PROG LOAD LOG'));
  const verifier = said
    .slice(0, Math.max(0, end))
    .filter((line) => !/^(?:processed|verification time|stack depth)/.test(line));
  return (end < 0 ? said : verifier).slice(-lines).join('\n');
}
