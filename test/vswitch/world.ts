// Hosts with a switch each, joined by memory devices, in virtual time: a host runs one turn shortly after something
// arrives, and when its switch says so. Every packet on the wire is remembered.

import { Clock } from '../../sim/clock.ts';
import { SeededRng } from '../../src/base/rng.ts';
import type { PlaneLinks } from '../../src/congestion/plane/links.ts';
import type { Handover } from '../../src/device/handover.ts';
import { MemoryUnderlay, MemoryVnic } from '../../src/device/memory.ts';
import type { FrameDevice, UnderlayDevice } from '../../src/packet/device.ts';
import { localMemory, Region } from '../../src/packet/region.ts';
import { ChunkWriter } from '../../src/packet/writer.ts';
import type { SwitchConfig } from '../../src/vswitch/config.ts';
import { Switch, type SwitchState, type SwitchSurroundings } from '../../src/vswitch/switch.ts';
import type { Ipv4Address } from '../../src/wire/address.ts';
import { NativeVnic } from './native-vnic.ts';
import { configOf, type Layout, vtepOf } from './tenants.ts';

const WAKE_MICROS = 10;
const FLIGHT_MICROS = 50;
const SOCKET_BYTES = 4 << 20;
export const CHUNKS = 32;

export interface SentPacket {
  readonly from: Ipv4Address;
  readonly to: Ipv4Address;
  readonly slot: number;
  readonly bytes: Uint8Array;
  readonly atMicros: number;
}

/** What a host's devices are wrapped in. */
export interface Middleware {
  vnic?(device: FrameDevice, region: Region): FrameDevice;
  underlay?(device: UnderlayDevice, region: Region): UnderlayDevice;
  /** Where the host is one thread of several (threads.ts). */
  handover?(device: UnderlayDevice, region: Region, writer: ChunkWriter): Handover;
  /** To its algorithms of congestion control. */
  congestion?: PlaneLinks;
}

/** Whatever takes packets for a VTEP. */
export interface Station {
  arrive(packet: SentPacket): void;
}

export class World {
  readonly clock = new Clock(1_000_000);
  /** In the order in which they were sent. */
  readonly packets: SentPacket[] = [];
  /** Packets that the network loses. */
  loses: (packet: SentPacket) => boolean = () => false;
  /** What a packet's way takes beyond what all take. */
  delays: (packet: SentPacket) => number = () => 0;
  /** Called with a host before each of its turns. */
  beforeTurn: (host: WorldHost) => void = () => {};
  /** Hosts started so far: each has randomness of its own. */
  boots = 0;
  private readonly stations = new Map<Ipv4Address, Station>();

  /** Starts a host, in place of the one that had its address. */
  add(vtep: Ipv4Address, config: SwitchConfig, middleware: Middleware = {}): WorldHost {
    const host = new WorldHost(this, vtep, config, middleware);
    this.put(vtep, host);
    return host;
  }

  /** What is for this address goes there from now on. */
  put(vtep: Ipv4Address, station: Station): void {
    this.stations.set(vtep, station);
  }

  carry(packet: SentPacket): void {
    this.packets.push(packet);
    if (this.loses(packet)) return;
    this.clock.after(FLIGHT_MICROS + this.delays(packet), () => this.stations.get(packet.to)?.arrive(packet));
  }

  /** Lets time pass. */
  pass(micros: number): void {
    this.clock.runUntil(this.clock.nowMicros + micros);
  }
}

export class WorldHost implements Station {
  readonly vtep: Ipv4Address;
  readonly region = new Region(localMemory(CHUNKS));
  vswitch: Switch;
  readonly vnics: readonly MemoryVnic[];
  /** What came out of each vNIC. */
  readonly received: readonly Uint8Array[][];
  /** Another thread handed something over. */
  rung = false;
  private readonly world: World;
  private readonly underlay: MemoryUnderlay;
  private readonly config: SwitchConfig;
  private readonly surroundings: Omit<SwitchSurroundings, 'nowMicros'>;
  private wakeAt = Number.POSITIVE_INFINITY;

