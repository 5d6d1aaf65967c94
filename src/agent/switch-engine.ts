// The switch as an engine: what a data thread runs, and what `selvage upgrade switch` replaces. The package exports this
// module as `selvage/switch-engine`, for engines that build on it.

import type { Rng } from '../base/rng.ts';
import type { PlaneLinks } from '../congestion/plane/links.ts';
import type { FrameDevice, Siblings, UnderlayDevice } from '../packet/device.ts';
import type { Region } from '../packet/region.ts';
import type { ChunkWriter } from '../packet/writer.ts';
import type { SlotBinding } from '../paths/routes.ts';
import {
  type Engine,
  type EngineFactory,
  type EngineIo,
  type SavedState,
  stateOfVersion,
  type Watch,
} from '../runtime/engine.ts';
import type { SwitchConfig } from '../vswitch/config.ts';
import type { SchedulerName } from '../vswitch/scheduling/scheduler.ts';
import { Switch, type SwitchState } from '../vswitch/switch.ts';
import { type PlaneReport, planeReport } from './congestion/plane-report.ts';
import { type Account, accountOf } from './reports/decision-report.ts';
import { type FlowPage, type FlowReport, flowPage, flowReport } from './reports/flow-report.ts';
import { type PathPage, pathPage } from './reports/path-report.ts';
import { type QueuePage, queuePage } from './reports/queue-report.ts';
import { type PeerReport, peersOf, reportOf, type SwitchReport } from './reports/switch-report.ts';
import { warmUp } from './warm-up.ts';

/** What the executor has for it. Memory and devices outlive the engine. */
export interface SwitchGiven {
  readonly config: SwitchConfig;
  readonly region: Region;
  readonly rng: Rng;
  /** In the order of the configuration; those without a descriptor are other threads' to read. */
  readonly vnics: readonly VnicGiven[];
  readonly underlay: { readonly device: UnderlayDevice; readonly fds: readonly number[] };
  /** Where there are other data threads. */
  readonly siblings?: Siblings | undefined;
  /** Microseconds, of the clock that turns are given. */
  readonly clock: () => number;
  /** The devices' own: each holds a reference of the region. */
  readonly writers: readonly ChunkWriter[];
  /** Algorithms of the congestion control plane, and the descriptor by which their commands wake; absent: none. */
  readonly congestion?: CongestionGiven | undefined;
}

export interface VnicGiven {
  readonly device: FrameDevice;
  readonly fd: number | undefined;
  /** Of a device that shares memory with its owner. */
  readonly attendant?: Attendant | undefined;
}

/** Looks after a device whose frames nothing announces while its owner keeps it awake. */
export interface Attendant {
  /** The descriptor became readable. */
  attend(nowMicros: number): void;
  /** The device must be read in this turn. */
  readonly isAwake: boolean;
  /** When it needs a turn though nothing comes; Infinity for never. */
  readonly nextTimeout: number;
  /** After a turn. */
  settle(nowMicros: number): void;
}

export interface CongestionGiven {
  readonly links: PlaneLinks;
  readonly fd: number;
  /** Takes the signals that have come. */
  readonly heard: () => void;
}

/** An engine that `selvage status` can ask, and, where it says more, others; its slots may follow the routes found. */
export interface ReportingEngine<S> extends Engine<S> {
  report(): SwitchReport;
  /** Of a report the peers. */
  peers?(): readonly PeerReport[];
  /** A page of the connections, of the slots to peers, and of what waits, from this number on. */
  flows?(from: number, nowMicros: number): FlowPage;
  paths?(from: number, nowMicros: number): PathPage;
  queues?(from: number, nowMicros: number): QueuePage;
  /** From now on this one says whose turn it is of what waits. */
  schedule?(scheduler: SchedulerName, nowMicros: number): void;
  /** One connection, by our CID of it. */
  flow?(cid: number, nowMicros: number): FlowReport | undefined;
  /** What was decided about paths, and what is known of source ports. */
  decisions?(nowMicros: number): Account;
  /** Lets the slots to a peer use these source ports, each as soon as nothing is in flight on it; `routes` are all ports'. */
  bindSlots?(peer: number, slots: readonly SlotBinding[], routes?: readonly number[]): void;
  /** Other algorithms run, or other rules say which of them governs what. */
  congestionChanged?(nowMicros: number): void;
  /** What the congestion control plane does here, for these algorithms. */
  plane?(algorithms: readonly string[]): PlaneReport;
}

/** Of the state: raised with every change of its shape, with a transformation from the one before. */
const VERSION = 1;

/** How long peers have for acknowledging what is on its way to them when the engine is removed. */
const DRAIN_MICROS = 100_000;

export class SwitchEngine implements ReportingEngine<SwitchState> {
  readonly vswitch: Switch;
  private readonly vnics: readonly VnicGiven[];
  private readonly ports: readonly (Watch | undefined)[];
  private readonly underlay: readonly Watch[];
  private readonly congestion: CongestionGiven | undefined;
  private readonly commands: Watch | undefined;
  /** Not draining: Infinity. */
  private drainingUntil = Number.POSITIVE_INFINITY;
  private stopping = false;

