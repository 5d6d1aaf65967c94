// Who of an endpoint's flows has which data rings (Backdraft §4.2): a flow gets one when it first sends, a further one when
// it is full, as far as a bandwidth-delay product goes, and those it has read empty come back. When the pool is short, flows
// that have a ring get no more, those that have none wait in their order, and flows that rest are asked for theirs.

import { BELL_GRANT, BELL_RECALL, BELL_REFUSE, type Bells } from '../../runtime/vnic/bells.ts';

export const NO_RING = -1;

/** Of the pool, what is kept for flows that have no ring. */
const RESERVED_SHARE = 8;

export class RingGrants {
  /** The ring that a flow's next frame is in. */
  readonly reading: Int32Array;
  /** The one that it was granted last, and of each ring the one behind it. */
  private readonly last: Int32Array;
  private readonly behind: Int32Array;
  /** Times that a flow had to wait for a ring. */
  exhausted = 0;
  private readonly held: Uint8Array;
  private readonly perFlow: number;
  private readonly bells: Bells;
  private readonly pool: Uint32Array;
  private free: number;
  /** Flows without a ring that want one, 1 each; they get theirs in turn. */
  private readonly waiting: Uint8Array;
  private waitingFlows = 0;
  private nextFlow = 0;
  private hasRecalled = false;

  constructor(rings: number, perFlow: number, bells: Bells) {
    this.reading = new Int32Array(rings).fill(NO_RING);
    this.last = new Int32Array(rings).fill(NO_RING);
    this.behind = new Int32Array(rings).fill(NO_RING);
    this.held = new Uint8Array(rings);
    this.perFlow = perFlow;
    this.bells = bells;
    this.pool = Uint32Array.from({ length: rings }, (_, i) => rings - 1 - i);
    this.free = rings;
    this.waiting = new Uint8Array(rings);
  }

  get inUse(): number {
    return this.pool.length - this.free;
  }

  /** The flow needs a ring, or another one. */
  want(flow: number): void {
    if (this.reading[flow] === NO_RING) {
      if (this.free > 0) this.grant(flow);
      else this.wait(flow);
    } else if (this.free <= this.pool.length / RESERVED_SHARE || this.held[flow]! >= this.perFlow)
      this.bells.ring(BELL_REFUSE, flow);
    else this.grant(flow);
  }

  /** Its ring has been read to the link at its end; false when that names another ring than it was granted. */
  follow(flow: number, next: number): boolean {
    const empty = this.reading[flow]!;
    if (this.behind[empty] !== next || next === NO_RING) return false;
    this.reading[flow] = next;
    this.behind[empty] = NO_RING;
    this.held[flow]!--;
    this.giveBack(empty);
    this.serveWaiting();
    return true;
  }

  /** Its rings are empty and it needs them no more. */
  release(flow: number): void {
    const { reading, last, behind, waiting } = this;
    if (waiting[flow] === 1) {
      waiting[flow] = 0;
      this.waitingFlows--;
    }
    this.held[flow] = 0;
    for (let ring = reading[flow]!; ring !== NO_RING; ) {
      const next = behind[ring]!;
      behind[ring] = NO_RING;
      this.giveBack(ring);
      ring = next;
    }
    reading[flow] = NO_RING;
    last[flow] = NO_RING;
    this.serveWaiting();
  }

  private grant(flow: number): void {
    const ring = this.pool[--this.free]!;
    if (this.reading[flow] === NO_RING) this.reading[flow] = ring;
    else this.behind[this.last[flow]!] = ring;
    this.last[flow] = ring;
    this.held[flow]!++;
    this.bells.ring(BELL_GRANT, flow, ring);
  }

  private wait(flow: number): void {
    if (this.waiting[flow] === 1) return;
    this.exhausted++;
    this.waiting[flow] = 1;
    this.waitingFlows++;
    if (this.hasRecalled) return;
    this.hasRecalled = true;
    this.bells.ring(BELL_RECALL, 0);
  }

  private giveBack(ring: number): void {
    this.pool[this.free++] = ring;
  }

  private serveWaiting(): void {
    const { waiting } = this;
    while (this.waitingFlows > 0 && this.free > 0) {
      while (waiting[this.nextFlow] === 0) this.nextFlow = (this.nextFlow + 1) % waiting.length;
      waiting[this.nextFlow] = 0;
      this.waitingFlows--;
      this.grant(this.nextFlow);
    }
    if (this.waitingFlows === 0) this.hasRecalled = false;
  }
}
