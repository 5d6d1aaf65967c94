// Which flows there are, by their keys, exactly: a flow is found by all words of its key, so no two of them ever share a
// row. A row is a small number by which others keep what they know of the flow; it exists while somebody needs it.
//
// Flows of one key on different links are different flows. What the hash starts from is random: tenants choose their keys.
// All that is known of a row lies together: with many flows a look at each costs an access to memory (Backdraft §6.5).

import { grown } from '../../base/columns.ts';
import { FLOW_WORDS, type FlowKey, NATIVE_FLOW } from '../../packet/device.ts';
import { hashFlowKey } from '../../wire/flow-key.ts';

const FIRST_ROWS = 64;
const NONE = -1;

/** A row: the key, its link, their hash, the row that follows in the bucket or among the free ones, plus one, and whether it is used. */
const ROW_SHIFT = 4;
const ROW_WORDS = 1 << ROW_SHIFT;
const LINK = FLOW_WORDS;
const HASH = LINK + 1;
const CHAIN = HASH + 1;
const USED = CHAIN + 1;

export interface FlowTableState {
  readonly seed: number;
  readonly rows: Uint32Array;
  readonly buckets: Uint32Array;
  readonly free: number;
  readonly fresh: number;
  readonly count: number;
}

export class FlowTable {
  /** Flows there are. */
  count: number;
  private readonly seed: number;
  private readonly maxRows: number;
  private rows: Uint32Array;
  /** The first row of each, plus one. */
  private buckets: Uint32Array;
  /** The first row that is free, plus one. */
  private free: number;
  private fresh: number;

  constructor(maxRows: number, seed: number, old?: FlowTableState) {
    this.maxRows = maxRows;
    this.seed = old?.seed ?? seed;
    this.rows = old?.rows ?? new Uint32Array(FIRST_ROWS * ROW_WORDS);
    this.buckets = old?.buckets ?? new Uint32Array(FIRST_ROWS * 2);
    this.free = old?.free ?? 0;
    this.fresh = old?.fresh ?? 0;
    this.count = old?.count ?? 0;
  }

  save(): FlowTableState {
    const { seed, rows, buckets, free, fresh, count } = this;
    return { seed, rows, buckets, free, fresh, count };
  }

  /** One more than the largest row there ever was. */
  get end(): number {
    return this.fresh;
  }

  isUsed(flow: number): boolean {
    return this.rows[(flow << ROW_SHIFT) + USED] === 1;
  }

  linkOf(flow: number): number {
    return this.rows[(flow << ROW_SHIFT) + LINK]!;
  }

  keyInto(flow: number, key: FlowKey): void {
    const at = flow << ROW_SHIFT;
    for (let i = 0; i < FLOW_WORDS; i++) key[i] = this.rows[at + i]!;
  }

  /** The flow's row, or -1. */
  find(link: number, key: FlowKey): number {
    const { rows, buckets } = this;
    const hash = this.hashOf(link, key);
    let flow = buckets[hash & (buckets.length - 1)]! - 1;
    while (flow !== NONE && !this.is(flow << ROW_SHIFT, link, key, hash))
      flow = rows[(flow << ROW_SHIFT) + CHAIN]! - 1;
    return flow;
  }

  /** A row for a flow that has none; -1 when there are too many flows. */
  add(link: number, key: FlowKey): number {
    let flow = this.free - 1;
    if (flow !== NONE) this.free = this.rows[(flow << ROW_SHIFT) + CHAIN]!;
    else if (this.fresh < this.maxRows) flow = this.fresh++;
    else return NONE;
    if (flow << ROW_SHIFT >= this.rows.length) this.grow();
    const { rows } = this;
    const at = flow << ROW_SHIFT;
    rows.set(key, at);
    rows[at + LINK] = link;
    rows[at + HASH] = this.hashOf(link, key);
    rows[at + USED] = 1;
    this.chain(flow);
    this.count++;
    return flow;
  }

  remove(flow: number): void {
    const { rows, buckets } = this;
    const at = flow << ROW_SHIFT;
    const bucket = rows[at + HASH]! & (buckets.length - 1);
    if (buckets[bucket] === flow + 1) {
      buckets[bucket] = rows[at + CHAIN]!;
    } else {
      let before = (buckets[bucket]! - 1) << ROW_SHIFT;
      while (rows[before + CHAIN] !== flow + 1) before = (rows[before + CHAIN]! - 1) << ROW_SHIFT;
      rows[before + CHAIN] = rows[at + CHAIN]!;
    }
    rows[at + USED] = 0;
    rows[at + CHAIN] = this.free;
    this.free = flow + 1;
    this.count--;
  }

  private is(at: number, link: number, key: FlowKey, hash: number): boolean {
    const { rows } = this;
    if (rows[at + HASH] !== hash || rows[at + LINK] !== link) return false;
    for (let i = 0; i < FLOW_WORDS; i++) if (rows[at + i] !== key[i]) return false;
    return true;
  }

  private hashOf(link: number, key: FlowKey): number {
    return hashFlowKey(key, 0, this.seed ^ Math.imul(link, 0x9e37_79b1) ^ Math.imul(key[NATIVE_FLOW]!, 31));
  }

  /** Puts a row in front of its bucket. */
  private chain(flow: number): void {
    const { rows, buckets } = this;
    const at = flow << ROW_SHIFT;
    const bucket = rows[at + HASH]! & (buckets.length - 1);
    rows[at + CHAIN] = buckets[bucket]!;
    buckets[bucket] = flow + 1;
  }

  private grow(): void {
    const rows = (this.rows.length >>> ROW_SHIFT) * 2;
    this.rows = grown(new Uint32Array(rows * ROW_WORDS), this.rows);
    this.buckets = new Uint32Array(rows * 2);
    for (let flow = 0; flow < this.fresh; flow++) if (this.isUsed(flow)) this.chain(flow);
  }
}