  constructor(io: EngineIo<SwitchGiven>, old?: SwitchState) {
    const { config, region, rng, vnics, underlay, siblings, clock, writers, congestion } = io.given;
    this.vswitch = new Switch(
      config,
      {
        region,
        rng,
        nowMicros: io.nowMicros,
        clock,
        devices: vnics.map(({ device }) => device),
        underlay: underlay.device,
        siblings,
        congestion: congestion?.links,
      },
      old,
    );
    this.vnics = vnics;
    this.ports = vnics.map(({ fd }) => (fd === undefined ? undefined : io.watch(fd)));
    this.underlay = underlay.fds.map((fd) => io.watch(fd));
    this.congestion = congestion;
    this.commands = congestion && io.watch(congestion.fd);
    if (old !== undefined && !old.interrupted) return;
    // The last one left nothing, or in a hurry: what no state knows of is free again.
    region.recount((visit) => {
      for (const { held } of writers) if (held !== 0) visit(held);
      this.vswitch.eachHeld(visit);
    });
  }

  run(now: number, budget: number): number {
    const { vswitch } = this;
    vswitch.underlayReady = this.isUnderlayReady();
    if (this.commands?.ready === true) this.congestion!.heard();
    const takes = this.drainingUntil === Number.POSITIVE_INFINITY;
    this.attendPorts(now, takes);
    const more = vswitch.run(now, budget);
    for (let port = 0; port < this.vnics.length; port++) this.vnics[port]!.attendant?.settle(now);
    return more ? Math.max(budget, vswitch.work) : Math.min(budget - 1, vswitch.work);
  }

  nextTimeout(): number {
    const { vswitch, drainingUntil, stopping } = this;
    if (stopping) return vswitch.nextTimeout();
    if (drainingUntil !== Number.POSITIVE_INFINITY) return Math.min(vswitch.nextTimeout(), drainingUntil);
    let soonest = vswitch.nextTimeout();
    for (let port = 0; port < this.vnics.length; port++) {
      const { attendant } = this.vnics[port]!;
      if (attendant?.isAwake === true) return 0;
      if (attendant !== undefined) soonest = Math.min(soonest, attendant.nextTimeout);
    }
    return soonest;
  }

  private attendPorts(now: number, takes: boolean): void {
    const { vswitch, vnics, ports } = this;
    for (let port = 0; port < ports.length; port++) {
      const { attendant } = vnics[port]!;
      const isReady = ports[port]?.ready === true;
      if (isReady) attendant?.attend(now);
      vswitch.portReady[port] = takes && (attendant === undefined ? isReady : attendant.isAwake) ? 1 : 0;
    }
  }

  /** Takes nothing more from tenants; what is on its way still goes, and then peers are told that nothing more comes. */
  drain(now: number): boolean {
    const { vswitch } = this;
    if (this.drainingUntil === Number.POSITIVE_INFINITY) this.drainingUntil = now + DRAIN_MICROS;
    if (!this.stopping && (vswitch.isIdle || now >= this.drainingUntil)) {
      this.stopping = true;
      vswitch.stop(now);
    }
    this.run(now, Number.POSITIVE_INFINITY);
    return this.stopping && vswitch.isStopped;
  }

  private isUnderlayReady(): boolean {
    for (let i = 0; i < this.underlay.length; i++) if (this.underlay[i]!.ready) return true;
    return false;
  }

  save(): SwitchState {
    return this.vswitch.save();
  }

  report(): SwitchReport {
    return reportOf(this.vswitch);
  }

  flows(from: number, nowMicros: number): FlowPage {
    return flowPage(this.vswitch, from, nowMicros);
  }

  paths(from: number, nowMicros: number): PathPage {
    return pathPage(this.vswitch, from, nowMicros);
  }

  queues(from: number, nowMicros: number): QueuePage {
    return queuePage(this.vswitch, from, nowMicros);
  }

  schedule(scheduler: SchedulerName, nowMicros: number): void {
    this.vswitch.waiting.schedule(nowMicros, scheduler);
  }

  flow(cid: number, nowMicros: number): FlowReport | undefined {
    return flowReport(this.vswitch, cid, nowMicros);
  }

  peers(): readonly PeerReport[] {
    return peersOf(this.vswitch);
  }

  congestionChanged(nowMicros: number): void {
    this.vswitch.congestionChanged(nowMicros);
  }

  plane(algorithms: readonly string[]): PlaneReport {
    return planeReport(this.vswitch, algorithms);
  }

  decisions(nowMicros: number): Account {
    return accountOf(this.vswitch, nowMicros);
  }

  bindSlots(peer: number, slots: readonly SlotBinding[], routes?: readonly number[]): void {
    this.vswitch.bindSlots(peer, slots, routes);
  }
}

export const switchEngine = {
  version: VERSION,
  load(io: EngineIo<SwitchGiven>, old?: SavedState): SwitchEngine {
    return new SwitchEngine(io, stateOfVersion<SwitchState>('the switch', VERSION, old));
  },
  warmUp,
} satisfies EngineFactory<SwitchState, SwitchGiven>;

export type { SwitchState } from '../vswitch/switch.ts';
export default switchEngine;
