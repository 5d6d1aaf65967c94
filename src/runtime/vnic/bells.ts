// Doorbells of a native endpoint (Backdraft §4.1): all that either side says about flows and queues goes through one ring of
// records each way, and only these two are looked at; data rings are when a doorbell has named them. What is said of a
// flow is bounded, whatever the other side reads: a full ring is a fault of its reader.

import { Consumer } from '../shm/consumer.ts';
import type { Half, Health } from '../shm/half.ts';
import { Producer } from '../shm/producer.ts';
import { BELL_WORDS, type VnicLayout } from './layout.ts';

/** From the application, of a flow that it sends: the flow's number is the doorbell's. */
export const BELL_OPEN = 1;
/** Its queue has frames. */
export const BELL_DATA = 2;
/** It needs a ring, or another one. */
export const BELL_WANT = 3;
/** It needs its rings no more when they are empty; it stays open. */
export const BELL_REST = 4;
export const BELL_CLOSE = 5;
/** Another weight and priority. */
export const BELL_URGENCY = 6;
/** Of a receive queue: it has room again. */
export const BELL_ROOM = 7;
/** Of a receive queue that was closed: it is empty. */
export const BELL_DONE = 8;
/** Slots have come free. */
export const BELL_SLOTS = 9;

/** From the agent, of a flow that is sent: it may use this ring. */
export const BELL_GRANT = 16;
/** There is no ring for it. */
export const BELL_REFUSE = 17;
/** Its number is free. */
export const BELL_CLOSED = 18;
/** All flows that have nothing to send should give back their rings. */
export const BELL_RECALL = 19;
/** Of a receive queue: its flow is what its ring's first line says. */
export const BELL_FLOW = 20;
/** Nothing more comes into it. */
export const BELL_END = 21;

const NUMBER_SHIFT = 8;
const AT_ONCE = 256;

export class Bells {
  /** What was said last by `listen`. */
  readonly heard = new Uint32Array(AT_ONCE * BELL_WORDS);
  private readonly outgoing: Producer;
  private readonly incoming: Consumer;
  private readonly health: Health;
  private readonly wake: () => void;
  private readonly bell = new Uint32Array(BELL_WORDS);
  wakes = 0;

  /** `wake` wakes the other side: called only when it sleeps, once a sleep. */
  constructor({ bells }: VnicLayout, mine: Half, theirs: Half, health: Health, wake: () => void) {
    this.outgoing = new Producer(mine, theirs, bells, health);
    this.incoming = new Consumer(mine, theirs, bells, health);
    this.health = health;
    this.wake = wake;
  }

  /** The doorbell's place among all, for `isUnread`. */
  ring(what: number, number: number, a = 0, b = 0): number {
    const { bell, outgoing } = this;
    bell[0] = what | (number << NUMBER_SHIFT);
    bell[1] = a;
    bell[2] = b;
    const place = outgoing.pushed;
    if (outgoing.push(bell, 1) === 0) this.health.blame('badDoorbell');
    else if (outgoing.mustRing()) {
      this.wakes++;
      this.wake();
    }
    return place;
  }

  /** Whether the other side has not taken that doorbell yet: it then will look at what it finds afterwards. */
  isUnread(place: number): boolean {
    return this.outgoing.isWaiting(place);
  }

  /** Takes in doorbells, into `heard`; how many. */
  listen(): number {
    return this.incoming.pop(this.heard, AT_ONCE);
  }

  /** Says that we sleep: the next doorbell wakes us. False when one came meanwhile. */
  sleep(): boolean {
    return this.incoming.arm();
  }
}

export function whatOf(word: number): number {
  return word & ((1 << NUMBER_SHIFT) - 1);
}

export function numberOf(word: number): number {
  return word >>> NUMBER_SHIFT;
}
