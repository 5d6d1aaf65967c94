// Reliable multipath connections between vNICs of two hosts (BIFROST), without I/O and without a clock.
//
// Each turn of the switch, in this order: `receive` for every packet that came, `deliver` until nothing is left,
// `advance` once everything received is taken in, `takeReturned`, `send` for what waits and is to go (nothing else
// says that a peer was given up), `transmit` until it returns true.
// `nextTimeout` says when the next turn is needed at the latest. Times are microseconds of one steady clock.

import { TimerWheel } from '../base/timer-wheel.ts';
import { MAX_FRAME_BYTES } from '../packet/device.ts';
import type { Outbox } from '../packet/outbox.ts';
import { FrameQueue, type PieceList } from '../packet/pieces.ts';
import { ChunkWriter } from '../packet/writer.ts';
import { FEATURE_SUPER_FRAMES } from '../wire/bifrost-connect.ts';
import { VirtioNetHeaderView } from '../wire/virtio-net-header.ts';
import { Acknowledger } from './acknowledger.ts';
import { CONNECTION_ESTABLISHED, CONNECTION_PLAIN, ConnectionTable } from './connections.ts';
import { Deadlines } from './deadlines.ts';
import { type GiveBack, Handshake } from './handshake.ts';
import { Incoming } from './incoming.ts';
import { Keepalive } from './keepalive.ts';
import { LossDetector } from './loss.ts';
import { Notices } from './notices.ts';
import { PauseFrames } from './pause-frames.ts';
import { Prober } from './prober.ts';
import { Receiver } from './receiver.ts';
import { RowSet } from './row-set.ts';
import { Sender } from './sender.ts';
import { Teardown } from './teardown.ts';
import type { TransportState } from './transport-state.ts';
import {
  newCounters,
  type TransportContext,
  type TransportCounters,
  type TransportOptions,
  type TransportSurroundings,
} from './types.ts';

/** The hold writer leaves this share of the region's chunks to others. */
const HOLD_RESERVE_SHIFT = 2;

/** Windows unused for so long, and at most twice as long, go back to the pool. */
const REST_MICROS = 1_000_000;

/** What `send` did with a frame. */
export const SEND_TAKEN = 0;
/** The window is full, or the connection is being opened: keep the frame and come again. */
export const SEND_WAIT = 1;
/** The peer does not speak BIFROST: send it as plain VXLAN. */
export const SEND_PLAIN = 2;
/** The peer takes no frames of many packets: offer it again, cut. */
export const SEND_CUT = 3;

interface Returned {
  readonly pair: number;
  readonly frames: FrameQueue;
  /** They are to be offered again before all others, and else to be sent as plain VXLAN. */
  readonly again: boolean;
}

export class Transport {
  readonly counters: TransportCounters;
  readonly connections: ConnectionTable;
  private readonly context: TransportContext;
  private readonly sender: Sender;
  private readonly receiver: Receiver;
  private readonly acknowledger: Acknowledger;
  private readonly prober: Prober;
  private readonly notices: Notices;
  private readonly pauses: PauseFrames;
  private readonly handshake: Handshake;
  private readonly teardown: Teardown;
  private readonly deadlines: Deadlines;
  private readonly incoming: Incoming;
  /** Rows with something to transmit, and rows with whole frames to deliver. */
  private readonly ready: RowSet;
  private readonly deliverable: RowSet;
  private readonly returned: Returned[];
  private readonly virtio = new VirtioNetHeaderView();
  private restDue: number;

  constructor(
    options: TransportOptions,
    { region, rng, paths, candidates, pairs, onPause, nowMicros }: TransportSurroundings,
    old?: TransportState,
  ) {
    this.counters = old?.counters ?? newCounters();
    this.ready = new RowSet(old?.ready);
    this.deliverable = new RowSet(old?.deliverable);
    this.restDue = old?.restDue ?? 0;
    this.returned = (old?.returned ?? []).map((each) => ({ ...each, frames: new FrameQueue(each.frames) }));
    // The largest frame must fit into an empty window, or it would wait for ever.
    const windowPackets = Math.max(options.windowPackets, Math.ceil(MAX_FRAME_BYTES / options.payloadBytes));
    const { threadId } = options;
    const congestionOf = (pair: number) => pairs.congestionOf(pair);
    const salt = old === undefined ? rng.u32() : 0;
    this.connections = new ConnectionTable(threadId, windowPackets, salt, congestionOf, old?.connections);
    this.context = {
      options,
      region,
      rng,
      paths,
      candidates,
      pairs,
      hold: new ChunkWriter(region, region.chunks >>> HOLD_RESERVE_SHIFT, old?.hold),
      connections: this.connections,
      timers: new TimerWheel(nowMicros, undefined, old?.timers),
      counters: this.counters,
    };
    const { context, ready, deliverable } = this;
    this.sender = new Sender(context);
    this.acknowledger = new Acknowledger(context);
    this.prober = new Prober(context, this.sender, this.acknowledger, old?.probesReceived);
    this.receiver = new Receiver(context, this.acknowledger);
    this.notices = new Notices(context, old?.notices);
    this.pauses = new PauseFrames(context);
    const giveBack: GiveBack = (pair, frames, again) => this.returned.push({ pair, frames, again });
    this.handshake = new Handshake(context, this.notices, giveBack, old?.handshake);
    this.teardown = new Teardown(context, this.handshake, this.notices);
    const { receiver, prober, handshake, teardown } = this;
    const losses = new LossDetector(context);
    const keepalive = new Keepalive(context, handshake, teardown);
    const deadlines = new Deadlines(context, { losses, handshake, teardown, keepalive }, ready);
    const targets = { receiver, losses, prober, handshake, teardown, deadlines, ready, deliverable, onPause };
    this.deadlines = deadlines;
    this.incoming = new Incoming(context, targets);
  }

