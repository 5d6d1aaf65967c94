// Overlay pause frames on their way to the peers of connections (Backdraft §4.3): they are sent once, in the turn that asks
// for them, each on another of the fastest slots than the one before. Who asked says it again if that did not help, so nothing
// of them is kept between turns.

import { grown } from '../base/columns.ts';
import { LANE_ALONE, type Outbox } from '../packet/outbox.ts';
import { SLOTS } from '../paths/path-table.ts';
import { FEATURE_PAUSES } from '../wire/bifrost-connect.ts';
import { PAUSE_KEY_WORDS, PAUSE_MAX_BYTES, writePause } from '../wire/overlay-pause.ts';
import { VXLAN_HEADER_BYTES, writeVxlanBifrostHeader } from '../wire/vxlan.ts';
import { CONNECTION_ESTABLISHED } from './connections.ts';
import type { TransportContext } from './types.ts';

/** Words of a frame that waits: row, sequence, pause, key. */
const ROW = 0;
const SEQUENCE = 1;
const PAUSE = 2;
const KEY = 3;
const WORDS = KEY + PAUSE_KEY_WORDS;
const FIRST_FRAMES = 16;

export class PauseFrames {
  private readonly context: TransportContext;
  private words = new Uint32Array(FIRST_FRAMES * WORDS);
  private rates = new Float64Array(FIRST_FRAMES);
  private count = 0;
  private next = 0;
  private slot = 0;

  constructor(context: TransportContext) {
    this.context = context;
  }

  get pending(): boolean {
    return this.next < this.count;
  }

  /** About a flow of the connection in `row`, whose key is in front; false where the peer would not understand. */
  ask(
    row: number,
    key: Uint32Array,
    sequence: number,
    pauseMicros: number,
    rateBytesPerSecond: number,
  ): boolean {
    const { connections } = this.context;
    if (connections.state[row] !== CONNECTION_ESTABLISHED) return false;
    if ((connections.features[row]! & FEATURE_PAUSES) === 0) return false;
    if (this.count === this.rates.length) {
      this.words = grown(new Uint32Array(this.words.length * 2), this.words);
      this.rates = grown(new Float64Array(this.rates.length * 2), this.rates);
    }
    const at = this.count * WORDS;
    const { words } = this;
    words[at + ROW] = row;
    words[at + SEQUENCE] = sequence;
    words[at + PAUSE] = pauseMicros;
    for (let i = 0; i < PAUSE_KEY_WORDS; i++) words[at + KEY + i] = key[i]!;
    this.rates[this.count++] = rateBytesPerSecond;
    return true;
  }

  /** Writes what is to be said, as far as `out` has room. */
  transmit(now: number, out: Outbox): void {
    const { connections } = this.context;
    for (; this.next < this.count; this.next++) {
      if (out.room === 0) return;
      const row = this.words[this.next * WORDS + ROW]!;
      if (connections.state[row] === CONNECTION_ESTABLISHED) this.write(now, row, this.next, out);
    }
    this.next = 0;
    this.count = 0;
  }

  private write(now: number, row: number, frame: number, out: Outbox): void {
    const { connections, paths, region, counters } = this.context;
    const { view } = region.bytes;
    const from = frame * WORDS;
    const peer = connections.peer[row]!;
    const at = out.headerEnd() - PAUSE_MAX_BYTES;
    const length = writePause(
      view,
      at,
      connections.remoteCid[row]!,
      this.words[from + SEQUENCE]!,
      this.words[from + PAUSE]!,
      this.rates[frame]!,
      this.words,
      from + KEY,
      connections.congestion[row]!.ccType,
      connections.version[row],
    );
    writeVxlanBifrostHeader(view, at - VXLAN_HEADER_BYTES, connections.vni[row]!);
    this.slot = paths.next(peer, this.slot % SLOTS, -1, paths.selection(peer, now));
    out.addAt(peer, this.slot, at - VXLAN_HEADER_BYTES, VXLAN_HEADER_BYTES + length, LANE_ALONE);
    counters.pausesSent++;
  }
}
