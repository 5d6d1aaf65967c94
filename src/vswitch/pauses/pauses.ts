// Pauses in a switch (Backdraft §4.3): what waits for its vNICs makes it ask the flows' senders to pause, by frames to other
// hosts and by calls on this one; and what other hosts ask of it holds back the flows that wait for connections.
//
// A PSN is given when a frame leaves its queue, so a pause holds up what has none and never what is numbered: a paused
// flow keeps no other flow of its connection from moving on.
//
// Frames do not say who may ask for what: whoever has a connection's CID can pause its flows, as it could reset it. What it
// can do by that is bounded (throttle.ts), and so are the flows that it can make up: MOST_KEPT.

import type { FlowKey } from '../../packet/device.ts';
import { FLOW_WORDS } from '../../packet/device.ts';
import type { PathTable } from '../../paths/path-table.ts';
import type { Transport } from '../../transport/transport.ts';
import type { PauseView } from '../../wire/overlay-pause.ts';
import type { Forwarding } from '../forwarding.ts';
import { portOfOrigin, type ReceiveWatch } from '../receive-queues.ts';
import type { Waiting } from '../waiting.ts';
import { type IssuerState, PauseIssuer } from './issuer.ts';
import { LocalPauses, type LocalPausesState } from './local-pauses.ts';
import { PauseLog, type PauseLogState } from './pause-log.ts';
import { type PauseSizing, Thresholds } from './thresholds.ts';
import { FlowThrottle, PAUSE_OBEYED, type ThrottleState } from './throttle.ts';

/** Flows that are held back, or remembered, at a time. */
const MOST_KEPT = 16_384;
/** Where none was measured: what two hosts of one rack take. */
const USUAL_RTT_MICROS = 200;
/** Any slot, to begin with. */
const LAST_SLOT = 7;

export interface PauseParts {
  readonly waiting: Waiting;
  readonly forwarding: Forwarding;
  readonly paths: PathTable;
  readonly transport: Transport;
}

export interface PausesState {
  readonly issuer: IssuerState;
  readonly throttle: ThrottleState;
  readonly local: LocalPausesState;
  readonly log: PauseLogState;
  readonly pinned: Uint8Array;
  readonly sequence: number;
  readonly kept: number;
  readonly counters: PauseCounters;
}

/** Besides those of issuer and throttle. */
export interface PauseCounters {
  /** Not said, since the sender's host does not obey, or there is no connection. */
  unsaid: number;
  /** Flows of this host's own endpoints that were held. */
  held: number;
  /** Frames about flows that can have no queue of their own: too many are held back, or the pool is used up. */
  noQueue: number;
}

export class Pauses implements ReceiveWatch {
  readonly issuer: PauseIssuer;
  readonly throttle: FlowThrottle;
  readonly local: LocalPauses;
  readonly log: PauseLog;
  readonly counters: PauseCounters;
  private readonly waiting: Waiting;
  private readonly forwarding: Forwarding;
  private readonly paths: PathTable;
  private readonly transport: Transport;
  private readonly thresholds: Thresholds;
  /** Receive flows whose rows are kept because their senders may be held back. */
  private pinned: Uint8Array;
  private sequence: number;
  private kept: number;
  private now: number;
  private readonly key: FlowKey = new Uint32Array(FLOW_WORDS);

