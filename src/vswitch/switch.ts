// The switch of one data thread: the whole way of a packet, stage by stage as direct calls over batches. It owns
// nothing outside of memory: devices are given, the clock is an argument.

import type { Rng } from '../base/rng.ts';
import { PlaneLinks } from '../congestion/plane/links.ts';
import { PlaneDatapath } from '../congestion/plane/plane-datapath.ts';
import type { PlaneState } from '../congestion/plane/plane-state.ts';
import type { FrameDevice, Siblings, UnderlayDevice } from '../packet/device.ts';
import { Inbox } from '../packet/inbox.ts';
import { PieceList } from '../packet/pieces.ts';
import type { Region } from '../packet/region.ts';
import { ChunkWriter, type ChunkWriterState } from '../packet/writer.ts';
import { PathCare, type PathCareState } from '../paths/path-care.ts';
import { PathTable, type PathTableState } from '../paths/path-table.ts';
import type { SlotBinding } from '../paths/routes.ts';
import { Transport } from '../transport/transport.ts';
import type { TransportState } from '../transport/transport-state.ts';
import { type SwitchConfig, TRANSPORT_OVERHEAD_BYTES } from './config.ts';
import { Cutter } from './cutter.ts';
import { Delivery, type DeliveryState } from './delivery.ts';
import { Departures } from './departures.ts';
import { countInterrupted, newSwitchCounters, type SwitchCounters } from './drops.ts';
import { type Crew, Egress } from './egress.ts';
import type { FrameHead } from './flows/frame-head.ts';
import { FLOW_BYTES } from './flows/queue-memory.ts';
import { Forwarding, type Port } from './forwarding.ts';
import { Governance } from './governance.ts';
import { Ingress, type IngressTargets } from './ingress.ts';
import { PairDrops } from './pair-drops.ts';
import { Pauses, type PausesState } from './pauses/pauses.ts';
import { Steering, steeredVnics } from './steering.ts';
import { Waiting, type WaitingState } from './waiting.ts';

/** Frames read from one vNIC in one turn. */
const READ_BATCH = 64;
/** Packets of one flow that go down one path before the next is taken (BIFROST §4.1). */
const GROUP_PACKETS = 50;

export interface SwitchSurroundings {
  readonly region: Region;
  readonly rng: Rng;
  readonly nowMicros: number;
  /** What time it is when packets leave, later than the turn began if it had much to do; absent: when it began. */
  readonly clock?: (() => number) | undefined;
  /** `devices[i]` is the vNIC of port i, in the order of the configuration. */
  readonly devices: readonly FrameDevice[];
  readonly underlay: UnderlayDevice;
  /** Where the configuration has more than one data thread. */
  readonly siblings?: Siblings | undefined;
  /** To algorithms of the congestion control plane; absent: there are none. */
  readonly congestion?: PlaneLinks | undefined;
}

/**
 * What a switch of newer code goes on from: plain data, large arrays by reference. Between turns nothing is anywhere
 * else: inbox, outbox and lists of a turn are empty.
 */
export interface SwitchState {
  readonly counters: SwitchCounters;
  readonly paths: PathTableState;
  readonly transport: TransportState;
  readonly plane: PlaneState;
  readonly pathCare: PathCareState;
  readonly waiting: WaitingState;
  readonly pauses: PausesState | undefined;
  readonly pairDrops: Uint32Array;
  readonly delivery: DeliveryState;
  readonly scratch: ChunkWriterState;
  readonly firstPort: number;
  readonly now: number;
  /** It was saved in the middle of a turn that failed: references may be held that nobody has. */
  readonly interrupted: boolean;
}

