// What a thread tells the kernel's scheduler.

import { prctl, schedYield } from './libc.ts';

const PR_SET_TIMERSLACK = 29;

/**
 * Linux delays a thread's timers by up to 50 µs to save wake-ups (prctl(2)); a data thread's timeouts are not much
 * longer than that. For the calling thread.
 */
export function useShortTimerSlack(): void {
  prctl(PR_SET_TIMERSLACK, 1000, 0, 0, 0);
}

/** Lets another thread that is ready have the core. */
export function yieldCore(): void {
  schedYield();
}