  constructor(nowMicros: number, sizing: PauseSizing, parts: PauseParts, old?: PausesState) {
    this.now = nowMicros;
    this.waiting = parts.waiting;
    this.forwarding = parts.forwarding;
    this.paths = parts.paths;
    this.transport = parts.transport;
    this.counters = old?.counters ?? { unsaid: 0, held: 0, noQueue: 0 };
    this.pinned = old?.pinned ?? new Uint8Array(64);
    this.sequence = old?.sequence ?? 0;
    this.kept = old?.kept ?? 0;
    const thresholds = new Thresholds(sizing);
    this.thresholds = thresholds;
    this.local = new LocalPauses(parts.waiting.holds, thresholds, old?.local);
    this.log = new PauseLog(old?.log);
    this.issuer = new PauseIssuer(
      nowMicros,
      thresholds,
      {
        ask: (now, flow, pauseMicros, rate) => this.ask(now, flow, pauseMicros, rate),
        rttMicros: (flow) => this.rttMicros(flow),
        roomBytes: (flow) => this.roomBytes(flow),
        done: (flow) => this.done(flow),
      },
      old?.issuer,
    );
    this.throttle = new FlowThrottle(
      nowMicros,
      {
        wake: (flow) => this.waiting.send.wake(this.now, flow),
        released: (flow) => this.released(flow),
        forgotten: (flow) => this.forgotten(flow),
      },
      old?.throttle,
    );
    parts.waiting.send.guardedBy(this.throttle);
    parts.waiting.receive.watchedBy(this);
  }

  save(): PausesState {
    return {
      issuer: this.issuer.save(),
      throttle: this.throttle.save(),
      local: this.local.save(),
      log: this.log.save(),
      pinned: this.pinned,
      sequence: this.sequence,
      kept: this.kept,
      counters: this.counters,
    };
  }

  /** All that is counted, by names that stand alone. Of what was not obeyed, why. */
  tallies(): Record<string, number> {
    const { issuer, throttle, counters } = this;
    const { pauses, renewed, repeated, shortened, doubled, releases } = issuer.counters;
    const { obeyed, released, old, ahead, capped, persisted } = throttle.counters;
    return {
      pausesAsked: pauses,
      pausesRenewed: renewed,
      pausesRepeated: repeated,
      pausesShortened: shortened,
      pauseRatesDoubled: doubled,
      pausesReleased: releases,
      pausesUnsaid: counters.unsaid,
      flowsHeld: counters.held,
      pausesObeyed: obeyed,
      pausesEnded: released,
      pausesCapped: capped,
      pausesIgnoredOld: old,
      pausesIgnoredAhead: ahead,
      pausesIgnoredNoQueue: counters.noQueue,
      framesPersisted: persisted,
    };
  }

  /** Acts on what is due: before what waits is sent. */
  advance(now: number): void {
    this.now = now;
    this.issuer.advance(now);
    this.throttle.advance(now);
  }

  nextTimeout(): number {
    return Math.min(this.issuer.nextTimeout(), this.throttle.nextTimeout());
  }

  arrived(now: number, flow: number, bytes: number): void {
    const { receive } = this.waiting;
    // What shares a queue has no name that its senders would know.
    if (receive.backlog.isShared(flow)) return;
    const origin = receive.originOf(flow);
    if (origin >= 0) {
      this.issuer.arrived(now, flow, bytes);
      return;
    }
    const port = portOfOrigin(origin);
    if (port < 0) return;
    const depth = receive.backlog.queuedBytes(flow);
    if (!this.local.arrived(flow, port, receive.originFlowOf(flow), depth, this.roomBytes(flow))) return;
    this.counters.held++;
    this.note(now, 'local', flow, receive.backlog.table.linkOf(flow), 0, Number.POSITIVE_INFINITY);
  }

  refused(now: number, flow: number): void {
    const { receive } = this.waiting;
    if (!receive.backlog.isShared(flow) && receive.originOf(flow) >= 0) this.issuer.refused(now, flow);
  }

  taken(now: number, flow: number, bytes: number): void {
    const { receive } = this.waiting;
    if (this.issuer.depthBytes(flow) > 0) this.issuer.taken(now, flow, bytes);
    if (!this.local.isHeld(flow)) return;
    this.local.taken(flow, receive.backlog.queuedBytes(flow));
    if (!this.local.isHeld(flow)) this.log.over(now, 'local', flow);
  }

  passed(now: number, flow: number, bytes: number): void {
    this.issuer.passed(now, flow, bytes);
  }

  isAsked(flow: number): boolean {
    return this.issuer.keeps(flow);
  }

