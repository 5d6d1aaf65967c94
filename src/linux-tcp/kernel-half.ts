// Puts the kernel's half in place under a name (bpf/congestion.bpf.c): a TCP congestion control that any program can choose
// while this process lives. Flows that an earlier process of that name left behind, still running, bring their maps with
// them, and so are steered again.

import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { SelvageError } from '../base/errors.ts';
import { fallbackProgram } from '../congestion/fallback.ts';
import { findMap, type MapInfo, mapInfo, openMap } from '../linux/bpf/map-info.ts';
import { mapArray } from '../linux/bpf/mapped-array.ts';
import { BpfObject } from '../linux/bpf/object.ts';
import { RingBuffer } from '../linux/bpf/ring-buffer.ts';
import { BPF_F_LINK, registerStructOps } from '../linux/bpf/struct-ops.ts';
import { close } from '../linux/libc.ts';
import { LAYOUT, NAME_PLACEHOLDER, NOTICES_BYTES, control as place, settings, slot } from './layout.ts';
import { Slots } from './slots.ts';
import { requireSupport } from './support.ts';

export interface KernelOptions {
  /** As programs choose it: up to 15 letters, digits, `_` and `.`. */
  readonly name: string;
  /** Negotiates ECN on its connections (RFC 3168), for algorithms that look at marks. */
  readonly ecn: boolean;
  /** Flows that can be steered at once; more are left to Reno. */
  readonly maxFlows: number;
  /** Least time between two reports of a flow. */
  readonly reportIntervalMicros: number;
  readonly answerTimeoutMicros: number;
}

/** TCP_CONG_NON_RESTRICTED and TCP_CONG_NEEDS_ECN. */
const FLAG_ANYONE = 1;
const FLAG_ECN = 2;

/** What we share with it. */
export interface Kernel {
  readonly control: Int32Array;
  readonly slots: Slots;
  readonly notices: Pick<RingBuffer, 'u32' | 'drain'>;
  /** Readable when there are notices. */
  readonly noticesFd: number;
  close(): void;
}

/** Those that a successor takes over. */
const MAPS = ['selvage_control', 'selvage_slots', 'selvage_notices'] as const;

export class KernelHalf implements Kernel {
  readonly control: Int32Array;
  readonly slots: Slots;
  readonly notices: RingBuffer;
  readonly noticesFd: number;
  private readonly undo: readonly (() => void)[];

  constructor(options: KernelOptions) {
    requireSupport(options.name);
    const old = findOldMaps(options.name);
    // What was taken, to be given back in the opposite order when something after it fails.
    const undo: (() => void)[] = [];
    try {
      const object = openObject(options);
      undo.push(() => object.close());
      prepare(object, options, old);
      object.load();
      const [controlFd, slotsFd, noticesFd] = MAPS.map((name) => object.map(name).fd) as [
        number,
        number,
        number,
      ];
      const slotsInfo = mapInfo(slotsFd);
      const controlView = mapArray(controlFd, 1, place.bytes);
      undo.push(() => controlView.unmap());
      const slotsView = mapArray(slotsFd, slotsInfo.maxEntries, slot.bytes);
      undo.push(() => slotsView.unmap());
      this.notices = new RingBuffer(noticesFd, NOTICES_BYTES);
      undo.push(() => this.notices.close());
      this.control = new Int32Array(controlView.buffer, 0, place.bytes / 4);
      this.slots = new Slots(slotsView.buffer, slotsInfo.maxEntries);
      this.noticesFd = noticesFd;
      if (old === undefined) this.introduce(options.name, slotsInfo, mapInfo(noticesFd));
      undo.push(registerStructOps(object.map('selvage_cc'), options.name));
    } catch (thrown) {
      for (const each of undo.reverse()) each();
      throw thrown;
    } finally {
      for (const fd of old?.fds ?? []) close(fd);
    }
    this.undo = undo.reverse();
    Atomics.store(this.control, place.isAttended, 1);
  }

