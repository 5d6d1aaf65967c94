// What follows when a slot is left: it is bound to a candidate that is known to work (ZooRoute §6), while its traffic has long
// gone on by the other slots. The candidate that it leaves must be at fault for that, on the way there: where that works
// and the slot does not, the peer's slot is to blame, which the peer moves. Which candidate is best says best-candidate.ts; what
// becomes of slots that are slow, slow-routes.ts.
//
// When no slot works, as when a line card fails, nothing empties the slots any more: those whose way there is known to be dead
// move at once, with what is on them. If no probe is answered either, the peer's slots may all be as dead as ours: then
// both ends move theirs to other candidates without knowing, some times, until a pair of them meets.

import { BestCandidate } from './best-candidate.ts';
import type { Candidates, CandidateWatcher } from './candidates.ts';
import {
  type Decisions,
  MOVED_BLINDLY,
  MOVED_BY_REROUTING,
  MOVED_BY_ROUTES,
  MOVED_FOR_SLOWNESS,
} from './decisions.ts';
import { CANDIDATES, type PathTable, SLOTS, type SlotWatcher } from './path-table.ts';
import type { Rebinding } from './rebinding.ts';
import { REROUTE_REASONS, type RerouteReason } from './reroute/core.ts';
import { PORT_BAD, PORT_HEALTHY, PORT_RESTING } from './reroute/slow-table.ts';
import { SLOT_BAD, SLOT_HEALTHY } from './slot-health.ts';
import { LEFT_LOSS } from './slot-history.ts';
import { SlowRoutes, type SlowRoutesState } from './slow-routes.ts';

/**
 * Where no slot works: how soon they are moved blindly, twice as long each time, and how often. Not at once, since it may
 * be that the peer was not scheduled for a moment.
 */
const BLIND_MICROS = 20_000;
const BLIND_ROUNDS = 8;
/** A slot that does not answer for so long, while its source port does, has no way back. */
const WAY_BACK_MICROS = 50_000;

/** By then, candidates that were asked when a slot was left have answered. */
const ANSWERED_BY_MICROS = 50_000;

export interface ReroutingState {
  readonly wanted: readonly (readonly [peer: number, slots: number])[];
  readonly told: readonly (readonly [peer: number, slots: number])[];
  readonly moves: readonly (readonly [peer: number, count: number])[];
  readonly blind: readonly (readonly [peer: number, search: BlindSearch])[];
  readonly slow: SlowRoutesState;
}

interface BlindSearch {
  readonly dueMicros: number;
  readonly rounds: number;
  /** The candidate to go on from. */
  readonly next: number;
}

export class Rerouting implements SlotWatcher, CandidateWatcher {
  private readonly paths: PathTable;
  private readonly candidates: Candidates;
  private readonly rebinding: Rebinding;
  private readonly decisions: Decisions;
  /** Of peers that have any: slots that are to be moved or to come back, and of these those of which something was said. */
  private readonly wanted: Map<number, number>;
  private readonly told: Map<number, number>;
  /** How often slots of each peer were moved here. */
  private readonly moves: Map<number, number>;
  /** Peers none of whose slots works, and that are not given up yet. */
  private readonly blind: Map<number, BlindSearch>;
  /** Peers of which something else is known than at the last look. */
  private readonly news = new Set<number>();
  private readonly best: BestCandidate;
  private readonly slow: SlowRoutes;

  constructor(
    paths: PathTable,
    candidates: Candidates,
    rebinding: Rebinding,
    decisions: Decisions,
    old?: ReroutingState,
  ) {
    this.paths = paths;
    this.candidates = candidates;
    this.rebinding = rebinding;
    this.decisions = decisions;
    this.wanted = new Map(old?.wanted);
    this.told = new Map(old?.told);
    this.moves = new Map(old?.moves);
    this.blind = new Map(old?.blind);
    this.best = new BestCandidate(paths, candidates, rebinding);
    this.slow = new SlowRoutes(paths, candidates, rebinding, this.best, decisions, old?.slow);
    // Which of them had news is not kept: all are looked at.
    for (const peer of this.wanted.keys()) this.news.add(peer);
    paths.watch(this);
    candidates.watcher = this;
    rebinding.watcher = this;
  }

