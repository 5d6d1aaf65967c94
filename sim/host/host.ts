// A whole host: the same switch that the agent runs, with devices that are memory, between its tenants' machines and
// the fabric. It reacts some time after something arrives, does one turn at a time, and what a turn sends leaves one
// packet after another while the turn lasts. It can be kept from running for a while.
//
// Not modelled: offload frames (guests send packets of their MTU), the cost of single system calls, other load on
// the core, clocks of hosts that differ.

import { type Rng, SeededRng } from '../../src/base/rng.ts';
import { MemoryUnderlay, MemoryVnic } from '../../src/device/memory.ts';
import { localMemory, Region } from '../../src/packet/region.ts';
import { ChunkWriter } from '../../src/packet/writer.ts';
import type { SwitchConfig } from '../../src/vswitch/config.ts';
import { Switch } from '../../src/vswitch/switch.ts';
import type { Ipv4Address } from '../../src/wire/address.ts';
import { Alarm } from '../alarm.ts';
import type { Clock } from '../clock.ts';
import { Conveyor } from '../conveyor.ts';
import type { HostCosts } from './costs.ts';
import { HostPlane } from './plane.ts';

export interface HostOptions {
  readonly config: SwitchConfig;
  readonly costs: HostCosts;
  /** Memory in chunks of 256 KB. */
  readonly chunks: number;
  readonly seed: number;
}

/** A UDP payload between the host and the fabric; the other end is named by its VTEP. */
export interface HostPacket {
  readonly vtep: Ipv4Address;
  readonly slot: number;
  readonly bytes: Uint8Array;
}

interface OutgoingFrame {
  readonly port: number;
  readonly frame: Uint8Array;
}

const SOCKET_BYTES = 16 << 20;
/** A TAP's queue. */
const VNIC_QUEUE_FRAMES = 1000;

export class SimulatedHost {
  readonly vswitch: Switch;
  readonly region: Region;
  readonly underlay: MemoryUnderlay;
  readonly vnics: readonly MemoryVnic[];
  /** Algorithms of congestion control. */
  readonly plane: HostPlane;
  /** Takes the frames that come out of vNIC `port`. */
  toTenant: (port: number, frame: Uint8Array) => void = () => {};
  turns = 0;
  private readonly clock: Clock;
  private readonly costs: HostCosts;
  private readonly rng: Rng;
  private readonly alarm: Alarm;
  private readonly packetsOut: Conveyor<HostPacket>;
  private readonly framesOut: Conveyor<OutgoingFrame>;
  private arrivals: (HostPacket & { readonly arrivedMicros: number })[] = [];
  private framesOffered = 0;
  private framesRefused = 0;
  private framesUnread = 0;
  private busyUntil = 0;
  private asleepUntil = 0;
  /** Within a turn: when what is sent next leaves. */
  private turnEndMicros = 0;

  /** `toFabric` is called with every packet when it leaves. */
  constructor(clock: Clock, options: HostOptions, toFabric: (packet: HostPacket) => void) {
    const { config, costs, chunks, seed } = options;
    this.clock = clock;
    this.costs = costs;
    this.rng = new SeededRng(seed);
    this.alarm = new Alarm(clock, () => this.turn());
    this.packetsOut = new Conveyor(clock, toFabric);
    this.framesOut = new Conveyor(clock, ({ port, frame }) => this.toTenant(port, frame));
    this.region = new Region(localMemory(chunks));
    this.underlay = new MemoryUnderlay(
      this.region,
      new ChunkWriter(this.region, 0),
      (peer, slot, bytes) => this.leave(peer, slot, bytes),
      SOCKET_BYTES,
    );
    const fromTenants = new ChunkWriter(this.region, chunks >>> 2);
    const ports = config.networks.flatMap((network) => network.ports);
    this.vnics = ports.map(
      (_, port) => new MemoryVnic(this.region, fromTenants, (frame) => this.come(port, frame)),
    );
    this.plane = new HostPlane(clock);
    this.plane.wakeHost = () => this.notice();
    this.vswitch = new Switch(config, {
      region: this.region,
      rng: new SeededRng(this.rng.u32()),
      nowMicros: clock.nowMicros,
      devices: this.vnics,
      underlay: this.underlay,
      congestion: this.plane.links,
    });
  }

