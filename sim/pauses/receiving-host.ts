// A host that receives: a queue a flow, whose owner takes a batch, is busy with it for as long as it needs, and comes
// again. What asks for pauses is the switch's own (`vswitch/pauses/issuer.ts`).
//
// Towards a lossless core the host has a pause frame of its own for when its memory runs short (Backdraft §4.3). Its threshold
// Th_net lies above the overlay's, and everything that arrives while the overlay reacts fits in between:
// Th_net − Th_over > RTT × bandwidth. (The paper's §3 has the difference the other way round.)

import { PauseIssuer } from '../../src/vswitch/pauses/issuer.ts';
import { Thresholds } from '../../src/vswitch/pauses/thresholds.ts';
import { Alarm } from '../alarm.ts';
import type { Clock } from '../clock.ts';
import { type FlowSetup, PACKET_BYTES, type Packet, type PauseWorldOptions } from './packet.ts';

const BATCH_PACKETS = 64;
/** Two for Th_over, one for what is on its way, and one for a frame that is lost. */
const CAP_WINDOWS = 4;
/** An owner that takes nothing looks again after so long. */
const STOPPED_MICROS = 100;

interface Owned {
  readonly setup: FlowSetup;
  queuedBytes: number;
  takenBytes: number;
  mostBytes: number;
  drops: number;
  isBusy: boolean;
}

/** Where a host's frames go. */
export interface ReceiverLinks {
  ask(flow: number, sequence: number, pauseMicros: number, rateBytesPerSecond: number): void;
  /** To the core: pause everything to this host, or go on. */
  pauseCore(isPaused: boolean): void;
}

export class ReceivingHost {
  readonly issuer: PauseIssuer;
  readonly thresholds: Thresholds;
  readonly capBytes: number;
  readonly networkThresholdBytes: number;
  /** Pause frames to the core. */
  pauseFrames = 0;
  private readonly clock: Clock;
  private readonly options: PauseWorldOptions;
  private readonly links: ReceiverLinks;
  private readonly owned = new Map<number, Owned>();
  private readonly alarm: Alarm;
  private queuedBytes = 0;
  private isCorePaused = false;
  private lastSequence = 0;

  constructor(clock: Clock, options: PauseWorldOptions, links: ReceiverLinks) {
    this.clock = clock;
    this.options = options;
    this.links = links;
    const { windowBytes, hopMicros, linkBytesPerSecond } = options;
    this.capBytes = CAP_WINDOWS * windowBytes;
    this.thresholds = new Thresholds({
      batchBytes: BATCH_PACKETS * PACKET_BYTES,
      windowBytes,
      capBytes: this.capBytes,
    });
    const rttMicros = 4 * hopMicros;
    this.networkThresholdBytes =
      this.thresholds.mostOverBytes + (2 * rttMicros * linkBytesPerSecond) / 1e6 + windowBytes;
    const ask = (now: number, flow: number, pauseMicros: number, rate: number) => {
      if (!options.overlay) return;
      this.lastSequence = Math.max(Math.floor(now), this.lastSequence + 1);
      links.ask(flow, this.lastSequence, pauseMicros, rate);
    };
    this.issuer = new PauseIssuer(clock.nowMicros, this.thresholds, {
      ask,
      rttMicros: () => rttMicros,
      roomBytes: () => Number.POSITIVE_INFINITY,
      done() {},
    });
    this.alarm = new Alarm(clock, () => {
      this.issuer.advance(clock.nowMicros);
      this.watch();
    });
  }

  add(flow: number, setup: FlowSetup): void {
    this.owned.set(flow, {
      setup,
      queuedBytes: 0,
      takenBytes: 0,
      mostBytes: 0,
      drops: 0,
      isBusy: false,
    });
  }

  flow(flow: number): Readonly<Owned> {
    return this.owned.get(flow)!;
  }

  receive(packet: Packet): void {
    const owned = this.owned.get(packet.flow)!;
    const isFull = owned.queuedBytes + packet.bytes > this.capBytes;
    if (isFull && !this.options.losslessCore) {
      owned.drops++;
      return;
    }
    owned.queuedBytes += packet.bytes;
    owned.mostBytes = Math.max(owned.mostBytes, owned.queuedBytes);
    this.queuedBytes += packet.bytes;
    this.issuer.arrived(this.clock.nowMicros, packet.flow, packet.bytes);
    this.tellCore();
    this.watch();
    if (!owned.isBusy) this.take(packet.flow, owned);
  }

  private take(flow: number, owned: Owned): void {
    const rate = owned.setup.takesBytesPerSecond(this.clock.nowMicros);
    const bytes = Math.min(owned.queuedBytes, BATCH_PACKETS * PACKET_BYTES);
    owned.isBusy = bytes > 0;
    if (bytes === 0) return;
    if (rate === 0) {
      this.clock.after(STOPPED_MICROS, () => this.take(flow, owned));
      return;
    }
    owned.queuedBytes -= bytes;
    owned.takenBytes += bytes;
    this.queuedBytes -= bytes;
    this.issuer.taken(this.clock.nowMicros, flow, bytes);
    this.tellCore();
    this.watch();
    this.clock.after((bytes / rate) * 1e6, () => this.take(flow, owned));
  }

  private tellCore(): void {
    if (!this.options.losslessCore) return;
    const limit = this.networkThresholdBytes * (this.isCorePaused ? 0.9 : 1);
    const isPaused = this.queuedBytes > limit;
    if (isPaused === this.isCorePaused) return;
    this.isCorePaused = isPaused;
    if (isPaused) this.pauseFrames++;
    this.clock.after(this.options.hopMicros, () => this.links.pauseCore(isPaused));
  }

  private watch(): void {
    this.alarm.set(this.issuer.nextTimeout());
  }
}
