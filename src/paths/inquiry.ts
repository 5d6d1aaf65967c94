// One question to the routers at one distance: which of you is on the way that this source port takes? A datagram
// whose TTL ends there is answered by its router (RFC 792), if it cares to: routers answer few (Linux: six at once and
// then one a second to each host), and some none. So those without an answer are asked again in rounds of a second,
// fewer a round where only some are answered. Whoever has been asked often enough while nobody at all was answered
// is silent.

import { UNKNOWN_HOP } from './hops.ts';

/** Long enough for an answer from another continent, and for a router to be willing again. */
const ROUND_MICROS = 1_050_000;
/** Times that silence has to be confirmed. */
const TRIES = 3;
const FIRST_ROUND = 32;
const LEAST_ROUND = 4;
/** Answers may trickle in, but not for ever. */
const MAX_ROUNDS = 40;

export interface Patience {
  readonly roundMicros: number;
  readonly tries: number;
}

export const PATIENT: Patience = { roundMicros: ROUND_MICROS, tries: TRIES };

interface Waiting {
  readonly candidate: number;
  /** Times asked since anybody was last answered. */
  tries: number;
}

export class Inquiry {
  readonly ttl: number;
  /** Router by candidate; of those that stayed silent UNKNOWN_HOP. Complete when `isDone`. */
  readonly answers = new Map<number, string>();
  private waiting: Waiting[];
  private readonly patience: Patience;
  private readonly asked = new Set<number>();
  private rounds = 0;
  private roundSize = FIRST_ROUND;
  private askedThisRound = 0;
  private answeredThisRound = 0;
  private roundEnds = Number.NEGATIVE_INFINITY;

  constructor(ttl: number, candidates: readonly number[], patience = PATIENT) {
    this.ttl = ttl;
    this.patience = patience;
    this.waiting = candidates.map((candidate) => ({ candidate, tries: 0 }));
  }

  get isDone(): boolean {
    return this.waiting.length === 0;
  }

  /** The candidate to send a probe from now, or -1: none before `nextTimeout`. */
  ask(now: number): number {
    if (now >= this.roundEnds) this.startRound();
    if (this.isDone || this.askedThisRound >= this.roundSize) return -1;
    const next = this.waiting.shift()!;
    this.waiting.push(next);
    next.tries++;
    this.asked.add(next.candidate);
    this.askedThisRound++;
    this.roundEnds = now + this.patience.roundMicros;
    return next.candidate;
  }

  /** A router answered a probe; false when nobody waits for that. */
  onAnswer(candidate: number, router: string): boolean {
    const at = this.waiting.findIndex((one) => one.candidate === candidate);
    if (at < 0 || !this.asked.has(candidate)) return false;
    this.waiting.splice(at, 1);
    this.answers.set(candidate, router);
    this.answeredThisRound++;
    for (const one of this.waiting) one.tries = 0;
    // Nothing is held back: no need to wait for the round's end.
    if (this.answeredThisRound === this.roundSize) this.roundEnds = Number.NEGATIVE_INFINITY;
    return true;
  }

  /** When `ask` has something to say again at the latest, as far as time alone decides. */
  nextTimeout(now: number): number {
    if (this.isDone) return now;
    return this.askedThisRound < this.roundSize ? now : Math.max(now, this.roundEnds);
  }

  private startRound(): void {
    const limited = this.answeredThisRound > 0 && this.waiting.length > 0;
    if (limited) this.roundSize = Math.max(LEAST_ROUND, this.answeredThisRound * 2);
    this.roundSize = Math.min(this.roundSize, this.waiting.length);
    this.askedThisRound = 0;
    this.answeredThisRound = 0;
    const given = this.rounds++ >= MAX_ROUNDS;
    if (!given && this.waiting.some(({ tries }) => tries < this.patience.tries)) return;
    for (const { candidate } of this.waiting) this.answers.set(candidate, UNKNOWN_HOP);
    this.waiting = [];
  }
}
