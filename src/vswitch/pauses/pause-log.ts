// Which flows were held back lately, and by what, for `selvage why`: the last ones of a data thread, in a ring. One entry is
// the whole time from the first pause of a flow until nothing holds it any more, however many frames that took.

import { type Columns, columnsOf } from '../../base/columns.ts';
import { FLOW_WORDS, type FlowKey } from '../../packet/device.ts';

const CAPACITY = 256;

/** What holds a flow: its receiver's host, at our end or asked by us; or a receiver on this host. */
export const PAUSE_ROLES = ['obeys', 'asks', 'local'] as const;
export type PauseRole = (typeof PAUSE_ROLES)[number];

const COLUMNS = {
  /** Of the entry's flow; rows of different roles are different flows. */
  flow: Uint32Array,
  role: Uint8Array,
  /** The pair of vNICs; of a flow within this host, the receiving port. */
  link: Uint32Array,
  sinceMicros: Float64Array,
  /** 0: it is held still. */
  untilMicros: Float64Array,
  frames: Uint32Array,
  /** What the last frame said. */
  pauseMicros: Uint32Array,
  rate: Float64Array,
} as const;

export interface PauseLogState {
  readonly columns: Columns<typeof COLUMNS>;
  readonly keys: Uint32Array;
  readonly count: number;
  readonly open: readonly (readonly [key: number, entry: number])[];
}

export interface PauseEntry {
  readonly role: PauseRole;
  readonly link: number;
  readonly key: Uint32Array;
  readonly sinceMicros: number;
  /** Absent: it is held still. */
  readonly untilMicros: number | undefined;
  readonly frames: number;
  readonly pauseMicros: number;
  /** Infinity: none. */
  readonly rateBytesPerSecond: number;
}

export class PauseLog {
  private readonly columns: Columns<typeof COLUMNS>;
  private readonly keys: Uint32Array;
  private count: number;
  /** By flow and role, the entry that is not over. */
  private readonly open: Map<number, number>;

  constructor(old?: PauseLogState) {
    this.columns = old?.columns ?? columnsOf(COLUMNS, CAPACITY);
    this.keys = old?.keys ?? new Uint32Array(CAPACITY * FLOW_WORDS);
    this.count = old?.count ?? 0;
    this.open = new Map(old?.open);
  }

  save(): PauseLogState {
    const { columns, keys, count, open } = this;
    return { columns, keys, count, open: [...open] };
  }

  /** A flow is held, for the first time or again; `key` may be left out when it is again. */
  held(
    now: number,
    role: PauseRole,
    flow: number,
    link: number,
    key: FlowKey,
    pauseMicros: number,
    rate: number,
  ): void {
    const { columns } = this;
    const at = this.open.get(idOf(role, flow)) ?? this.begin(now, role, flow, link, key);
    columns.frames[at]!++;
    columns.pauseMicros[at] = pauseMicros;
    columns.rate[at] = rate;
  }

  /** Nothing holds the flow any more. */
  over(now: number, role: PauseRole, flow: number): void {
    const id = idOf(role, flow);
    const at = this.open.get(id);
    if (at === undefined) return;
    this.open.delete(id);
    this.columns.untilMicros[at] = now;
  }

  /** The newest last. */
  all(): PauseEntry[] {
    const { columns, keys, count } = this;
    const first = Math.max(0, count - CAPACITY);
    return Array.from({ length: count - first }, (_, i) => {
      const at = (first + i) % CAPACITY;
      const until = columns.untilMicros[at]!;
      return {
        role: PAUSE_ROLES[columns.role[at]!]!,
        link: columns.link[at]!,
        key: keys.slice(at * FLOW_WORDS, (at + 1) * FLOW_WORDS),
        sinceMicros: columns.sinceMicros[at]!,
        untilMicros: until === 0 ? undefined : until,
        frames: columns.frames[at]!,
        pauseMicros: columns.pauseMicros[at]!,
        rateBytesPerSecond: columns.rate[at]!,
      };
    });
  }

  private begin(now: number, role: PauseRole, flow: number, link: number, key: FlowKey): number {
    const { columns } = this;
    const at = this.count++ % CAPACITY;
    // What was there may not be over: it is forgotten, as the oldest there is.
    const id = idOf(PAUSE_ROLES[columns.role[at]!]!, columns.flow[at]!);
    if (this.count > CAPACITY && this.open.get(id) === at) this.open.delete(id);
    this.open.set(idOf(role, flow), at);
    columns.flow[at] = flow;
    columns.role[at] = PAUSE_ROLES.indexOf(role);
    columns.link[at] = link;
    columns.sinceMicros[at] = now;
    columns.untilMicros[at] = 0;
    columns.frames[at] = 0;
    for (let i = 0; i < FLOW_WORDS; i++) this.keys[at * FLOW_WORDS + i] = key[i]!;
    return at;
  }
}

function idOf(role: PauseRole, flow: number): number {
  return flow * PAUSE_ROLES.length + PAUSE_ROLES.indexOf(role);
}
