// The model's hosts with real switches in them, and the transport between these: around the same physical switch, with
// tenants whose vNICs take less than comes. What differs from world.ts is that nothing of the hosts is a model but the time
// that they take.

import { SeededRng } from '../../src/base/rng.ts';
import { DEFAULT_WINDOW_PACKETS } from '../../src/congestion/constant-window.ts';
import { datagramBytes, type SwitchConfig } from '../../src/vswitch/config.ts';
import { Clock } from '../clock.ts';
import { AGENT_COSTS } from '../host/costs.ts';
import { type HostPacket, SimulatedHost } from '../host/host.ts';
import { Core } from './core.ts';
import { Link } from './link.ts';
import type { CoreOptions, Parcel } from './packet.ts';
import { datagramBetween, ipv4Of, macOf } from './tenant-frames.ts';

const VNI = 77;
const FRAME_BYTES = 1_410;
const MTU = 1_500;
const CHUNKS = 64;
const START_MICROS = 1_000_000;
/** How often slow tenants take, and hosts look at their memory. */
const TAKE_MICROS = 100;
const LOOK_MICROS = 20;
/** Frames that a tenant's machine takes at once. */
const TENANT_FRAMES = 64;
/**
 * What may wait in a host for its tenants before it pauses its link: two windows, the highest Th_over, and more than a round
 * trip of the link.
 */
const NETWORK_THRESHOLD_BYTES = 2_600_000;

export interface SwitchFlow {
  /** Tenants. */
  readonly from: number;
  readonly to: number;
  readonly offeredBytesPerSecond: number;
}

export interface SwitchWorldOptions {
  readonly seed: number;
  readonly pauses: boolean;
  readonly losslessCore: boolean;
  /** By host, its tenants. */
  readonly tenants: readonly (readonly number[])[];
  readonly flows: readonly SwitchFlow[];
  /** What tenants take, by their numbers; those without take everything. */
  readonly takesBytesPerSecond: Readonly<Record<number, number>>;
}

interface Carried extends Parcel {
  readonly slot: number;
  readonly octets: Uint8Array;
}

export class SwitchWorld {
  readonly clock = new Clock(START_MICROS);
  readonly hosts: readonly SimulatedHost[];
  readonly core: Core<Carried>;
  /** Pause frames of hosts to the core. */
  pauseFrames = 0;
  private readonly options: SwitchWorldOptions;
  private readonly uplinks: readonly Link<Carried>[];
  /** What waits in front of each uplink. */
  private readonly leaving: readonly Carried[][];
  private readonly receivedBytes: number[] = [];
  private readonly isPaused: boolean[] = [];
  private readonly coreOptions: CoreOptions;

  constructor(options: SwitchWorldOptions) {
    this.options = options;
    const { tenants, seed, losslessCore } = options;
    const { clock } = this;
    this.coreOptions = { hosts: tenants.length, losslessCore, linkBytesPerSecond: 312.5e6, hopMicros: 10 };
    const { linkBytesPerSecond, hopMicros } = this.coreOptions;
    const rng = new SeededRng(seed);
    this.core = new Core(
      clock,
      this.coreOptions,
      (host, { from, slot, octets }) => this.hosts[host]!.arrive({ vtep: vtepOf(from), slot, bytes: octets }),
      (host, isPaused) => this.uplinks[host]!.pause(isPaused),
    );
    this.leaving = tenants.map(() => []);
    this.uplinks = this.leaving.map(
      (queue) =>
        new Link(
          clock,
          linkBytesPerSecond,
          hopMicros,
          () => queue.shift(),
          (packet) => this.core.receive(packet),
        ),
    );
    this.hosts = tenants.map((_, host) => {
      const own = { config: this.configOf(host), costs: AGENT_COSTS, chunks: CHUNKS, seed: rng.u32() };
      const made = new SimulatedHost(clock, own, (packet) => this.leave(host, packet));
      made.toTenant = (port, frame) => this.received(tenants[host]![port]!, frame.length);
      return made;
    });
    for (const flow of options.flows) this.offer(flow, datagramBetween(flow.from, flow.to, FRAME_BYTES));
    for (const tenant of Object.keys(options.takesBytesPerSecond)) this.take(Number(tenant));
    if (losslessCore) this.look();
  }

