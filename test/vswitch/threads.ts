// A host of several data threads in virtual time: each a switch with a region and an underlay of its own, joined by the
// rings of the real ones. Its socket gives packets to threads as the kernel's program does, or wrongly where a test says.

import { Handover, newHandoverMemory } from '../../src/device/handover.ts';
import type { SwitchConfig } from '../../src/vswitch/config.ts';
import { EVERY_THREAD, Steering, steeredVnics } from '../../src/vswitch/steering.ts';
import type { Ipv4Address } from '../../src/wire/address.ts';
import { checkConservation, checkIdle } from './conservation.ts';
import { type SentPacket, type Station, type World, WorldHost } from './world.ts';

const WAKE_MICROS = 5;

export interface ThreadedOptions {
  readonly threads: number;
  readonly ringBytes?: number;
  /** The thread that the kernel gives a packet to in place of the right one. */
  readonly misdirect?: (right: number) => number;
}

/** The configuration of each thread, the vNICs dealt out in turn as the agent does it. */
export function threadConfigs(config: SwitchConfig, threads: number): SwitchConfig[] {
  let next = 0;
  const networks = config.networks.map((network) => ({
    ...network,
    ports: network.ports.map((port) => ({ ...port, thread: next++ % threads })),
  }));
  return Array.from({ length: threads }, (_, threadId) => ({ ...config, networks, threadId, threads }));
}

export class ThreadedHost implements Station {
  readonly threads: readonly WorldHost[];
  private readonly steering: Steering;
  private readonly misdirect: (right: number) => number;
  private readonly owners: readonly number[];

  constructor(
    world: World,
    vtep: Ipv4Address,
    config: SwitchConfig,
    { threads, ringBytes, misdirect = (right) => right }: ThreadedOptions,
  ) {
    const memory = newHandoverMemory(threads, ringBytes);
    const configs = threadConfigs(config, threads);
    const hosts: WorldHost[] = [];
    for (const [threadId, own] of configs.entries()) {
      const bells = {
        ring: (thread: number) => {
          hosts[thread]!.rung = true;
          hosts[thread]!.wake(world.clock.nowMicros + WAKE_MICROS);
        },
        heard: () => {
          hosts[threadId]!.rung = false;
        },
      };
      const handover: NonNullable<ConstructorParameters<typeof WorldHost>[3]['handover']> = (
        device,
        region,
        writer,
      ) => new Handover(device, { threadId, memory, bells, region, writer, clockOffset: 0 });
      hosts.push(new WorldHost(world, vtep, own, { handover }));
    }
    this.threads = hosts;
    this.misdirect = misdirect;
    this.steering = new Steering(threads, steeredVnics(configs[0]!));
    this.owners = configs[0]!.networks.flatMap(({ ports }) => ports.map(({ thread = 0 }) => thread));
    world.put(vtep, this);
  }

  /** The thread that a port belongs to. */
  ownerOf(port: number): number {
    return this.owners[port]!;
  }

  /** What came out of a vNIC, by whichever thread. */
  received(port: number): Uint8Array[] {
    return this.threads.flatMap(({ received }) => received[port]!);
  }

  send(port: number, ...frames: Uint8Array[]): void {
    this.threads[this.ownerOf(port)]!.send(port, ...frames);
  }

  arrive(packet: SentPacket): void {
    const { bytes } = packet;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const right = this.steering.threadOf(view, 0, bytes.length);
    this.threads[this.misdirect(right === EVERY_THREAD ? 0 : right)]!.arrive(packet);
  }

  /** The sum of a counter of the switches. */
  count(name: 'handedOver' | 'packetCopies' | 'transportPacketsIn' | 'packetsIn'): number {
    return this.threads.reduce((sum, { vswitch }) => sum + vswitch.counters[name], 0);
  }

  checkConservation(): void {
    for (const { vswitch } of this.threads) checkConservation(vswitch);
  }

  checkIdle(): void {
    for (const { vswitch, region } of this.threads) checkIdle(vswitch, region);
  }
}