  save(): TransportState {
    const { hold, timers } = this.context;
    return {
      counters: this.counters,
      connections: this.connections.save(),
      timers: timers.save(),
      hold: hold.save(),
      handshake: this.handshake.save(),
      notices: this.notices.save(),
      ready: this.ready.save(),
      deliverable: this.deliverable.save(),
      probesReceived: this.prober.save(),
      restDue: this.restDue,
      returned: this.returned.map(({ frames, ...each }) => ({ ...each, frames: frames.save() })),
    };
  }

  /** Calls `visit` with every offset that a reference is held for. */
  eachHeld(visit: (offset: number) => void): void {
    this.connections.eachHeld(visit);
    for (const { frames } of this.returned) frames.each(visit);
    if (this.context.hold.held !== 0) visit(this.context.hold.held);
  }

  /**
   * Offers a frame of `pair` (one piece, virtio_net_hdr first). SEND_TAKEN: the reference is ours now.
   */
  send(now: number, pair: number, offset: number, length: number): number {
    const { connections } = this;
    const row = connections.ofPair(pair);
    if (row < 0 || connections.state[row] !== CONNECTION_ESTABLISHED) return this.open(now, pair, row);
    if ((connections.features[row]! & FEATURE_SUPER_FRAMES) === 0 && !this.isOnePacket(offset, length))
      return SEND_CUT;
    const recalled = connections.recalled[row];
    if (recalled !== undefined && recalled.frames > 0) return SEND_WAIT;
    connections.awaken(row);
    const window = connections.send[row]!;
    const { pacedUntil } = window;
    if (!this.sender.accept(now, row, offset, length)) {
      // Nothing else need happen before its slots are due.
      if (window.pacedUntil < pacedUntil) this.deadlines.arm(row);
      return SEND_WAIT;
    }
    connections.usedAt[row] = now;
    this.ready.add(row);
    return SEND_TAKEN;
  }

  /** For a frame whose connection is not open. */
  private open(now: number, pair: number, known: number): number {
    const { connections } = this;
    if (known >= 0 && connections.state[known] === CONNECTION_PLAIN) {
      connections.usedAt[known] = now;
      return SEND_PLAIN;
    }
    const row = this.handshake.begin(now, pair);
    if (row < 0) return SEND_PLAIN;
    this.deadlines.arm(row);
    return SEND_WAIT;
  }

  /** Without an offload that would be left to do. */
  private isOnePacket(offset: number, length: number): boolean {
    const { options, region } = this.context;
    const { virtio } = this;
    if (length > options.payloadBytes || !virtio.aim(region.bytes, offset, length)) return false;
    return !virtio.isSuperFrame && !virtio.needsChecksum;
  }

  /** Says to all peers that this host stops; `isStopped` once they know, or it was said often enough. */
  stop(now: number): void {
    this.teardown.stop(now);
    for (let row = 0; row < this.connections.count; row++) this.deadlines.arm(row);
  }

  get isStopped(): boolean {
    return this.teardown.isDone;
  }

  /**
   * Asks the other end of a pair to pause a flow of it, in this turn; the key is as overlay-pause.ts has it. False where
   * there is no connection, or a peer that would not understand.
   */
  askPause(
    pair: number,
    key: Uint32Array,
    sequence: number,
    pauseMicros: number,
    rateBytesPerSecond: number,
  ): boolean {
    const row = this.connections.ofPair(pair);
    return row >= 0 && this.pauses.ask(row, key, sequence, pauseMicros, rateBytesPerSecond);
  }

  isEstablished(pair: number): boolean {
    const row = this.connections.ofPair(pair);
    return row >= 0 && this.connections.state[row] === CONNECTION_ESTABLISHED;
  }

  /** What was sent for a pair and is neither acknowledged nor lost. */
  inFlightBytes(pair: number): number {
    const row = this.connections.ofPair(pair);
    return row < 0 ? 0 : (this.connections.send[row]?.inFlightBytes ?? 0);
  }

