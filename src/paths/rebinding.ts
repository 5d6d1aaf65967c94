// Changing the source ports of slots while packets flow: a slot whose port is to change gets nothing new, as long as
// another one will do, and changes when nothing on it is unacknowledged, since loss is judged by the order on a slot
// (BIFROST §4.3). One slot of a peer at a time, so that the others carry on; but slots that were left for a fault carry
// nothing anyway, and change as soon as what was on them is sent again elsewhere. Plain VXLAN is not acknowledged: there
// a flow's packets may pass each other once.

import { MOVED_BY_REROUTING, MOVED_BY_ROUTES } from './decisions.ts';
import { type PathTable, SLOTS } from './path-table.ts';
import type { SlotBinding } from './routes.ts';

/** Between two looks whether a slot is empty. */
const LOOK_MICROS = 1000;

interface Move extends SlotBinding {
  readonly slot: number;
}

interface Change extends Move {
  /** MOVED_…; a slot that was left for a fault need not be drained. */
  readonly why: number;
}

/** What is still to change, by peer; the first slot of each that has no fault is being emptied. */
export type RebindingState = ReadonlyMap<number, readonly Change[]>;

export interface RebindingActions {
  /** True when the slot has nothing unacknowledged. */
  isSlotEmpty(peer: number, slot: number): boolean;
  bindSlot(peer: number, slot: number, candidate: number): void;
  /** A candidate that is known not to work is not taken. */
  isBad(peer: number, candidate: number): boolean;
}

export interface RebindingWatcher {
  /** `why`: MOVED_… */
  moved(now: number, peer: number, slot: number, from: number, to: number, why: number): void;
}

export class Rebinding {
  watcher: RebindingWatcher | undefined;
  private readonly paths: PathTable;
  private readonly actions: RebindingActions;
  private readonly pending = new Map<number, readonly Change[]>();
  private nextLook = Number.POSITIVE_INFINITY;

  constructor(paths: PathTable, actions: RebindingActions, nowMicros: number, old?: RebindingState) {
    this.paths = paths;
    this.actions = actions;
    for (const [peer, changes] of old ?? []) this.begin(nowMicros, peer, changes);
  }

  save(): RebindingState {
    return new Map(this.pending);
  }

  /**
   * Asks for what all slots of a peer should use, instead of what was asked for before; `routes` are all candidates'. It
   * was chosen without knowing what does not work: where that is among it, slots stay as they are.
   */
  ask(now: number, peer: number, slots: readonly SlotBinding[], routes: readonly number[] = []): void {
    const { paths, actions, pending } = this;
    paths.setCandidateRoutes(peer, routes);
    const asked = slots.slice(0, SLOTS);
    const isNew = ({ candidate }: SlotBinding, slot: number) => paths.candidateOf(peer, slot) !== candidate;
    const isTaken = !asked.some((each, slot) => isNew(each, slot) && actions.isBad(peer, each.candidate));
    const changes: Change[] = [];
    for (const [slot, { candidate, route }] of asked.entries()) {
      const stays = !isNew(asked[slot]!, slot);
      if (isTaken) paths.setDraining(peer, slot, false);
      paths.setRoute(peer, slot, stays ? route : (routes[paths.candidateOf(peer, slot)] ?? 0));
      if (!stays) changes.push({ slot, candidate, route, why: MOVED_BY_ROUTES });
    }
    if (!isTaken) return;
    // What is to be moved for other reasons is still to be moved, unless this moves it or takes its place.
    const others = (pending.get(peer) ?? []).filter(
      (other) =>
        other.why !== MOVED_BY_ROUTES &&
        asked.every(
          (each, slot) => each.candidate !== other.candidate && (slot !== other.slot || !isNew(each, slot)),
        ),
    );
    pending.delete(peer);
    if (changes.length + others.length > 0) this.begin(now, peer, [...changes, ...others]);
  }

  /** Asks for another candidate for a slot that was left, or is slow. `why`: MOVED_… */
  move(now: number, peer: number, slot: number, candidate: number, route: number, why: number): void {
    const others = (this.pending.get(peer) ?? []).filter((change) => change.slot !== slot);
    this.begin(now, peer, [...others, { slot, candidate, route, why }]);
  }

  /**
   * Gives a slot another candidate whatever is on it: where nothing comes back at all, nothing else will empty it. What
   * was on it may then be taken for lost before its time. `why`: MOVED_…
   */
  force(now: number, peer: number, slot: number, candidate: number, route: number, why: number): void {
    this.keep(peer, slot);
    this.change(now, peer, { slot, candidate, route }, why);
  }

  /** A slot that was to be moved for a fault works again. */
  keep(peer: number, slot: number): void {
    const changes = this.pending.get(peer);
    if (changes === undefined) return;
    const left = changes.filter((change) => change.slot !== slot || !isFault(change));
    if (left.length === 0) this.pending.delete(peer);
    else this.pending.set(peer, left);
  }

  isMoving(peer: number, slot: number): boolean {
    return this.pending.get(peer)?.some((change) => change.slot === slot) ?? false;
  }

  /** Whether a slot is about to use the candidate. */
  isTarget(peer: number, candidate: number): boolean {
    return this.pending.get(peer)?.some((change) => change.candidate === candidate) ?? false;
  }

  /** Changes every slot that is ready to. */
  settle(now: number): void {
    if (now < this.nextLook) return;
    for (const [peer, changes] of this.pending) {
      let isHeldUp = false;
      const left = changes.filter((change) => {
        if (isHeldUp && !isFault(change)) return true;
        if (this.actions.isSlotEmpty(peer, change.slot)) {
          this.change(now, peer, change, change.why);
          return false;
        }
        if (!isFault(change)) isHeldUp = true;
        return true;
      });
      if (left.length === 0) this.pending.delete(peer);
      else if (left.length < changes.length) this.begin(now, peer, left);
    }
    this.nextLook = this.pending.size === 0 ? Number.POSITIVE_INFINITY : now + LOOK_MICROS;
  }

  nextTimeout(): number {
    return this.nextLook;
  }

  private change(now: number, peer: number, { slot, candidate, route }: Move, why: number): void {
    const before = this.paths.candidateOf(peer, slot);
    this.actions.bindSlot(peer, slot, candidate);
    this.paths.rebind(peer, slot, candidate, route, now);
    this.watcher?.moved(now, peer, slot, before, candidate, why);
  }

  private begin(now: number, peer: number, changes: readonly Change[]): void {
    this.pending.set(peer, changes);
    const drained = changes.find((change) => !isFault(change));
    if (drained !== undefined) this.paths.setDraining(peer, drained.slot, true);
    this.nextLook = now;
  }
}

function isFault({ why }: Change): boolean {
  return why === MOVED_BY_REROUTING;
}