  save(): ReroutingState {
    const { wanted, told, moves, blind } = this;
    const slow = this.slow.save();
    return { wanted: [...wanted], told: [...told], moves: [...moves], blind: [...blind], slow };
  }

  /** How often slots of the peer were moved here: who finds routes goes on from what they have become. */
  movesOf(peer: number): number {
    return this.moves.get(peer) ?? 0;
  }

  slotLeft(now: number, peer: number, slot: number): void {
    const { paths } = this;
    const { suspectedBy, failedBy } = paths.storyOf(peer, slot);
    this.decisions.add(now, 'slot-left', peer, slot, paths.candidateOf(peer, slot), suspectedBy, failedBy);
    this.mark(this.wanted, peer, slot, true);
    this.mark(this.told, peer, slot, false);
    this.candidates.look(now, peer, slot);
    if (failedBy === LEFT_LOSS) this.candidates.condemn(now, peer, paths.candidateOf(peer, slot));
    if (this.worksAny(peer) || this.blind.has(peer)) return;
    this.judged(now, peer);
    this.blind.set(peer, { dueMicros: now + BLIND_MICROS, rounds: 0, next: SLOTS });
  }

  slotBack(now: number, peer: number, slot: number): void {
    this.decisions.add(now, 'slot-back', peer, slot, this.paths.candidateOf(peer, slot));
    this.mark(this.wanted, peer, slot, false);
    this.blind.delete(peer);
    this.rebinding.keep(peer, slot);
  }

  slotSlow(now: number, peer: number, slot: number): void {
    this.slow.slotSlow(now, peer, slot);
  }

  judged(_now: number, peer: number): void {
    if (this.wanted.has(peer)) this.news.add(peer);
  }

  candidateLeft(now: number, peer: number, candidate: number, reason: RerouteReason): void {
    this.decisions.add(now, 'candidate-left', peer, 0, candidate, 0, REROUTE_REASONS.indexOf(reason));
    const slot = this.paths.slotOf(peer, candidate);
    if (slot >= 0) this.paths.condemn(peer, slot, now);
  }

  candidateBack(now: number, peer: number, candidate: number): void {
    this.decisions.add(now, 'candidate-back', peer, 0, candidate);
    const slot = this.paths.slotOf(peer, candidate);
    if (slot >= 0) this.paths.release(peer, slot, now);
  }

  modeChanged(now: number, peer: number, isFull: boolean): void {
    this.decisions.add(now, isFull ? 'mode-full' : 'mode-partial', peer);
  }

  rankingsReset(now: number, peer: number): void {
    this.decisions.add(now, 'rankings-reset', peer);
    this.judged(now, peer);
  }

  alarmEnded(now: number, peer: number): void {
    this.decisions.add(now, 'alarm-over', peer);
  }

  isUnsettled(peer: number): boolean {
    const { paths, candidates } = this;
    const wanted = this.wanted.get(peer) ?? 0;
    for (let slot = 0; slot < SLOTS; slot++)
      if (
        ((wanted >> slot) & 1) === 1 &&
        candidates.stateOf(peer, paths.candidateOf(peer, slot)) !== PORT_HEALTHY
      )
        return true;
    return false;
  }

  /** A slot uses another source port. `why`: MOVED_… */
  moved(now: number, peer: number, slot: number, from: number, to: number, why: number): void {
    this.decisions.add(now, 'slot-moved', peer, slot, from, to, why);
    if (why === MOVED_BY_ROUTES) return;
    this.moves.set(peer, this.movesOf(peer) + 1);
    // These say nothing of a fault near the peer.
    if (why === MOVED_BLINDLY || why === MOVED_FOR_SLOWNESS) return;
    if (this.candidates.onSwitch(now, peer)) this.decisions.add(now, 'alarm', peer);
  }

  nextTimeout(): number {
    if (this.news.size > 0) return 0;
    let due = this.slow.nextTimeout();
    for (const { dueMicros } of this.blind.values()) due = Math.min(due, dueMicros);
    return due;
  }

  /** Decides what the news allow to decide. */
  settle(now: number): void {
    if (this.news.size > 0) {
      for (const peer of this.news) this.decide(now, peer);
      this.news.clear();
    }
    this.slow.settle(now);
    for (const [peer, search] of this.blind) if (search.dueMicros <= now) this.tryOthers(now, peer, search);
  }

