// The core of rerouting with its input and output on one overlay: the kernel's half captures what peers send and sees which
// ports are used, a raw socket sends, and the core's table goes into the kernel's maps. On the main thread: probes are few
// (one a second and port), and what must be fast is in the kernel.

import { RawUdpSender } from '../linux/raw-udp.ts';
import { type Watch, watch } from '../linux/readiness.ts';
import type { LeavingPacket, ReroutingCore } from '../paths/reroute/core.ts';
import { asIpv6, type HostAddress } from '../wire/address.ts';
import { unmapped } from './addresses.ts';
import { CpuMeter } from './cpu.ts';
import { FastMaps } from './fast-maps.ts';
import { KernelHalf } from './kernel-half.ts';
import type { UnderlayDevice } from './options.ts';

/** Between two looks at what the packet path used; the heartbeat goes with them. */
const LOOK_MICROS = 200_000;
const CPU_MICROS = 1_000_000;
/** As the kernel's VXLAN has it, so that the receiver can tell how far it is. */
const HOPS = 64;
/** Node's timers have whole milliseconds, and none is longer. */
const MOST_WAIT_MICROS = 1_000_000;

export interface Ends {
  /** The overlay's UDP port. */
  readonly port: number;
  readonly local: HostAddress;
  readonly underlays: readonly UnderlayDevice[];
  /** Answers go out by the ports that flows came by (ZooRoute §4.1). */
  readonly learns: boolean;
}

export class Rerouting {
  readonly core: ReroutingCore;
  readonly kernel: KernelHalf;
  readonly maps: FastMaps;
  private readonly ends: Ends;
  private readonly sender: RawUdpSender;
  private readonly watched: Watch;
  private readonly cpu = new CpuMeter();
  private readonly onLook: (now: number) => void;
  /** Bound to a device each, by its index, where there are several. */
  private readonly uplinks = new Map<number, RawUdpSender>();
  private readonly leaving = { destination: 0 as HostAddress, sourcePort: 0, destinationPort: 0, hops: HOPS };
  private timer: NodeJS.Timeout | undefined;
  private refusedBefore = 0;
  private lookAt = 0;
  private cpuAt = 0;
  private isOver = false;

  /**
   * Puts the programs in place; throws SelvageError and leaves nothing where that fails. `onLook` is called now and then,
   * after the core has done its work.
   */
  constructor(ends: Ends, core: ReroutingCore, onLook: (now: number) => void) {
    this.ends = ends;
    this.core = core;
    this.onLook = onLook;
    this.leaving.destinationPort = ends.port;
    this.sender = new RawUdpSender(ends.local);
    try {
      const { port, local, underlays, learns } = ends;
      this.openUplinks(underlays);
      this.kernel = new KernelHalf({ devices: underlays, port, locals: [local], learns });
    } catch (error) {
      this.closeSenders();
      throw error;
    }
    this.maps = new FastMaps(this.kernel, monotonicMicros());
    this.watched = watch(this.kernel.heardFd, () => this.turn());
  }

  /** `peers` are those that the overlay knows of: they are asked whether they speak the protocol before there is traffic. */
  begin(peers: readonly HostAddress[]): void {
    const now = monotonicMicros();
    for (const peer of peers) this.core.used(now, peer, 0);
    this.turn();
  }

  /** The underlay's devices are others now, or came back under other indexes. */
  setUnderlays(underlays: readonly UnderlayDevice[]): void {
    this.openUplinks(underlays);
    this.kernel.setDevices(underlays);
  }

  /** Datagrams that the system did not take. */
  get refused(): number {
    let refused = this.refusedBefore + this.sender.refused;
    for (const uplink of this.uplinks.values()) refused += uplink.refused;
    return refused;
  }

  /** Tells peers that we stop, and leaves the devices as they were. */
  stop(): void {
    this.core.finish();
    this.turn();
    this.end();
    this.kernel.close();
  }

  /** Leaves programs and table in force for a successor, which is to come at once. */
  handOver(): void {
    this.end();
    this.kernel.leave();
  }

  private end(): void {
    this.isOver = true;
    clearTimeout(this.timer);
    this.watched.close();
    this.closeSenders();
    this.cpu.close();
  }

  private turn(): void {
    if (this.isOver) return;
    clearTimeout(this.timer);
    const { core, maps } = this;
    const now = monotonicMicros();
    const used = (destination: HostAddress, port: number) => core.used(now, destination, port);
    maps.listen({ used, arrived: (packet) => core.receive(now, packet) });
    if (now >= this.cpuAt) {
      core.onCpu(now, this.cpu.utilisation());
      this.cpuAt = now + CPU_MICROS;
    }
    const looks = now >= this.lookAt;
    if (looks) {
      maps.lookAtActivity(used);
      maps.beat(now);
      this.lookAt = now + LOOK_MICROS;
    }
    core.advance(now);
    core.transmit(now, (packet) => this.send(packet));
    this.sender.flush();
    for (const uplink of this.uplinks.values()) uplink.flush();
    core.fast.drain(maps);
    if (looks) this.onLook(now);
    const next = Math.min(core.nextTimeout(), this.lookAt, this.cpuAt, now + MOST_WAIT_MICROS);
    this.timer = setTimeout(() => this.turn(), Math.max(0, Math.ceil((next - now) / 1000)));
  }

  private send({ destination, sourcePort, bytes, length }: LeavingPacket): boolean {
    const { leaving } = this;
    leaving.destination = unmapped(asIpv6(destination));
    leaving.sourcePort = sourcePort;
    // One of the other family cannot be a peer of this overlay's address.
    if (typeof leaving.destination !== typeof this.ends.local) return true;
    const sender = this.senderTo(leaving.destination);
    sender.bytes.u8.set(bytes.u8.subarray(0, length), sender.payloadAt);
    sender.queue(leaving, length);
    return true;
  }

  /**
   * Of several uplinks the kernel takes one for packets of the overlay, by their ports or once for all of a processor, and
   * perhaps another for us, who have a raw socket: paths in use are those behind the card in use. Routes say, where none is.
   */
  private senderTo(destination: HostAddress): RawUdpSender {
    if (this.uplinks.size === 0) return this.sender;
    return this.uplinks.get(this.maps.deviceTo(destination)) ?? this.sender;
  }

  private openUplinks(underlays: readonly UnderlayDevice[]): void {
    this.closeUplinks();
    if (underlays.length < 2) return;
    for (const { index } of underlays) this.uplinks.set(index, new RawUdpSender(this.ends.local, index));
  }

  private closeUplinks(): void {
    for (const uplink of this.uplinks.values()) {
      this.refusedBefore += uplink.refused;
      uplink.close();
    }
    this.uplinks.clear();
  }

  private closeSenders(): void {
    this.closeUplinks();
    this.sender.close();
  }
}

/** The clock of the kernel's times. */
export function monotonicMicros(): number {
  const [seconds, nanos] = process.hrtime();
  return seconds * 1e6 + nanos / 1e3;
}
