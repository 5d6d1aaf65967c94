// Puts rerouting's programs (bpf/reroute.bpf.c) on the devices that carry an overlay. They stay when this process dies: the
// fast path goes on with its last table until the heartbeat is too old, and from then on leaves everything alone. The next
// process of the same overlay port takes over programs and maps in one step. `close` leaves the devices as they were.

import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { SelvageError } from '../base/errors.ts';
import { libbpf } from '../linux/bpf/libbpf.ts';
import { mapInfo } from '../linux/bpf/map-info.ts';
import { mapArray, type SharedView } from '../linux/bpf/mapped-array.ts';
import { BpfObject } from '../linux/bpf/object.ts';
import { RingBuffer } from '../linux/bpf/ring-buffer.ts';
import { close } from '../linux/libc.ts';
import { ELEMENT_BYTES, UNIT_BYTES } from '../paths/reroute/fast-select.ts';
import { Attachments } from './attachments.ts';
import {
  activity,
  front,
  HEARD_BYTES,
  LAYOUT,
  MAPS,
  type MapName,
  PROGRAMS,
  settings as place,
} from './layout.ts';
import { DEFAULTS, type KernelHalfOptions, type OverlayEnd, type UnderlayDevice } from './options.ts';
import { Settings } from './settings.ts';

const BTF = '/sys/kernel/btf/vmlinux';
/** Of destinations without an entry. */
const NEWCOMERS = 1024;

export class KernelHalf {
  readonly settings: Settings;
  /** Both halves, two words an element. */
  readonly states: Uint32Array;
  readonly activity: Int32Array;
  readonly front: ArrayBuffer;
  readonly heard: RingBuffer;
  /** Readable when something was heard. */
  readonly heardFd: number;
  readonly pathsFd: number;
  readonly statesFd: number;
  readonly maxPeers: number;
  readonly maxElements: number;
  /** Whether the table of another process is in force, which was alive until recently. */
  readonly hasTakenOver: boolean;
  private readonly object: BpfObject;
  private readonly attachments: Attachments;
  private readonly unmap: (() => void)[] = [];

  constructor(options: KernelHalfOptions) {
    requireKernel();
    const { devices, port, locals, takesUpdates = false } = options;
    this.maxPeers = options.maxPeers ?? DEFAULTS.maxPeers;
    this.maxElements = options.maxElements ?? DEFAULTS.maxElements;
    this.attachments = new Attachments({ port, local: locals[0] });
    const old = this.attachments.oldMaps(devices);
    try {
      requireNobody(old, port);
      const file = objectFile();
      this.object = new BpfObject(file, readFileSync(file));
      this.unmap.push(() => this.object.close());
      if (!takesUpdates) this.object.leaveOut(PROGRAMS.updates);
      const sizes = this.sizes(options);
      const isSame = old !== undefined && fits(old, sizes);
      for (const [name, entries] of sizes) {
        const map = this.object.map(MAPS[name]);
        if (isSame) map.reuse(old.get(name)!);
        else map.setMaxEntries(entries);
      }
      this.object.load();
      this.pathsFd = this.object.map(MAPS.paths).fd;
      this.statesFd = this.object.map(MAPS.states).fd;
      this.heardFd = this.object.map(MAPS.heard).fd;
      this.settings = new Settings(this.mapped('settings', 1, place.bytes));
      this.states = new Uint32Array(this.mapped('states', 2 * this.maxElements, 8));
      this.activity = new Int32Array(this.mapped('activity', this.units, activity.words * 4));
      this.front = this.mapped('front', 1 << front.bits, front.bytes);
      this.heard = new RingBuffer(this.heardFd, HEARD_BYTES);
      this.unmap.push(() => this.heard.close());
      this.hasTakenOver = isSame && this.settings.isAttended;
      this.settings.begin(options, isSame);
      this.putOn(devices, options.hook);
    } catch (thrown) {
      this.leave();
      throw thrown;
    } finally {
      for (const fd of old?.values() ?? []) close(fd);
    }
  }

