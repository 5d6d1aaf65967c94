// Linux delays a thread's timers by up to 50 µs to save wake-ups (prctl(2), PR_SET_TIMERSLACK); a data thread's
// timeouts are not much longer than that.

import { prctl } from './libc.ts';

const PR_SET_TIMERSLACK = 29;

/** For the calling thread. */
export function useShortTimerSlack(): void {
  prctl(PR_SET_TIMERSLACK, 1000, 0, 0, 0);
}
