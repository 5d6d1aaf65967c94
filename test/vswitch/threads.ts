// A host of several data threads in virtual time: each a switch with a region and an underlay of its own, joined by the
// rings of the real ones. Its socket gives packets to threads as the kernel's program does, or wrongly where a test says.

import { Handover, newHandoverMemory } from '../../src/device/handover.ts';
import { HandoverVnic } from '../../src/device/handover-vnic.ts';
import { ChunkWriter } from '../../src/packet/writer.ts';
import type { SwitchConfig } from '../../src/vswitch/config.ts';
import { EVERY_THREAD, Steering, steeredVnics } from '../../src/vswitch/steering.ts';
import type { Ipv4Address } from '../../src/wire/address.ts';
import { checkConservation, checkIdle } from './conservation.ts';
import { NativeVnic } from './native-vnic.ts';
import { CHUNKS, type Middleware, type SentPacket, type Station, type World, WorldHost } from './world.ts';

const WAKE_MICROS = 5;

export interface ThreadedOptions {
  readonly threads: number;
  readonly ringBytes?: number;
  /** The thread that the kernel gives a packet to in place of the right one. */
  readonly misdirect?: (right: number) => number;
  /** Ports that are native endpoints, which their thread alone can write to, and what their queues take. */
  readonly endpoints?: readonly number[];
  readonly room?: number;
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
    { threads, ringBytes, misdirect = (right) => right, endpoints = [], room = 10_000 }: ThreadedOptions,
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
      let joined: Handover | undefined;
      const handover: Middleware['handover'] = (device, region, writer) => {
        joined = new Handover(device, { threadId, memory, bells, region, writer, clockOffset: 0 });
        return joined;
      };
      const owners = own.networks.flatMap(({ ports }) => ports.map(({ thread = 0 }) => thread));
      let port = -1;
      const vnic: Middleware['vnic'] = (device, region) => {
        port++;
        if (!endpoints.includes(port)) return device;
        if (owners[port] === threadId)
          return new NativeVnic(region, new ChunkWriter(region, CHUNKS / 4), { queues: 16, room });
        return new HandoverVnic(port, (to, frames, first, end) =>
          joined!.handFrame(owners[to]!, to, frames, first, end),
        );
      };
      hosts.push(new WorldHost(world, vtep, own, { handover, vnic }));
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

  /** The endpoint at a port, and the thread that has it. */
  endpoint(port: number): { vnic: NativeVnic; thread: WorldHost } {
    const thread = this.threads[this.ownerOf(port)]!;
    return { vnic: thread.native(port), thread };
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

  checkIdle(writers?: number): void {
    for (const { vswitch, region } of this.threads) checkIdle(vswitch, region, writers);
  }
}