export class Switch implements IngressTargets {
  readonly counters: SwitchCounters;
  readonly paths: PathTable;
  /** What keeps their slots on source ports that work. */
  readonly pathCare: PathCare;
  readonly forwarding: Forwarding;
  readonly transport: Transport;
  /** Of the connections that algorithms of the control plane govern. */
  readonly plane: PlaneDatapath;
  /** Set for the devices that may have something to read; the switch reads those and leaves the rest alone. */
  readonly portReady: Uint8Array;
  underlayReady = true;
  /** Frames and runs of packets that the last turn read. */
  work = 0;
  private inTurn = false;
  /** Frames that wait for their connection, and frames that wait for their vNIC to take them. */
  readonly waiting: Waiting;
  /** What holds back flows whose receivers are slow; absent: nothing does. */
  readonly pauses: Pauses | undefined;
  readonly pairDrops: PairDrops;
  private readonly region: Region;
  private readonly devices: readonly FrameDevice[];
  private readonly underlay: UnderlayDevice;
  private readonly delivery: Delivery;
  private readonly ingress: Ingress;
  private readonly egress: Egress;
  private readonly departures: Departures;
  private readonly scratch: ChunkWriter;
  private readonly inbox = new Inbox();
  private readonly frames = new PieceList(READ_BATCH);
  private readonly nothing = new PieceList(0);
  /** Where reading begins: behind the port at which the last turn's budget ended. */
  private firstPort: number;
  private now: number;

  constructor(
    config: SwitchConfig,
    { region, rng, nowMicros, clock, devices, underlay, siblings, congestion }: SwitchSurroundings,
    old?: SwitchState,
  ) {
    this.counters = old?.counters ?? newSwitchCounters();
    this.firstPort = old?.firstPort ?? 0;
    this.now = old?.now ?? nowMicros;
    this.region = region;
    this.devices = devices;
    this.underlay = underlay;
    const payloadBytes = config.datagramBytes - TRANSPORT_OVERHEAD_BYTES;
    const { windowPackets, threadId, sprayPackets = GROUP_PACKETS } = config;
    const links = congestion ?? new PlaneLinks();
    const governance = new Governance(windowPackets, payloadBytes, links);
    this.forwarding = new Forwarding(config, (pair) => governance.of(pair, this.forwarding, this.plane));
    const placeOf = (pair: number) => this.forwarding.placeOf(pair);
    const maxCwndBytes = windowPackets * payloadBytes;
    this.plane = new PlaneDatapath(
      { mssBytes: payloadBytes, maxCwndBytes, links, placeOf, nowMicros: this.now },
      old?.plane,
    );
    this.pairDrops = new PairDrops(this.forwarding.pairCount, old?.pairDrops);
    this.paths = new PathTable(nowMicros, old?.paths);
    if (old === undefined) for (const _ of this.forwarding.peers) this.paths.addPeer();
    this.portReady = new Uint8Array(devices.length).fill(1);
    const actions = {
      isSlotEmpty: (peer: number, slot: number) => this.transport.isSlotEmpty(peer, slot),
      bindSlot: (peer: number, slot: number, candidate: number) => underlay.bindSlot(peer, slot, candidate),
      hasPort: (candidate: number) => underlay.hasPort(candidate),
    };
    this.pathCare = new PathCare(nowMicros, this.paths, actions, old?.pathCare);
    const { paths } = this;
    const { candidates } = this.pathCare;
    this.transport = new Transport(
      { payloadBytes, windowPackets, threadId, sprayPackets },
      {
        region,
        rng,
        paths,
        candidates,
        pairs: this.forwarding,
        onPause: (now, pair, frame) => this.pauses?.obey(now, pair, frame),
        nowMicros,
      },
      old?.transport,
    );
    this.waiting = new Waiting(
      region,
      devices,
      {
        seed: this.transport.connections.salt,
        inFlightBytes: (pair) => this.transport.inFlightBytes(pair),
        ...config,
      },
      old?.waiting,
    );
    if (old?.interrupted === true) this.waiting.mend();
    this.pauses =
      config.pauses === false
        ? undefined
        : new Pauses(
            this.now,
            { batchBytes: READ_BATCH * payloadBytes, windowBytes: maxCwndBytes, capBytes: FLOW_BYTES },
            { waiting: this.waiting, forwarding: this.forwarding, paths, transport: this.transport },
            old?.pauses,
          );
    const scratch = new ChunkWriter(region, 0, old?.scratch);
    this.scratch = scratch;
    const cutter = new Cutter(region, scratch);
    this.delivery = new Delivery(
      region,
      this.counters,
      this.pairDrops,
      this.waiting.receive,
      this.forwarding,
      devices,
      cutter,
      nowMicros,
      old?.delivery,
    );
    const { counters, pairDrops, forwarding, transport } = this;
    const { send: queues } = this.waiting;
    const parts = { region, counters, queues, pairDrops, forwarding, transport, underlay, cutter, clock };
    this.departures = new Departures(config, parts);
    this.ingress = new Ingress(region, scratch, this.counters, this);
    const toPort = (port: Port, at: number, length: number) =>
      this.delivery.plain(this.now, port, at, length);
    const handed = (port: Port, at: number, length: number) =>
      this.delivery.handed(this.now, port, at, length);
    const crew = crewOf(config, siblings);
    this.egress = new Egress(region, this.forwarding, this.transport, this.counters, toPort, handed, crew);
  }