  constructor(world: World, vtep: Ipv4Address, config: SwitchConfig, middleware: Middleware) {
    world.boots++;
    this.world = world;
    this.vtep = vtep;
    const { region } = this;
    const fromTenants = new ChunkWriter(region, CHUNKS / 4);
    const ports = config.networks.flatMap((network) => network.ports);
    this.received = ports.map(() => []);
    this.vnics = ports.map(
      (_, port) => new MemoryVnic(region, fromTenants, (frame) => this.received[port]!.push(frame)),
    );
    const wire = (peer: number, slot: number, bytes: Uint8Array) =>
      world.carry({
        from: vtep,
        to: this.vswitch.forwarding.peers[peer] as Ipv4Address,
        slot,
        bytes,
        atMicros: world.clock.nowMicros,
      });
    const fromFabric = new ChunkWriter(region, 0);
    this.underlay = new MemoryUnderlay(region, fromFabric, wire, SOCKET_BYTES);
    this.config = config;
    const handover = middleware.handover?.(this.underlay, region, fromFabric);
    const underlay = handover ?? this.underlay;
    this.surroundings = {
      region,
      rng: new SeededRng(vtep + world.boots),
      devices: this.vnics.map((vnic) => middleware.vnic?.(vnic, region) ?? vnic),
      underlay: middleware.underlay?.(underlay, region) ?? underlay,
      siblings: handover,
      congestion: middleware.congestion,
    };
    this.vswitch = new Switch(config, { ...this.surroundings, nowMicros: world.clock.nowMicros });
  }

  /** Another switch goes on from a state, that of the present one unless another is given. */
  replaceSwitch(state: SwitchState = this.vswitch.save()): void {
    this.vswitch = new Switch(
      this.config,
      { ...this.surroundings, nowMicros: this.world.clock.nowMicros },
      state,
    );
  }

  /** The endpoint at a port whose vNIC was replaced by one. */
  native(port: number): NativeVnic {
    return this.surroundings.devices[port] as NativeVnic;
  }

  /** Its owner did something. */
  ring(): void {
    this.wake(this.world.clock.nowMicros + WAKE_MICROS);
  }

  /** The tenant at `port` sends frames, virtio_net_hdr first. */
  send(port: number, ...frames: Uint8Array[]): void {
    for (const frame of frames) this.vnics[port]!.send(frame);
    this.wake(this.world.clock.nowMicros + WAKE_MICROS);
  }

  arrive({ from, slot, bytes }: Pick<SentPacket, 'from' | 'slot' | 'bytes'>): void {
    const { nowMicros } = this.world.clock;
    this.underlay.arrive({ source: from, slot, bytes, arrivedMicros: nowMicros });
    this.wake(nowMicros + WAKE_MICROS);
  }

  wake(atMicros: number): void {
    if (atMicros >= this.wakeAt) return;
    this.wakeAt = atMicros;
    this.world.clock.at(atMicros, () => {
      if (this.wakeAt === atMicros) this.turn();
    });
  }

  private turn(): void {
    this.world.beforeTurn(this);
    const { vswitch, world } = this;
    const { nowMicros } = world.clock;
    this.wakeAt = Number.POSITIVE_INFINITY;
    // As in the data thread: only what is ready is read.
    vswitch.underlayReady = this.underlay.isReady || this.rung;
    for (const [port, vnic] of this.vnics.entries()) {
      const device = this.surroundings.devices[port]!;
      const { isReady } = device instanceof NativeVnic ? device : vnic;
      vswitch.portReady[port] = isReady ? 1 : 0;
    }
    if (vswitch.run(nowMicros)) this.wake(nowMicros + 1);
    this.wake(Math.max(vswitch.nextTimeout(), nowMicros + 1));
  }
}

/** A host for each of the layouts' hosts. */
export function worldOf(
  layouts: readonly Layout[],
  changes: Parameters<typeof configOf>[2] = {},
  middleware: Middleware = {},
): { world: World; hosts: WorldHost[] } {
  const world = new World();
  const count = Math.max(...layouts.map(({ hosts }) => hosts.length));
  const hosts = Array.from({ length: count }, (_, host) =>
    world.add(vtepOf(host), configOf(host, layouts, changes), middleware),
  );
  return { world, hosts };
}
