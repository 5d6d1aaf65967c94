// All that keeps the slots of a switch on source ports that work: what is known of candidates, what is decided by it, and the
// changes that follow while packets flow.

import { Candidates, type CandidatesState } from './candidates.ts';
import { Decisions, type DecisionsState } from './decisions.ts';
import type { PathTable } from './path-table.ts';
import { Rebinding, type RebindingState } from './rebinding.ts';
import { Rerouting, type ReroutingState } from './rerouting.ts';
import type { SlotBinding } from './routes.ts';

export interface PathCareState {
  readonly candidates: CandidatesState;
  readonly rebinding: RebindingState;
  readonly decisions: DecisionsState;
  readonly rerouting: ReroutingState;
}

export interface PathCareActions {
  /** True when the slot has nothing unacknowledged. */
  isSlotEmpty(peer: number, slot: number): boolean;
  bindSlot(peer: number, slot: number, candidate: number): void;
  hasPort(candidate: number): boolean;
}

export class PathCare {
  readonly candidates: Candidates;
  readonly decisions: Decisions;
  readonly rerouting: Rerouting;
  private readonly rebinding: Rebinding;

  constructor(nowMicros: number, paths: PathTable, actions: PathCareActions, old?: PathCareState) {
    const hasPort = (candidate: number) => actions.hasPort(candidate);
    this.candidates = new Candidates(nowMicros, paths, hasPort, old?.candidates);
    this.decisions = new Decisions(old?.decisions);
    const { candidates, decisions } = this;
    this.rebinding = new Rebinding(
      paths,
      {
        isSlotEmpty: (peer, slot) => actions.isSlotEmpty(peer, slot),
        bindSlot: (peer, slot, candidate) => actions.bindSlot(peer, slot, candidate),
        isBad: (peer, candidate) => candidates.isBad(peer, candidate),
      },
      nowMicros,
      old?.rebinding,
    );
    this.rerouting = new Rerouting(paths, candidates, this.rebinding, decisions, old?.rerouting);
  }

  save(): PathCareState {
    return {
      candidates: this.candidates.save(),
      rebinding: this.rebinding.save(),
      decisions: this.decisions.save(),
      rerouting: this.rerouting.save(),
    };
  }

  /** What the slots to a peer should use, by what is known of routes, and the route of each candidate. */
  ask(now: number, peer: number, slots: readonly SlotBinding[], routes: readonly number[]): void {
    this.rebinding.ask(now, peer, slots, routes);
  }

  /** After what came in was taken in, and timers were looked at. */
  settle(now: number): void {
    this.rerouting.settle(now);
    this.rebinding.settle(now);
  }

  nextTimeout(): number {
    return Math.min(this.rerouting.nextTimeout(), this.rebinding.nextTimeout());
  }
}
