// The system's time of day, on which the kernel stamps what it receives (clock_gettime(2)).

import { clockGettime } from './libc.ts';
import { mapMemory } from './memory.ts';

const CLOCK_REALTIME = 0;

export class RealTime {
  private readonly memory = mapMemory(16);

  /** Microseconds since 1970. */
  micros(): number {
    clockGettime(CLOCK_REALTIME, this.memory.address);
    return timespecMicros(this.memory.u32, 0);
  }
}

/** Microseconds of the struct timespec whose first word is `words[at]`. */
export function timespecMicros(words: Uint32Array, at: number): number {
  return (words[at + 1]! * 0x1_0000_0000 + words[at]!) * 1e6 + words[at + 2]! / 1000;
}