  /** The name is free again; flows that run go on under Reno. */
  close(): void {
    Atomics.store(this.control, place.isAttended, 0);
    for (const each of this.undo) each();
  }

  /** By what is written here the maps are found again. */
  private introduce(name: string, slots: MapInfo, notices: MapInfo): void {
    const { control } = this;
    control[place.nextFlow] = 1;
    control[place.nextGeneration] = 1;
    control[place.slotsMap] = slots.id;
    control[place.noticesMap] = notices.id;
    control[place.entries] = slots.maxEntries;
    new Uint8Array(control.buffer, control.byteOffset + place.nameAt, place.nameBytes).set(
      new TextEncoder().encode(name),
    );
    control[place.layout] = LAYOUT;
  }
}

interface OldMaps {
  /** As MAPS has them. */
  readonly fds: readonly [number, number, number];
}

/** Those that flows of this name still use. */
function findOldMaps(name: string): OldMaps | undefined {
  return findMap('selvage_control', (fd, { valueBytes }) => {
    if (valueBytes !== place.bytes) return undefined;
    const view = mapArray(fd, 1, place.bytes);
    const words = new Int32Array(view.buffer.slice(0, place.bytes));
    view.unmap();
    const bytes = new Uint8Array(words.buffer, place.nameAt, place.nameBytes);
    const isSame =
      words[place.layout] === LAYOUT && new TextDecoder().decode(bytes).replace(/\0+$/, '') === name;
    if (!isSame) return undefined;
    const slots = openMap(words[place.slotsMap]!);
    const notices = openMap(words[place.noticesMap]!);
    if (slots !== undefined && notices !== undefined) return { fds: [fd, slots, notices] };
    for (const each of [slots, notices]) if (each !== undefined) close(each);
    return undefined;
  });
}

function openObject(options: KernelOptions): BpfObject {
  const file = objectFile();
  return new BpfObject(file, named(readFileSync(file), options));
}

function prepare(object: BpfObject, options: KernelOptions, old: OldMaps | undefined): void {
  object.map('selvage_cc').setFlags(BPF_F_LINK);
  object.map('selvage_slots').setMaxEntries(options.maxFlows);
  for (const [i, fd] of old?.fds.entries() ?? []) object.map(MAPS[i]!).reuse(fd);
  writeSettings(object, options);
}

/** The constants, before the object is loaded. */
export function writeSettings(
  object: BpfObject,
  options: Pick<KernelOptions, 'answerTimeoutMicros' | 'reportIntervalMicros'>,
): void {
  const constants = object.constants('.rodata.settings');
  constants.view.setUint32(settings.answerTimeoutAt, options.answerTimeoutMicros, true);
  constants.view.setUint32(settings.reportIntervalAt, options.reportIntervalMicros, true);
  constants.view.setUint32(settings.mssRegisterAt, fallbackProgram.registers.get('mss')!, true);
  constants.view.setUint32(settings.ssthreshRegisterAt, fallbackProgram.registers.get('ssthresh')!, true);
  constants.u8.set(fallbackProgram.bytes, settings.fallbackAt);
}

/** Beside this file once bundled, else where it is built. */
function objectFile(): string {
  const places = ['./congestion.bpf.o', '../../bpf/built/congestion.bpf.o'];
  const files = places.map((place) => fileURLToPath(new URL(place, import.meta.url)));
  return files.find(existsSync) ?? files[1]!;
}

/** The object with its name and flags filled in. */
function named(bytes: Buffer, { name, ecn }: KernelOptions): Buffer {
  const at = bytes.indexOf(NAME_PLACEHOLDER, 'latin1');
  if (at < 0) throw new SelvageError('failed', 'The BPF object has no place for a name.');
  bytes.fill(0, at, at + place.nameBytes);
  bytes.write(name, at, 'latin1');
  bytes.writeUInt32LE(FLAG_ANYONE | (ecn ? FLAG_ECN : 0), at + place.nameBytes);
  return bytes;
}
