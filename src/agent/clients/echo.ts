// The service `echo`: every record goes back as it came, and the block it names as a copy on the agent's own heap. It is
// what a new installation is tried with, and what the benchmark of shared-memory queues runs against.
import type { Channel } from '../../runtime/shm/channel.ts';
import { copyBytes } from '../../runtime/shm/copy.ts';
import type { Health } from '../../runtime/shm/half.ts';
import { type OwnHeap, offsetOf, type PeerHeap } from '../../runtime/shm/heap.ts';

/** Records in work are at most this many words: two of the largest, and little enough that both sides work at once. */
const BATCH_WORDS = 4096;

/** Copying 4 KB is as much work as a record. */
const COST_SHIFT = 12;

/** Why nothing was done. */
const EMPTY = 0;
export const NO_ROOM = -1;
export const NO_MEMORY = -2;

/** Private copies of records; one for all sessions of a thread, which are served one after the other. */
const batch = new Uint32Array(BATCH_WORDS);

/** Records sent back, at most `budget`, or why none. */
export function echoRecords(flow: Channel, recordWords: number, budget: number): number {
  const wanted = Math.min(budget, Math.floor(BATCH_WORDS / recordWords));
  const room = Math.min(wanted, flow.room(wanted));
  if (room === 0) return NO_ROOM;
  const count = flow.pop(batch, room);
  if (count > 0) flow.push(batch, count);
  return count;
}

/** A record whose block found no memory, if one is held. */
export interface BlockEchoState {
  readonly record: Uint32Array;
  readonly isHeld: boolean;
}

/** The same for records that name blocks. A record that no memory was found for is held until there is. */
export class BlockEcho {
  private readonly own: OwnHeap;
  private readonly theirs: PeerHeap;
  private readonly health: Health;
  private readonly record: Uint32Array;
  private isHeld: boolean;
  /** Of the last call of `serve`: a unit for each record and for each 4 KB of its block. */
  spent = 0;

  constructor(own: OwnHeap, theirs: PeerHeap, health: Health, recordWords: number, old?: BlockEchoState) {
    this.own = own;
    this.theirs = theirs;
    this.health = health;
    this.record = old?.record ?? new Uint32Array(recordWords);
    this.isHeld = old?.isHeld ?? false;
  }

  save(): BlockEchoState {
    return { record: this.record, isHeld: this.isHeld };
  }

  /** Records sent back, until they have cost about `budget`, or why none. */
  serve(flow: Channel, budget: number): number {
    this.spent = 0;
    let done = 0;
    while (this.spent < budget && this.health.fault === 'none') {
      const result = this.serveOne(flow);
      if (result <= 0) return done > 0 ? done : result;
      done++;
      this.spent += result;
    }
    return done;
  }

  /** What the record cost, or why none was served. */
  private serveOne(flow: Channel): number {
    if (flow.room(1) === 0) return NO_ROOM;
    if (!this.isHeld && flow.pop(this.record, 1) === 0) return EMPTY;
    this.isHeld = true;
    const result = this.record[1] === 0 ? 1 : this.copyBlock();
    if (result <= 0) return result;
    flow.push(this.record, 1);
    this.isHeld = false;
    return result;
  }

  private copyBlock(): number {
    const [address, length] = [this.record[0]!, this.record[1]!];
    const from = this.theirs.segmentOf(address, length);
    if (from === undefined) {
      this.health.blame('badBlock');
      return EMPTY;
    }
    const copy = this.own.alloc(length);
    if (copy < 0) return NO_MEMORY;
    copyBytes(this.own.segmentOf(copy), offsetOf(copy), from, offsetOf(address), length);
    if (!this.theirs.giveBack(address)) this.health.blame('badBlock');
    this.record[0] = copy;
    return 1 + (length >>> COST_SHIFT);
  }
}
