// Copying words between private and shared memory. Few words are copied by a loop, many by the engine's own copy, which
// costs an object a run (record-views.ts: unless it is kept); in runs of at most 2 KB, because beyond that libc copies with one string instruction, which on
// virtual machines was measured to be ten times slower (3 GB/s against 40).

export const LOOP_WORDS = 64;
export const RUN_WORDS = 512;

export function copyWords(
  to: Uint32Array,
  toAt: number,
  from: Uint32Array,
  fromAt: number,
  words: number,
): void {
  if (words <= LOOP_WORDS) {
    for (let i = 0; i < words; i++) to[toAt + i] = from[fromAt + i]!;
    return;
  }
  for (let done = 0; done < words; done += RUN_WORDS) {
    const run = Math.min(RUN_WORDS, words - done);
    to.set(from.subarray(fromAt + done, fromAt + done + run), toAt + done);
  }
}

/** The same for bytes. */
export function copyBytes(
  to: Uint8Array,
  toAt: number,
  from: Uint8Array,
  fromAt: number,
  bytes: number,
): void {
  const runBytes = RUN_WORDS * 4;
  for (let done = 0; done < bytes; done += runBytes) {
    const run = Math.min(runBytes, bytes - done);
    to.set(from.subarray(fromAt + done, fromAt + done + run), toAt + done);
  }
}