  private tryOthers(now: number, peer: number, { rounds, next }: BlindSearch): void {
    const { paths, candidates, rebinding } = this;
    if (this.worksAny(peer) || rounds === BLIND_ROUNDS) {
      this.blind.delete(peer);
      return;
    }
    let candidate = next;
    for (let slot = 0; slot < SLOTS; slot++) {
      const own = paths.candidateOf(peer, slot);
      if (paths.stateOf(peer, slot) !== SLOT_BAD || candidates.answers(peer, own)) continue;
      for (let tried = 0; tried < CANDIDATES; tried++) {
        candidate = (candidate + 1) % CANDIDATES;
        const isFree = candidates.exists(candidate) && paths.slotOf(peer, candidate) < 0;
        if (isFree && !candidates.isLost(peer, candidate)) break;
      }
      const route = paths.candidateRouteOf(peer, candidate);
      rebinding.force(now, peer, slot, candidate, route, MOVED_BLINDLY);
    }
    const dueMicros = now + BLIND_MICROS * 2 ** (rounds + 1);
    this.blind.set(peer, { dueMicros, rounds: rounds + 1, next: candidate });
  }

  private worksAny(peer: number): boolean {
    for (let slot = 0; slot < SLOTS; slot++) if (this.paths.stateOf(peer, slot) === SLOT_HEALTHY) return true;
    return false;
  }

  private decide(now: number, peer: number): void {
    const wanted = this.wanted.get(peer) ?? 0;
    for (let slot = 0; slot < SLOTS; slot++) {
      if (((wanted >> slot) & 1) === 0) continue;
      // While no slot works, it is not waited for that a slot is empty.
      if (this.rebinding.isMoving(peer, slot) && this.worksAny(peer)) continue;
      const candidate = this.paths.candidateOf(peer, slot);
      const state = this.candidates.stateOf(peer, candidate);
      if (state === PORT_BAD) this.move(now, peer, slot);
      else if (state === PORT_HEALTHY || state === PORT_RESTING)
        this.lookAtWayBack(now, peer, slot, candidate);
    }
  }

  private move(now: number, peer: number, slot: number): void {
    const worksAny = this.worksAny(peer);
    // Whose way there works stays: it is the peer that must move.
    if (!worksAny && this.candidates.answers(peer, this.paths.candidateOf(peer, slot))) return;
    // While nothing works, one that was bad a moment ago will do, if it answers.
    const willDo = (each: number) => !worksAny || this.candidates.stateOf(peer, each) !== PORT_BAD;
    const best = this.best.of(now, peer, willDo);
    if (best >= 0) {
      const route = this.paths.candidateRouteOf(peer, best);
      if (worksAny) this.rebinding.move(now, peer, slot, best, route, MOVED_BY_REROUTING);
      else this.rebinding.force(now, peer, slot, best, route, MOVED_BY_REROUTING);
      return;
    }
    const { since } = this.paths.storyOf(peer, slot);
    if (this.isTold(peer, slot) || now < since + ANSWERED_BY_MICROS) return;
    this.decisions.add(now, 'none-works', peer, slot, this.paths.candidateOf(peer, slot));
    this.mark(this.told, peer, slot, true);
  }

  private lookAtWayBack(now: number, peer: number, slot: number, candidate: number): void {
    const { since } = this.paths.storyOf(peer, slot);
    const answered = this.candidates.answeredMicros(peer, candidate);
    if (this.isTold(peer, slot) || answered < since + WAY_BACK_MICROS) return;
    this.decisions.add(now, 'way-back', peer, slot, candidate);
    this.mark(this.told, peer, slot, true);
  }

  private isTold(peer: number, slot: number): boolean {
    return (((this.told.get(peer) ?? 0) >> slot) & 1) === 1;
  }

  private mark(slots: Map<number, number>, peer: number, slot: number, isSet: boolean): void {
    const before = slots.get(peer) ?? 0;
    const after = isSet ? before | (1 << slot) : before & ~(1 << slot);
    if (after === 0) slots.delete(peer);
    else slots.set(peer, after);
  }
}