  forget(flow: number): void {
    this.issuer.forget(flow);
    this.local.release(flow);
    this.log.over(this.now, 'asks', flow);
    this.log.over(this.now, 'local', flow);
  }

  /** A frame for the connection of this pair came. */
  readonly obey = (now: number, pair: number, frame: PauseView): void => {
    const { key, throttle, counters } = this;
    const { send } = this.waiting;
    this.now = now;
    frame.readKey(key, 0);
    const known = send.backlog.find(pair, key);
    const isKept = known >= 0 && throttle.keeps(known);
    const flow = isKept ? known : this.keep(pair);
    if (flow < 0) {
      counters.noQueue++;
      return;
    }
    const { sequence, pauseMicros, rateBytesPerSecond } = frame;
    if (throttle.obey(now, flow, sequence, pauseMicros, rateBytesPerSecond) !== PAUSE_OBEYED) return;
    if (!throttle.isLimited(flow)) return;
    send.gated(flow);
    this.log.held(now, 'obeys', flow, pair, key, pauseMicros, rateBytesPerSecond);
  };

  /** A row for the flow in `key`, which is kept while the throttle knows something of it. */
  private keep(pair: number): number {
    if (this.kept >= MOST_KEPT) return -1;
    const flow = this.waiting.send.backlog.pin(pair, this.key);
    if (flow >= 0) this.kept++;
    return flow;
  }

  private released(flow: number): void {
    this.waiting.send.ungated(this.now, flow);
    this.log.over(this.now, 'obeys', flow);
  }

  private forgotten(flow: number): void {
    this.kept--;
    this.waiting.send.backlog.unpin(flow);
  }

  private ask(now: number, flow: number, pauseMicros: number, rate: number): void {
    const { receive } = this.waiting;
    const { key } = this;
    const pair = receive.originOf(flow);
    receive.backlog.table.keyInto(flow, key);
    // Of two frames of one moment the second is newer.
    this.sequence = Math.max(Math.floor(now), this.sequence + 1);
    if (pair < 0 || !this.transport.askPause(pair, key, this.sequence >>> 0, pauseMicros, rate)) {
      this.counters.unsaid++;
      return;
    }
    if (pauseMicros === 0 && rate === Number.POSITIVE_INFINITY) {
      this.log.over(now, 'asks', flow);
      return;
    }
    this.note(now, 'asks', flow, pair, pauseMicros, rate);
    if (flow >= this.pinned.length) {
      const pinned = new Uint8Array(Math.max(flow + 1, this.pinned.length * 2));
      pinned.set(this.pinned);
      this.pinned = pinned;
    }
    if (this.pinned[flow] === 1) return;
    this.pinned[flow] = 1;
    receive.backlog.pin(receive.backlog.table.linkOf(flow), key);
  }

  private done(flow: number): void {
    this.log.over(this.now, 'asks', flow);
    if (this.pinned[flow] !== 1) return;
    this.pinned[flow] = 0;
    this.waiting.receive.backlog.unpin(flow);
  }

  private note(
    now: number,
    role: 'asks' | 'local',
    flow: number,
    link: number,
    pauseMicros: number,
    rate: number,
  ): void {
    this.waiting.receive.backlog.table.keyInto(flow, this.key);
    this.log.held(now, role, flow, link, this.key, pauseMicros, rate);
  }

  private rttMicros(flow: number): number {
    const pair = this.waiting.receive.originOf(flow);
    if (pair < 0) return USUAL_RTT_MICROS;
    const peer = this.forwarding.peerOf(pair);
    const slot = this.paths.next(peer, LAST_SLOT, -1, this.paths.selection(peer, this.now));
    return this.paths.rttMicros(peer, slot) || USUAL_RTT_MICROS;
  }

  private roomBytes(flow: number): number {
    const { backlog } = this.waiting.receive;
    const linkBytes = backlog.bytesOf(backlog.table.linkOf(flow));
    return this.waiting.memory.roomAfter(linkBytes, this.thresholds.windowBytes);
  }
}
