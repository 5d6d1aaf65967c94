// A host that consists of a transport: it is woken by packets, timers and its application, and does one turn at a
// time, in the order that the transport asks for. It can be kept from running, and started anew.

import { type Rng, SeededRng } from '../src/base/rng.ts';
import { type Datagram, MemoryUnderlay, type Wire } from '../src/device/memory.ts';
import { Inbox, RUN_WORDS } from '../src/packet/inbox.ts';
import { Outbox } from '../src/packet/outbox.ts';
import { FrameQueue, PieceList } from '../src/packet/pieces.ts';
import { localMemory, type Memory, Region } from '../src/packet/region.ts';
import { ChunkWriter } from '../src/packet/writer.ts';
import { PathTable } from '../src/paths/path-table.ts';
import { SEND_CUT, SEND_PLAIN, SEND_TAKEN, Transport } from '../src/transport/transport.ts';
import type { TransportState } from '../src/transport/transport-state.ts';
import type { OnPause, PairDirectory } from '../src/transport/types.ts';
import type { VersionRange } from '../src/wire/bifrost-types.ts';
import { VxlanView } from '../src/wire/vxlan.ts';
import type { Clock } from './clock.ts';
import { writeFrame } from './frames.ts';
import type { PairOptions } from './pairs.ts';

export interface HostOptions extends PairOptions {
  readonly payloadBytes: number;
  readonly windowPackets: number;
  /** Memory in chunks of 256 KB. */
  readonly chunks: number;
  readonly socketBytes: number;
  /** From an interrupt to the turn it causes. */
  readonly wakeMicros: number;
  /** Absent: those of the code. */
  readonly versions?: VersionRange;
  /** Taken over instead of new memory. */
  readonly memory?: Memory;
}

export const DEFAULT_HOST: HostOptions = {
  payloadBytes: 1400,
  windowPackets: 512,
  chunks: 24,
  socketBytes: 16 << 20,
  wakeMicros: 15,
  pairs: 1,
};

/** What runs on top of a host; called within its turns. */
export interface Application {
  /** Whole frames came; the host releases them afterwards. */
  received(host: TransportHost, pair: number, frames: PieceList): void;
  /** The turn comes to sending: frames can be offered. */
  sending(host: TransportHost): void;
  /** A frame that was offered left the transport's care: it would go as plain VXLAN now. */
  plain(host: TransportHost, pair: number, offset: number, length: number): void;
}

/** A run this short is one small packet or a few. */
const SMALL_RUN_BYTES = 4096;
/** More rounds of one turn than any amount of work explains. */
const MAX_ROUNDS = 10_000;

const outbox = new Outbox();
const inbox = new Inbox();
const delivery = new PieceList(1024);

export class TransportHost {
  readonly options: HostOptions;
  readonly clock: Clock;
  region!: Region;
  paths!: PathTable;
  transport!: Transport;
  underlay!: MemoryUnderlay;
  readonly counters = { offered: 0, accepted: 0, plain: 0, turns: 0, boots: 0, replacements: 0 };
  /** Whether another transport takes over before the next turn. */
  replaces: () => boolean = () => false;
  /** Sees each pause frame that is for a connection here. */
  onPause: OnPause = () => {};
  private readonly memory: Memory;
  private readonly directory: PairDirectory;
  private readonly wire: Wire;
  private readonly application: Application;
  private readonly seed: number;
  private rng!: Rng;
  private frameWriter!: ChunkWriter;
  private queues: FrameQueue[] = [];
  private readonly vxlan = new VxlanView();
  private wakeAt = Number.POSITIVE_INFINITY;
  private asleepUntil = 0;

  constructor(
    clock: Clock,
    options: HostOptions,
    directory: PairDirectory,
    application: Application,
    wire: Wire,
    seed: number,
  ) {
    this.clock = clock;
    this.options = options;
    this.directory = directory;
    this.application = application;
    this.wire = wire;
    this.seed = seed;
    this.memory = options.memory ?? localMemory(options.chunks);
    this.restart();
  }

  /** Everything is forgotten: connections, frames, what waited in the socket. */
  restart(): void {
    const { options } = this;
    this.region = new Region(this.memory);
    this.frameWriter = new ChunkWriter(this.region, options.chunks >>> 1);
    this.underlay = new MemoryUnderlay(
      this.region,
      new ChunkWriter(this.region, 0),
      this.wire,
      options.socketBytes,
    );
    this.paths = new PathTable(this.clock.nowMicros);
    this.paths.addPeer();
    this.rng = new SeededRng(this.seed + this.counters.boots++);
    this.transport = this.newTransport();
    this.queues = Array.from({ length: options.pairs }, () => new FrameQueue());
    this.wakeAt = Number.POSITIVE_INFINITY;
  }

  /** Another transport and another path table go on from what the present ones say of themselves. */
  private replace(): void {
    const { nowMicros } = this.clock;
    this.paths = new PathTable(nowMicros, this.paths.save());
    this.transport = this.newTransport(this.transport.save());
    this.counters.replacements++;
  }

