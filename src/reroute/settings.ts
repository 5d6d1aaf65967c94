// The page of settings that the programs read: what they look for, what they may spend, and when we were last alive.

import { readElement } from '../linux/bpf/map-elements.ts';
import { mapInfo } from '../linux/bpf/map-info.ts';
import type { HostAddress } from '../wire/address.ts';
import { readAddress, writeAddress } from './addresses.ts';
import {
  ADDRESS_BYTES,
  FLAG_LEARNS,
  KERNEL_COUNTS,
  type KernelCount,
  LAYOUT,
  MAX_DEVICES,
  MAX_LOCALS,
  settings as place,
} from './layout.ts';
import { DEFAULTS, type KernelHalfOptions } from './options.ts';

const NANOS_PER_SECOND = 1e9;
const BURST_NANOS = 20e6;
/** Who lives has beaten since: process ids are used again. */
const HELD_NANOS = 2_000_000_000n;
/** Destinations without an entry, a second and processor. */
const DESTINATIONS_PER_SECOND = 1000;

export class Settings {
  private readonly view: DataView;

  constructor(buffer: ArrayBuffer) {
    this.view = new DataView(buffer);
  }

  /** What a map of settings says; undefined when it is none of ours. */
  static read(fd: number): Settings | undefined {
    if (mapInfo(fd).valueBytes !== place.bytes) return undefined;
    const bytes = readElement(fd, new Uint8Array(4), place.bytes);
    return bytes && new Settings(bytes.buffer as ArrayBuffer);
  }

  get layout(): number {
    return this.view.getUint32(place.layoutAt, true);
  }

  get port(): number {
    return this.view.getUint16(place.portAt, true);
  }

  /** Whether the first of the addresses is one. */
  get isIpv6(): boolean {
    return typeof readAddress(this.view, place.localAt) !== 'number';
  }

  /**
   * `isOld`: of a process before us, whose half of the states array stays as it is. Nothing is attended yet that was not:
   * whoever has looked at the table begins to beat.
   */
  begin(options: KernelHalfOptions, isOld: boolean): void {
    const { view } = this;
    const { peersPerSecond, strangersPerSecond, staleMicros } = { ...DEFAULTS, ...options };
    view.setBigInt64(place.limitAt, BigInt(staleMicros * 1000), true);
    const rates = [peersPerSecond, strangersPerSecond, DESTINATIONS_PER_SECOND];
    for (const [i, rate] of rates.entries()) {
      view.setBigUint64(place.costsAt + 8 * i, BigInt(Math.ceil(NANOS_PER_SECOND / rate)), true);
    }
    view.setBigUint64(place.burstAt, BigInt(BURST_NANOS), true);
    if (isOld) view.setUint32(place.halfAt, 1 - this.half, true);
    this.setLocals(options.locals);
    view.setUint16(place.flagsAt, options.learns ? FLAG_LEARNS : 0, true);
    view.setUint16(place.portAt, options.port, true);
    view.setUint32(place.ownerAt, process.pid, true);
    view.setUint32(place.layoutAt, LAYOUT, true);
  }

  beat(): void {
    this.view.setBigInt64(place.heartbeatAt, process.hrtime.bigint(), true);
  }

  /** Whether the last heartbeat is young enough. */
  get isAttended(): boolean {
    return this.heartbeatAgeNanos < this.view.getBigInt64(place.limitAt, true);
  }

  private get heartbeatAgeNanos(): bigint {
    return process.hrtime.bigint() - this.view.getBigInt64(place.heartbeatAt, true);
  }

  /** Of the states array, which is ours to write. */
  get half(): number {
    return this.view.getUint32(place.halfAt, true) & 1;
  }

  /** The process that writes the table; undefined when it is gone, or we are it. */
  get otherOwner(): number | undefined {
    const owner = this.view.getUint32(place.ownerAt, true);
    if (owner === process.pid || this.heartbeatAgeNanos > HELD_NANOS) return undefined;
    try {
      process.kill(owner, 0);
      return owner;
    } catch {
      return undefined;
    }
  }

  setLocals(locals: readonly HostAddress[]): void {
    const some = locals.slice(0, MAX_LOCALS);
    for (const [i, local] of some.entries())
      writeAddress(this.view, place.localAt + i * ADDRESS_BYTES, local);
    this.view.setUint32(place.localsAt, some.length, true);
  }

  get counts(): Readonly<Record<KernelCount, number>> {
    const entries = KERNEL_COUNTS.map((name, i) => [
      name,
      Number(this.view.getBigUint64(place.countsAt + 8 * i, true)),
    ]);
    return Object.fromEntries(entries) as Record<KernelCount, number>;
  }

  /** Devices whose filter queue we made. */
  get hooks(): number[] {
    const all = Array.from({ length: MAX_DEVICES }, (_, i) =>
      this.view.getUint32(place.hooksAt + 4 * i, true),
    );
    return all.filter((device) => device !== 0);
  }

  set hooks(devices: readonly number[]) {
    for (let i = 0; i < MAX_DEVICES; i++) this.view.setUint32(place.hooksAt + 4 * i, devices[i] ?? 0, true);
  }
}