  /** Runs on for a while; what each tenant received on the way, in bytes per second, by its number. */
  measure(micros: number): number[] {
    const before = this.options.tenants.flat().map((tenant) => this.receivedBytes[tenant] ?? 0);
    this.clock.runUntil(this.clock.nowMicros + micros);
    const rates: number[] = [];
    for (const [i, tenant] of this.options.tenants.flat().entries())
      rates[tenant] = (((this.receivedBytes[tenant] ?? 0) - before[i]!) / micros) * 1e6;
    return rates;
  }

  /** Frames for tenants that a switch dropped. */
  get drops(): number {
    return this.hosts.reduce((sum, { vswitch }) => {
      const { vnicFull, noReceiveRing } = vswitch.counters.dropped;
      return sum + vnicFull + noReceiveRing;
    }, 0);
  }

  private configOf(host: number): SwitchConfig {
    const vnic = (tenant: number) => ({ mac: macOf(tenant), ipv4: [ipv4Of(tenant)], ipv6: [] });
    const ports = this.options.tenants[host]!.map((tenant) => ({
      name: `t${tenant}`,
      sourceCheck: true,
      ...vnic(tenant),
    }));
    const remotes = this.options.tenants.flatMap((tenants, other) =>
      other === host ? [] : [{ vtep: vtepOf(other), vnics: tenants.map(vnic) }],
    );
    return {
      datagramBytes: datagramBytes(MTU, 4),
      windowPackets: DEFAULT_WINDOW_PACKETS,
      threadId: 0,
      pauses: this.options.pauses,
      networks: [{ vni: VNI, reliable: true, ports, remotes }],
    };
  }

  private leave(from: number, { vtep, slot, bytes: octets }: HostPacket): void {
    this.leaving[from]!.push({ from, to: vtep - vtepOf(0), bytes: octets.length, slot, octets });
    this.uplinks[from]!.kick();
  }

  private received(tenant: number, bytes: number): void {
    this.receivedBytes[tenant] = (this.receivedBytes[tenant] ?? 0) + bytes;
  }

  private offer(flow: SwitchFlow, frame: Uint8Array): void {
    const host = this.hostOf(flow.from);
    this.hosts[host]!.sendFrame(this.options.tenants[host]!.indexOf(flow.from), frame);
    this.clock.after((FRAME_BYTES / flow.offeredBytesPerSecond) * 1e6, () => this.offer(flow, frame));
  }

  /** A slow tenant takes frames again, as many as it manages until the next time. */
  private take(tenant: number, owed = 0): void {
    const host = this.hostOf(tenant);
    const vnic = this.hosts[host]!.vnics[this.options.tenants[host]!.indexOf(tenant)]!;
    if (vnic.room === Number.POSITIVE_INFINITY) vnic.room = 0;
    const frames = owed + (this.options.takesBytesPerSecond[tenant]! * TAKE_MICROS) / 1e6 / FRAME_BYTES;
    const whole = Math.floor(frames);
    vnic.room = Math.min(vnic.room + whole, TENANT_FRAMES);
    this.clock.after(TAKE_MICROS, () => this.take(tenant, frames - whole));
  }

  /** A host whose memory runs short pauses its link from the core. */
  private look(): void {
    for (const [host, { vswitch }] of this.hosts.entries()) {
      const { backlog } = vswitch.waiting.receive;
      const bytes = vswitch.forwarding.ports.reduce((sum, { index }) => sum + backlog.bytesOf(index), 0);
      const was = this.isPaused[host] === true;
      const isPaused = bytes > NETWORK_THRESHOLD_BYTES * (was ? 0.9 : 1);
      if (isPaused === was) continue;
      this.isPaused[host] = isPaused;
      if (isPaused) this.pauseFrames++;
      this.clock.after(this.coreOptions.hopMicros, () => this.core.outputs[host]!.pause(isPaused));
    }
    this.clock.after(LOOK_MICROS, () => this.look());
  }

  private hostOf(tenant: number): number {
    return this.options.tenants.findIndex((tenants) => tenants.includes(tenant));
  }
}

function vtepOf(host: number): number {
  return 0xc000_0200 + host;
}
