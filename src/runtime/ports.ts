// Where an engine's queues are plugged in. Engines keep their ports for good; what a port leads to changes between
// turns. When an input is connected anew it first takes all that is left of the old ring, also what an engine that is
// being removed still passes on: nothing is lost, nothing overtakes.

import type { Queue } from './queue.ts';
import { Ring } from './ring.ts';

export class OutputPort implements Queue {
  ring: Ring | undefined;
  /** Has the engine run that writes here. */
  readonly wake: () => void;

  constructor(wake: () => void) {
    this.wake = wake;
  }

  push(src: Uint32Array, n: number): number {
    return this.ring === undefined ? 0 : this.ring.push(src, n);
  }

  /** What goes out cannot be taken back. */
  pop(): number {
    return 0;
  }

  arm(): boolean {
    return true;
  }

  disconnect(): void {
    this.ring?.leave();
    this.ring = undefined;
  }
}

export class InputPort implements Queue {
  /** The one that is read, and those that follow it in order. */
  private readonly rings: Ring[] = [];
  /** Has the engine run that reads here. */
  private readonly wake: () => void;

  constructor(wake: () => void) {
    this.wake = wake;
  }

  push(): number {
    return 0;
  }

  pop(dst: Uint32Array, n: number): number {
    this.forgetFinished();
    return this.rings.length === 0 ? 0 : this.rings[0]!.pop(dst, n);
  }

  arm(): boolean {
    return !this.hasRecords();
  }

  hasRecords(): boolean {
    this.forgetFinished();
    return this.rings.length > 0 && this.rings[0]!.count > 0;
  }

  /** Nothing is here and nothing will come. */
  get isFinished(): boolean {
    this.forgetFinished();
    return this.rings.length === 0;
  }

  connect(output: OutputPort): void {
    output.disconnect();
    output.ring = new Ring(this.wake, output.wake);
    this.rings.push(output.ring);
  }

  has(ring: Ring): boolean {
    return this.rings.includes(ring);
  }

  private forgetFinished(): void {
    const { rings } = this;
    while (rings.length > 0 && rings[0]!.writers === 0 && rings[0]!.count === 0) rings.shift();
  }
}