  private newTransport(old?: TransportState): Transport {
    const { payloadBytes, windowPackets, versions } = this.options;
    const { region, rng, paths, directory: pairs } = this;
    return new Transport(
      { payloadBytes, windowPackets, threadId: 0, sprayPackets: 50, ...(versions && { versions }) },
      {
        region,
        rng,
        paths,
        pairs,
        onPause: (now, pair, frame) => this.onPause(now, pair, frame),
        nowMicros: this.clock.nowMicros,
      },
      old,
    );
  }

  /** Puts a frame with this number in the pair's queue; false when there is no memory for it. */
  offer(pair: number, length: number, number: number): boolean {
    const at = this.frameWriter.room(length);
    if (at === 0) return false;
    writeFrame(this.region, at, length, number);
    this.frameWriter.commit(length);
    this.region.retain(at, 1);
    this.queues[pair]!.push(at, length);
    this.counters.offered++;
    return true;
  }

  /** Frames offered that the transport has not taken. */
  waiting(pair: number): number {
    return this.queues[pair]!.frames;
  }

  arrive(datagram: Datagram): void {
    this.underlay.arrive(datagram);
    this.wake(this.clock.nowMicros + this.options.wakeMicros);
  }

  /** Asks for a turn, not later than `atMicros`. */
  wake(atMicros: number): void {
    if (atMicros >= this.wakeAt) return;
    this.wakeAt = atMicros;
    this.clock.at(atMicros, () => {
      if (this.wakeAt !== atMicros) return;
      this.wakeAt = Number.POSITIVE_INFINITY;
      if (this.clock.nowMicros < this.asleepUntil) this.wake(this.asleepUntil);
      else this.turn();
    });
  }

  /** Nothing runs here before `untilMicros`; packets wait in the socket. */
  deschedule(untilMicros: number): void {
    this.asleepUntil = Math.max(this.asleepUntil, untilMicros);
  }

  private turn(): void {
    if (this.replaces()) this.replace();
    const { transport, counters, clock } = this;
    const now = clock.nowMicros;
    counters.turns++;
    const drained = this.receive(now);
    this.application.sending(this);
    if (drained) transport.advance(now);
    this.collectReturned();
    this.send(now);
    this.transmit(now);
    if (!drained) this.wake(now + this.options.wakeMicros);
    // A timer that is due already means the next turn, not this moment again.
    const next = transport.nextTimeout();
    if (next < Number.POSITIVE_INFINITY) this.wake(Math.max(next, now + 1));
  }

  /** Takes in all that came; false when some had to stay in the socket for want of memory. */
  private receive(now: number): boolean {
    for (let round = 0; round < MAX_ROUNDS; round++) {
      inbox.clear();
      const drained = this.underlay.rx(inbox);
      for (let run = 0; run < inbox.count; run++) this.takeRun(now, run);
      this.deliver();
      if (drained) return true;
      if (inbox.count === 0) return false;
    }
    throw new Error('a turn received without end');
  }

  private takeRun(now: number, run: number): void {
    const [offset, length, size, hops] = inbox.runs.subarray(run * RUN_WORDS) as unknown as [
      number,
      number,
      number,
      number,
    ];
    const small = length < SMALL_RUN_BYTES;
    for (let at = 0; at < length; at += size) {
      const packetLength = Math.min(size, length - at);
      if (!this.vxlan.aim(this.region.bytes, offset + at, packetLength) || !this.vxlan.carriesBifrost)
        continue;
      const { payloadAt, vni } = this.vxlan;
      this.transport.receive(
        now,
        0,
        vni,
        payloadAt,
        offset + at + packetLength - payloadAt,
        inbox.arrivedMicros[run]!,
        hops,
        small,
      );
    }
    this.region.release(offset);
  }

  private deliver(): void {
    for (let round = 0; round < MAX_ROUNDS; round++) {
      delivery.clear();
      const pair = this.transport.deliver(delivery);
      if (pair < 0) return;
      this.application.received(this, pair, delivery);
      for (let piece = 0; piece < delivery.count; piece++) this.region.release(delivery.words[piece * 2]!);
    }
    throw new Error('a turn delivered without end');
  }

  private send(now: number): void {
    for (const [pair, queue] of this.queues.entries()) {
      while (queue.frames > 0) {
        const offset = queue.frontOffset();
        const length = queue.frontLength();
        const result = this.transport.send(now, pair, offset, length);
        if (result === SEND_TAKEN) this.counters.accepted++;
        else if (result === SEND_PLAIN || result === SEND_CUT) this.sendPlain(pair, offset, length);
        else break;
        queue.shift();
      }
    }
  }

  private collectReturned(): void {
    const { transport } = this;
    for (let each = transport.takeReturned(); each !== undefined; each = transport.takeReturned()) {
      // Frames that are to be cut cannot be: these are none of a tenant's.
      const { pair, frames } = each;
      for (; frames.frames > 0; frames.shift())
        this.sendPlain(pair, frames.frontOffset(), frames.frontLength());
    }
  }

  private sendPlain(pair: number, offset: number, length: number): void {
    this.counters.plain++;
    this.application.plain(this, pair, offset, length);
    this.region.release(offset);
  }

  private transmit(now: number): void {
    for (let round = 0; round < MAX_ROUNDS; round++) {
      outbox.clear();
      const done = this.transport.transmit(now, outbox);
      this.underlay.tx(outbox);
      if (done) return;
    }
    throw new Error('a turn transmitted without end');
  }
}