  save(): SwitchState {
    if (this.inTurn) this.closeBooks();
    return {
      counters: this.counters,
      paths: this.paths.save(),
      transport: this.transport.save(),
      plane: this.plane.save(),
      pathCare: this.pathCare.save(),
      waiting: this.waiting.save(),
      pauses: this.pauses?.save(),
      pairDrops: this.pairDrops.save(),
      delivery: this.delivery.save(),
      scratch: this.scratch.save(),
      firstPort: this.firstPort,
      now: this.now,
      interrupted: this.inTurn,
    };
  }

  /** The turn threw: what was in its hands, and in none of the state, is lost. */
  private closeBooks(): void {
    const { counters, frames, inbox, transport, framesQueued, framesWaiting, framesOut } = this;
    counters.framesIn += this.ingress.uncounted(frames);
    counters.packetsIn += this.egress.uncounted(inbox);
    frames.clear();
    inbox.clear();
    const { framesDelivered } = transport.counters;
    countInterrupted(counters, { framesQueued, framesWaiting, framesOut, framesDelivered });
  }

  /** Calls `visit` with every offset that a reference is held for, between turns. */
  eachHeld(visit: (offset: number) => void): void {
    this.transport.eachHeld(visit);
    this.waiting.eachHeld(visit);
    if (this.scratch.held !== 0) visit(this.scratch.held);
  }

  /** One turn, which reads vNICs until `budget` is used up. True when devices may still have something to read. */
  run(now: number, budget = Number.POSITIVE_INFINITY): boolean {
    this.now = now;
    this.departures.now = now;
    this.inTurn = true;
    this.work = 0;
    this.plane.run(now);
    let drained = true;
    if (this.underlayReady) {
      drained = this.underlay.rx(this.inbox);
      this.work += this.inbox.count;
      this.egress.process(now, this.inbox);
      this.inbox.clear();
    }
    if (!this.waiting.receive.stopsEverybody)
      this.delivery.fromTransport(now, this.transport, this.forwarding);
    const more = this.readPorts(budget) || !drained;
    if (drained) this.transport.advance(now);
    this.pathCare.settle(now);
    this.waiting.tidy();
    this.pauses?.advance(now);
    // After the timers: what they change (a peer is given up) concerns those who wait, and nothing else wakes them.
    this.departures.pump();
    this.departures.transmit();
    this.plane.flush();
    this.inTurn = false;
    return more;
  }

  /** Says to all peers that this host stops. What they have not acknowledged they will not. */
  stop(now: number): void {
    this.transport.stop(now);
  }

  /** They know, or were told often enough. */
  get isStopped(): boolean {
    return this.transport.isStopped;
  }

  /** Nothing waits here, and peers have acknowledged all they were sent. */
  get isIdle(): boolean {
    const { framesQueued, framesWaiting, waiting } = this;
    const input = waiting.input?.count ?? 0;
    return framesQueued === 0 && framesWaiting === 0 && input === 0 && this.transport.isIdle;
  }