  /** True when nothing that was sent on a slot to a peer is unacknowledged. */
  isSlotEmpty(peer: number, slot: number): boolean {
    const { connections } = this;
    for (let row = 0; row < connections.count; row++) {
      if (connections.peer[row] === peer && (connections.send[row]?.inFlight[slot] ?? 0) > 0) return false;
    }
    return true;
  }

  /**
   * Takes in one packet from `peer`, from its BIFROST header on. The caller keeps its reference of the chunk;
   * `hops` is how many it came by, 0 when unknown; `small` says that the packet came in a short run.
   */
  receive(
    now: number,
    peer: number,
    vni: number,
    at: number,
    length: number,
    arrivedAt: number,
    hops: number,
    small: boolean,
  ): void {
    this.incoming.receive(now, peer, vni, at, length, arrivedAt, hops, small);
  }

  /** Moves whole frames of one pair into `out`, references included; the pair, or -1 when nothing is left. */
  deliver(out: PieceList): number {
    const { connections, deliverable } = this;
    for (let row = deliverable.first(); row >= 0; row = deliverable.first()) {
      // The connection may have been lost since: what it held comes again on the next one.
      const established = connections.state[row] === CONNECTION_ESTABLISHED;
      if (!established || this.receiver.deliver(row, out)) deliverable.remove(row);
      if (established) return connections.pair[row]!;
    }
    return -1;
  }

  /**
   * Of the frames of `pair` that `deliver` gave in this turn, these were dropped by a rate limit, or nearly: their sender
   * is to slow down (BIFROST §7.1).
   */
  marked(now: number, pair: number, frames: PieceList): void {
    const row = this.connections.ofPair(pair);
    if (row < 0) return;
    this.counters.packetsMarked += frames.count;
    this.receiver.onMarked(now, row, frames);
    this.ready.add(row);
  }

  /** Frames of a connection that is lost, and that the next one does not carry; undefined when there are none. */
  takeReturned(): Returned | undefined {
    return this.returned.pop();
  }

  /** Acts on what is overdue. Only when all that was received has been taken in, or it judges what it has not read. */
  advance(now: number): void {
    const { connections, deadlines } = this;
    deadlines.expire(now);
    if (connections.awake > 0 && now < this.restDue) return;
    this.restDue = now + REST_MICROS;
    connections.rest();
  }

  /** Puts what is to be sent into `out`; false when it did not all fit. */
  transmit(now: number, out: Outbox): boolean {
    this.prober.transmit(now, this.handshake.challenges, out);
    this.handshake.packets.transmit(out);
    this.notices.transmit(out);
    this.pauses.transmit(now, out);
    for (let row = this.ready.first(); row >= 0; row = this.ready.first()) {
      if (out.room === 0) return false;
      const before = out.packetCount;
      let done = true;
      if (this.connections.awakenRecalled(row)) {
        done = this.resend(now, row);
        done = this.sender.transmit(now, row, out) && done;
        this.acknowledger.transmit(now, row, out.packetCount > before, out);
      }
      this.deadlines.arm(row);
      // What waits for window or for room comes back by an acknowledgement or by the next call.
      this.ready.remove(row);
      if (!done && out.room === 0) {
        this.ready.add(row);
        return false;
      }
    }
    return !this.handshake.packets.pending && !this.notices.pending && !this.pauses.pending;
  }

  /** Everything sent is acknowledged, everything received is passed on. */
  get isIdle(): boolean {
    const { send, receive, recalled } = this.connections;
    return (
      send.every((window) => window === undefined || window.una === window.next) &&
      receive.every((window) => window === undefined || window.isIdle) &&
      recalled.every((queue) => queue === undefined || queue.frames === 0)
    );
  }

  /** What governs pairs has changed. Who waited for what the one before allowed is looked at again. */
  regovern(): void {
    this.connections.regovern((row) => this.ready.add(row));
  }

  /** When `advance` or `transmit` have something to do at the latest; Infinity when only packets can bring work. */
  nextTimeout(): number {
    const { timers, paths, candidates, connections } = this.context;
    const rest = connections.awake > 0 ? this.restDue : Number.POSITIVE_INFINITY;
    const asked = candidates?.nextTimeout() ?? Number.POSITIVE_INFINITY;
    return Math.min(timers.nextTimeout(), paths.nextTimeout(), asked, rest);
  }

  /** Numbers the frames taken back from a lost connection, first of all; false when some must wait. */
  private resend(now: number, row: number): boolean {
    const recalled = this.connections.recalled[row];
    while (recalled !== undefined && recalled.frames > 0) {
      if (!this.sender.accept(now, row, recalled.frontOffset(), recalled.frontLength())) return false;
      recalled.shift();
    }
    this.connections.recalled[row] = undefined;
    return true;
  }
}
