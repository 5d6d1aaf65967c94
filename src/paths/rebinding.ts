// Changing the source ports of slots while packets flow: a slot whose port is to change gets nothing new, as long as
// another one will do, and changes when nothing on it is unacknowledged, since loss is judged by the order on a slot
// (BIFROST §4.3). One slot of a peer at a time, so that the others carry on. Plain VXLAN is not acknowledged: there a
// flow's packets may pass each other once.

import { type PathTable, SLOTS } from './path-table.ts';
import type { SlotBinding } from './routes.ts';

/** Between two looks whether a slot is empty. */
const LOOK_MICROS = 1000;

interface Change extends SlotBinding {
  readonly slot: number;
}

/** What is still to change, by peer; the first slot of each is being emptied. */
export type RebindingState = ReadonlyMap<number, readonly Change[]>;

export interface RebindingActions {
  /** True when the slot has nothing unacknowledged. */
  isSlotEmpty(peer: number, slot: number): boolean;
  bindSlot(peer: number, slot: number, candidate: number): void;
}

export class Rebinding {
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

  /** Asks for what all slots of a peer should use, instead of what was asked for before. */
  ask(now: number, peer: number, slots: readonly SlotBinding[]): void {
    const { paths, pending } = this;
    const changes: Change[] = [];
    for (const [slot, { candidate, route }] of slots.slice(0, SLOTS).entries()) {
      const stays = paths.candidateOf(peer, slot) === candidate;
      paths.setDraining(peer, slot, false);
      paths.setRoute(peer, slot, stays ? route : 0);
      if (!stays) changes.push({ slot, candidate, route });
    }
    pending.delete(peer);
    if (changes.length > 0) this.begin(now, peer, changes);
  }

  /** Changes every slot that is ready to. */
  settle(now: number): void {
    if (now < this.nextLook) return;
    for (const [peer, changes] of this.pending) {
      let done = 0;
      for (; done < changes.length && this.actions.isSlotEmpty(peer, changes[done]!.slot); done++) {
        const { slot, candidate, route } = changes[done]!;
        this.actions.bindSlot(peer, slot, candidate);
        this.paths.rebind(peer, slot, candidate, route, now);
      }
      if (done === changes.length) this.pending.delete(peer);
      else if (done > 0) this.begin(now, peer, changes.slice(done));
    }
    this.nextLook = this.pending.size === 0 ? Number.POSITIVE_INFINITY : now + LOOK_MICROS;
  }

  nextTimeout(): number {
    return this.nextLook;
  }

  private begin(now: number, peer: number, changes: readonly Change[]): void {
    this.pending.set(peer, changes);
    this.paths.setDraining(peer, changes[0]!.slot, true);
    this.nextLook = now;
  }
}
