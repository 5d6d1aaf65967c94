// A set of small numbers in the order they were added: rows of the connection table that have work.

import { grown } from '../base/columns.ts';

export interface RowSetState {
  readonly queue: Uint32Array;
  readonly member: Uint8Array;
  readonly head: number;
  readonly size: number;
}

export class RowSet {
  private queue: Uint32Array;
  private member: Uint8Array;
  private head: number;
  private size: number;

  constructor(old?: RowSetState) {
    this.queue = old?.queue ?? new Uint32Array(64);
    this.member = old?.member ?? new Uint8Array(64);
    this.head = old?.head ?? 0;
    this.size = old?.size ?? 0;
  }

  save(): RowSetState {
    const { queue, member, head, size } = this;
    return { queue, member, head, size };
  }

  get count(): number {
    return this.size;
  }

  add(row: number): void {
    if (row >= this.member.length) {
      this.member = grown(new Uint8Array(Math.max(row + 1, this.member.length * 2)), this.member);
    }
    if (this.member[row] === 1) return;
    this.member[row] = 1;
    if (this.size === this.queue.length) this.growQueue();
    this.queue[(this.head + this.size) & (this.queue.length - 1)] = row;
    this.size++;
  }

  /** The row added first, or -1. */
  first(): number {
    return this.size === 0 ? -1 : this.queue[this.head]!;
  }

  /** Removes `row`, which must be the first. */
  remove(row: number): void {
    this.member[row] = 0;
    this.head = (this.head + 1) & (this.queue.length - 1);
    this.size--;
  }

  private growQueue(): void {
    const larger = new Uint32Array(this.queue.length * 2);
    for (let i = 0; i < this.size; i++) larger[i] = this.queue[(this.head + i) & (this.queue.length - 1)]!;
    this.queue = larger;
    this.head = 0;
  }
}
