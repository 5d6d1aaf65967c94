// One thread of a program: each piece of work is done when those before it are done and its own time has passed,
// which is half to one and a half times the mean.

import type { Rng } from '../../src/base/rng.ts';
import type { Clock } from '../clock.ts';
import { Conveyor } from '../conveyor.ts';

export class Worker<T> {
  private readonly clock: Clock;
  private readonly rng: Rng;
  private readonly meanMicros: number;
  private readonly queue: Conveyor<T>;
  private idleAtMicros = 0;

  constructor(clock: Clock, rng: Rng, meanMicros: number, done: (item: T) => void) {
    this.clock = clock;
    this.rng = rng;
    this.meanMicros = meanMicros;
    this.queue = new Conveyor(clock, done);
  }

  add(item: T): void {
    const micros = this.meanMicros * (0.5 + this.rng.u32() / 0x1_0000_0000);
    this.idleAtMicros = Math.max(this.idleAtMicros, this.clock.nowMicros) + micros;
    this.queue.push(this.idleAtMicros, item);
  }
}