  /** For those that came, went or came back under another index. */
  setDevices(devices: readonly UnderlayDevice[], hook?: KernelHalfOptions['hook']): void {
    const { object, settings, attachments } = this;
    attachments.set(devices, (direction) => object.programFd(PROGRAMS[direction]), settings, hook);
  }

  /** Takes update packets that arrive at a device of our own. */
  get updatesFd(): number {
    return this.object.programFd(PROGRAMS.updates);
  }

  programFd(direction: 'egress' | 'ingress'): number {
    return this.object.programFd(PROGRAMS[direction]);
  }

  /** The devices are as they were before. */
  close(): void {
    this.attachments.remove((direction) => this.object.programFd(PROGRAMS[direction]), this.settings);
    this.leave();
  }

  /** The programs go on with the table as it is; for who will be followed at once. */
  leave(): void {
    for (const each of this.unmap.splice(0).reverse()) each();
  }

  /** On all of them, or on none. */
  private putOn(devices: readonly UnderlayDevice[], hook: KernelHalfOptions['hook']): void {
    try {
      this.setDevices(devices, hook);
    } catch (thrown) {
      this.attachments.remove((direction) => this.object.programFd(PROGRAMS[direction]), this.settings);
      throw thrown;
    }
  }

  /** Places where a state can begin, of both halves. */
  private get units(): number {
    return (2 * this.maxElements * ELEMENT_BYTES) / UNIT_BYTES;
  }

  private sizes(options: KernelHalfOptions): Map<MapName, number> {
    const { learns = DEFAULTS.learns, maxFlows = DEFAULTS.maxFlows } = options;
    return new Map<MapName, number>([
      ['settings', 1],
      ['paths', this.maxPeers],
      ['states', 2 * this.maxElements],
      ['activity', this.units],
      ['front', 1 << front.bits],
      ['newcomers', NEWCOMERS],
      ['heard', HEARD_BYTES],
      ['buckets', 3],
      ['flows', learns ? maxFlows : 1],
    ]);
  }

  private mapped(name: MapName, entries: number, valueBytes: number): ArrayBuffer {
    const view: SharedView = mapArray(this.object.map(MAPS[name]).fd, entries, valueBytes);
    this.unmap.push(() => view.unmap());
    return view.buffer;
  }
}

/** Removes what a process that is no more left on these devices; how many programs. */
export function unload(devices: readonly UnderlayDevice[], end: OverlayEnd): number {
  return new Attachments(end).removeFrom(devices);
}

function fits(old: ReadonlyMap<MapName, number>, sizes: ReadonlyMap<MapName, number>): boolean {
  for (const [name, entries] of sizes) {
    const fd = old.get(name);
    if (fd === undefined || mapInfo(fd).maxEntries !== entries) return false;
  }
  return Settings.read(old.get('settings')!)?.layout === LAYOUT;
}

/** Two processes would write one table. */
function requireNobody(old: ReadonlyMap<MapName, number> | undefined, port: number): void {
  const fd = old?.get('settings');
  const owner = fd === undefined ? undefined : Settings.read(fd)?.otherOwner;
  if (owner === undefined) return;
  const hint =
    'One process serves all VXLAN devices of a UDP port: end it, and start one that is given each with --dev.';
  throw new SelvageError('already-running', `Process ${owner} reroutes UDP port ${port} here.`, { hint });
}

function requireKernel(): void {
  if (process.geteuid?.() !== 0) {
    const hint = 'Run it as root, or with CAP_BPF, CAP_NET_ADMIN, CAP_PERFMON and CAP_SYS_ADMIN.';
    throw new SelvageError('no-privilege', 'Rerouting takes the right to load BPF programs.', { hint });
  }
  if (!existsSync(BTF)) {
    const hint = 'Use a kernel built with CONFIG_DEBUG_INFO_BTF, as those of distributions are.';
    throw new SelvageError('unsupported', 'This kernel does not describe its types (BTF).', { hint });
  }
  libbpf();
}

/** Beside this file once bundled, else where it is built. */
function objectFile(): string {
  const places = ['./reroute.bpf.o', '../../bpf/built/reroute.bpf.o'];
  const files = places.map((place) => fileURLToPath(new URL(place, import.meta.url)));
  return files.find(existsSync) ?? files[1]!;
}
