// Which flows there are, by their keys, exactly: a flow is found by all words of its key, so no two of them ever share a
// row. A row is a small number by which others keep what they know of the flow; it exists while somebody needs it.
//
// Flows of one key on different links are different flows. What the hash starts from is random: tenants choose their keys.

import { type Columns, columnsOf, grown } from '../../base/columns.ts';
import { FLOW_WORDS, type FlowKey, NATIVE_FLOW } from '../../packet/device.ts';
import { hashFlowKey } from '../../wire/flow-key.ts';

const FIRST_ROWS = 64;
const NONE = -1;

const SHAPE = { link: Uint32Array, hash: Uint32Array, chain: Int32Array, used: Uint8Array } as const;

export interface FlowTableState {
  readonly seed: number;
  readonly keys: Uint32Array;
  readonly columns: Columns<typeof SHAPE>;
  readonly buckets: Int32Array;
  readonly free: number;
  readonly fresh: number;
  readonly count: number;
}

export class FlowTable {
  /** Flows there are. */
  count: number;
  private readonly seed: number;
  private readonly maxRows: number;
  private keys: Uint32Array;
  /** `chain` leads on in a bucket, or among the free rows. */
  private columns: Columns<typeof SHAPE>;
  private buckets: Int32Array;
  private free: number;
  private fresh: number;

  constructor(maxRows: number, seed: number, old?: FlowTableState) {
    this.maxRows = maxRows;
    this.seed = old?.seed ?? seed;
    this.keys = old?.keys ?? new Uint32Array(FIRST_ROWS * FLOW_WORDS);
    this.columns = old?.columns ?? columnsOf(SHAPE, FIRST_ROWS);
    this.buckets = old?.buckets ?? new Int32Array(FIRST_ROWS * 2).fill(NONE);
    this.free = old?.free ?? NONE;
    this.fresh = old?.fresh ?? 0;
    this.count = old?.count ?? 0;
  }

  save(): FlowTableState {
    const { seed, keys, columns, buckets, free, fresh, count } = this;
    return { seed, keys, columns, buckets, free, fresh, count };
  }

  /** One more than the largest row there ever was. */
  get end(): number {
    return this.fresh;
  }

  isUsed(flow: number): boolean {
    return this.columns.used[flow] === 1;
  }

  linkOf(flow: number): number {
    return this.columns.link[flow]!;
  }

  keyInto(flow: number, key: FlowKey): void {
    const at = flow * FLOW_WORDS;
    for (let i = 0; i < FLOW_WORDS; i++) key[i] = this.keys[at + i]!;
  }

  /** The flow's row, or -1. */
  find(link: number, key: FlowKey): number {
    const { columns, buckets } = this;
    const hash = this.hashOf(link, key);
    let flow = buckets[hash & (buckets.length - 1)]!;
    while (flow !== NONE && !(columns.hash[flow] === hash && this.is(flow, link, key)))
      flow = columns.chain[flow]!;
    return flow;
  }

  /** A row for a flow that has none; -1 when there are too many flows. */
  add(link: number, key: FlowKey): number {
    let flow = this.free;
    if (flow !== NONE) this.free = this.columns.chain[flow]!;
    else if (this.fresh < this.maxRows) flow = this.fresh++;
    else return NONE;
    if (flow >= this.columns.link.length) this.grow();
    const { columns, buckets, keys } = this;
    const hash = this.hashOf(link, key);
    columns.link[flow] = link;
    columns.hash[flow] = hash;
    columns.used[flow] = 1;
    for (let i = 0; i < FLOW_WORDS; i++) keys[flow * FLOW_WORDS + i] = key[i]!;
    const bucket = hash & (buckets.length - 1);
    columns.chain[flow] = buckets[bucket]!;
    buckets[bucket] = flow;
    this.count++;
    return flow;
  }

  remove(flow: number): void {
    const { chain, hash, used } = this.columns;
    const bucket = hash[flow]! & (this.buckets.length - 1);
    let before = this.buckets[bucket]!;
    if (before === flow) {
      this.buckets[bucket] = chain[flow]!;
    } else {
      while (chain[before] !== flow) before = chain[before]!;
      chain[before] = chain[flow]!;
    }
    used[flow] = 0;
    chain[flow] = this.free;
    this.free = flow;
    this.count--;
  }

  private is(flow: number, link: number, key: FlowKey): boolean {
    if (this.columns.link[flow] !== link) return false;
    const at = flow * FLOW_WORDS;
    for (let i = 0; i < FLOW_WORDS; i++) if (this.keys[at + i] !== key[i]) return false;
    return true;
  }

  private hashOf(link: number, key: FlowKey): number {
    return hashFlowKey(key, 0, this.seed ^ Math.imul(link, 0x9e37_79b1) ^ Math.imul(key[NATIVE_FLOW]!, 31));
  }

  private grow(): void {
    const rows = this.columns.link.length * 2;
    this.keys = grown(new Uint32Array(rows * FLOW_WORDS), this.keys);
    this.columns = columnsOf(SHAPE, rows, this.columns);
    this.buckets = new Int32Array(rows * 2).fill(NONE);
    const { hash, chain, used } = this.columns;
    for (let flow = 0; flow < this.fresh; flow++) {
      if (used[flow] === 0) continue;
      const bucket = hash[flow]! & (this.buckets.length - 1);
      chain[flow] = this.buckets[bucket]!;
      this.buckets[bucket] = flow;
    }
  }
}