  /** Tries what waits for the vNICs, then reads those that are ready, in turn. True when something may be left. */
  private readPorts(budget: number): boolean {
    const { devices, frames } = this;
    const { input } = this.waiting;
    const ports = devices.length;
    this.delivery.retry(this.now);
    const first = this.firstPort;
    let more = false;
    for (let i = 0; i < ports; i++) {
      const port = first + i < ports ? first + i : first + i - ports;
      if (this.portReady[port] !== 1) continue;
      if (this.waiting.receive.stopsEverybody) {
        // An endpoint's doorbells are heard all the same: they say that there is room.
        if (this.waiting.holds.device(port) !== undefined) devices[port]!.rx(this.nothing);
        continue;
      }
      if (this.work >= budget) {
        this.firstPort = port;
        this.readInput();
        return true;
      }
      devices[port]!.rx(frames);
      this.work += frames.count;
      if (frames.count === READ_BATCH) more = true;
      const flows = this.waiting.holds.device(port)?.rxFlows;
      if (input === undefined) this.ingress.process(this.forwarding.ports[port]!, frames, flows);
      else input.push(port, frames, flows);
      frames.clear();
    }
    this.firstPort = 0;
    return this.readInput() || more;
  }

  /** Of what waits in front of the switch, as many frames as are read of one vNIC in a turn. True when more wait. */
  private readInput(): boolean {
    const { frames, counters, waiting } = this;
    const { input } = waiting;
    if (input === undefined) return false;
    const dropped = input.thin((offset) => this.region.release(offset));
    counters.framesIn += dropped;
    counters.dropped.inputFull += dropped;
    for (let left = READ_BATCH; left > 0 && input.count > 0; ) {
      const port = input.take(frames, left);
      left -= frames.count;
      const flows = waiting.holds.device(port) === undefined ? undefined : input.flows;
      this.ingress.process(this.forwarding.ports[port]!, frames, flows);
      frames.clear();
    }
    return input.count > 0;
  }

  /** When `run` is needed again though nothing arrives; Infinity for never. */
  nextTimeout(): number {
    // A vNIC that refused a frame is asked again: nothing else will say that it has room.
    const retry = this.delivery.isHeldUp ? this.now + 1000 : Number.POSITIVE_INFINITY;
    return Math.min(
      retry,
      this.transport.nextTimeout(),
      this.pathCare.nextTimeout(),
      this.pauses?.nextTimeout() ?? Number.POSITIVE_INFINITY,
      this.plane.nextTimeout(),
    );
  }

  /** Lets the slots to a peer use these source ports, each as soon as nothing is in flight on it; `routes` are all ports'. */
  bindSlots(peer: number, slots: readonly SlotBinding[], routes: readonly number[] = []): void {
    this.pathCare.ask(this.now, peer, slots, routes);
  }

  /** Other algorithms run, or other rules say which of them governs what. */
  congestionChanged(now: number): void {
    this.now = now;
    this.transport.regovern();
    this.plane.linksChanged(now);
  }

  get framesOut(): number {
    return this.delivery.framesOut;
  }

  /** Frames that wait for their connection, and frames that wait for their vNIC to take them. */
  get framesQueued(): number {
    return this.waiting.send.frames;
  }

  get framesWaiting(): number {
    return this.delivery.framesWaiting;
  }

  toPair(pair: number, offset: number, length: number, head: FrameHead, deviceFlow: number): void {
    this.departures.toPair(pair, offset, length, head, deviceFlow);
  }

  toPeer(peer: number, vni: number, offset: number, length: number): void {
    this.departures.toPeer(peer, vni, offset, length);
  }

  toPort(port: Port, offset: number, length: number, from: Port, deviceFlow: number): void {
    this.delivery.local(this.now, port, offset, length, from, deviceFlow);
  }

  trainToPort(
    port: Port,
    frames: PieceList,
    first: number,
    end: number,
    head: FrameHead,
    from: Port,
    deviceFlow: number,
  ): void {
    this.delivery.train(this.now, port, frames, first, end, head, from, deviceFlow);
  }

  answer(port: Port, offset: number, length: number): void {
    this.delivery.answer(this.now, port, offset, length);
  }
}

function crewOf(config: SwitchConfig, siblings: Siblings | undefined): Crew | undefined {
  const { threadId, threads = 1 } = config;
  if (siblings === undefined || threads === 1) return undefined;
  return { threadId, threads, steering: new Steering(threads, steeredVnics(config)), siblings };
}