  /** Frames that found a vNIC's queue full. */
  get framesDropped(): number {
    return this.framesRefused + this.vnics.reduce((sum, { dropped }) => sum + dropped, 0);
  }

  /** A packet comes from the fabric. */
  arrive(packet: HostPacket): void {
    this.arrivals.push({ ...packet, arrivedMicros: this.clock.nowMicros });
    this.notice();
  }

  /** A tenant sends a frame, virtio_net_hdr first, through vNIC `port`. */
  sendFrame(port: number, frame: Uint8Array): void {
    const waiting = this.framesOffered - this.framesDropped - this.vswitch.counters.framesIn;
    this.framesOffered++;
    if (waiting >= VNIC_QUEUE_FRAMES) {
      this.framesRefused++;
      return;
    }
    this.framesUnread++;
    this.vnics[port]!.send(frame);
    this.notice();
  }

  /** Other algorithms run, or other rules hold. */
  congestionChanged(): void {
    this.vswitch.congestionChanged(this.clock.nowMicros);
    this.notice();
  }

  /** Nothing runs here before `untilMicros`; packets wait in the socket. */
  deschedule(untilMicros: number): void {
    this.asleepUntil = Math.max(this.asleepUntil, untilMicros);
  }

  /** Something arrived: a turn is due when the host has woken up. */
  private notice(): void {
    const { nowMicros } = this.clock;
    const { wakeMicros, awakeMicros } = this.costs;
    const isAwake = nowMicros <= this.busyUntil + awakeMicros;
    const delay = isAwake ? 0 : wakeMicros * (1 + this.rng.u32() / 0x2_0000_0000);
    this.alarm.setEarlier(Math.max(nowMicros + delay, this.busyUntil));
  }

  private turn(): void {
    const now = this.clock.nowMicros;
    const mayRunAt = Math.max(this.asleepUntil, this.busyUntil);
    if (now < mayRunAt) {
      this.alarm.set(mayRunAt);
      return;
    }
    const { vswitch, vnics, costs } = this;
    this.turns++;
    this.turnEndMicros = now + costs.turnMicros;
    this.turnEndMicros += (this.arrivals.length + this.framesUnread) * costs.packetMicros;
    this.framesUnread = 0;
    this.readSocket();
    vswitch.underlayReady = this.underlay.isReady;
    for (let port = 0; port < vnics.length; port++) vswitch.portReady[port] = vnics[port]!.isReady ? 1 : 0;
    const more = vswitch.run(now);
    this.busyUntil = this.turnEndMicros;
    this.alarm.set(more ? this.busyUntil : Math.max(vswitch.nextTimeout(), this.busyUntil));
  }

  /** Packets bear the time at which they came, as the kernel tells the agent. */
  private readSocket(): void {
    for (const { vtep, slot, bytes, arrivedMicros } of this.arrivals) {
      this.underlay.arrive({ source: vtep, slot, bytes, arrivedMicros });
    }
    this.arrivals.length = 0;
  }

  private leave(peer: number, slot: number, bytes: Uint8Array): void {
    this.turnEndMicros += this.costs.packetMicros;
    const vtep = this.vswitch.forwarding.peers[peer] as Ipv4Address;
    this.packetsOut.push(this.turnEndMicros, { vtep, slot, bytes });
  }

  private come(port: number, frame: Uint8Array): void {
    this.turnEndMicros += this.costs.packetMicros;
    this.framesOut.push(this.turnEndMicros, { port, frame });
  }
}
