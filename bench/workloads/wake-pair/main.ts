// What it costs to wake a process here: two processes that wake each other in turns through eventfds, each asleep in
// epoll until it is woken, as an agent's data thread is. `wake-pair ROUND_TRIPS [PROGRAM …]` prints the median of half a
// round trip; PROGRAM … runs the second process (taskset, for example).
import { spawn } from 'node:child_process';
import { Epoll } from '../../../src/linux/epoll.ts';
import { EventFd } from '../../../src/linux/eventfd.ts';

const WARM_UP_ROUND_TRIPS = 200;
const PATIENCE_MICROS = 5_000_000;
/** Where the echo finds its two eventfds. */
const INHERITED = { asked: 3, answered: 4 };

class Sleeper {
  private readonly epoll = new Epoll();
  private readonly wakes: EventFd;

  constructor(wakes: EventFd) {
    this.wakes = wakes;
    this.epoll.add(wakes.fd, 0);
  }

  /** False when nobody woke us. */
  sleep(): boolean {
    if (this.epoll.wait(PATIENCE_MICROS) === 0) return false;
    this.wakes.clear();
    return true;
  }
}

function echo(): void {
  const asked = new Sleeper(new EventFd(INHERITED.asked));
  const answered = new EventFd(INHERITED.answered);
  while (asked.sleep()) answered.signal();
}

function measure(roundTrips: number, runner: readonly string[]): void {
  const asked = new EventFd();
  const answered = new EventFd();
  const sleeper = new Sleeper(answered);
  const [program, ...args] = [...runner, process.execPath, process.argv[1]!, 'echo'];
  const partner = spawn(program!, args, {
    stdio: ['ignore', 'inherit', 'inherit', asked.fd, answered.fd],
  });
  const micros: number[] = [];
  for (let trip = 0; trip < WARM_UP_ROUND_TRIPS + roundTrips; trip++) {
    const startedAt = performance.now();
    asked.signal();
    if (!sleeper.sleep()) throw new Error('the other process did not answer');
    if (trip >= WARM_UP_ROUND_TRIPS) micros.push((performance.now() - startedAt) * 1000);
  }
  partner.kill('SIGKILL');
  micros.sort((a, b) => a - b);
  process.stdout.write(`${JSON.stringify({ wakeMicros: micros[micros.length >> 1]! / 2 })}\n`);
}

const [, , task, ...runner] = process.argv;
if (task === 'echo') echo();
else measure(Number(task), runner);
