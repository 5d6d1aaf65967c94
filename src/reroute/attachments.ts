// Where rerouting's programs hang: on every device of the underlay, on the way in and on the way out. Ours are known by their
// name and by the overlay's port and family in their settings, so that several overlays of a host do not take each other's:
// one of both families has two VXLAN devices of one port.

import { mapInfo, openMap } from '../linux/bpf/map-info.ts';
import { programInfo } from '../linux/bpf/program-info.ts';
import {
  type AttachedProgram,
  attachedPrograms,
  attachProgram,
  DIRECTIONS,
  type Direction,
  detachProgram,
  removeEmptyHook,
  type TcHook,
  type TcPlace,
} from '../linux/bpf/tc.ts';
import { close } from '../linux/libc.ts';
import { MAPS, type MapName, PROGRAMS } from './layout.ts';
import type { OverlayEnd, UnderlayDevice } from './options.ts';
import { familyOf } from './overlay-device.ts';
import { Settings } from './settings.ts';

/** A filter's number: this, one more for IPv6, and the overlay's port. */
const HANDLE = 0x5e1f0000;
const HANDLE_OF_IPV6 = HANDLE + 0x1_0000;
/** The kernel keeps no more of a name. */
const NAME_LENGTH = 15;
const DIRECTION_NAMES = new Map<string, Direction>(
  DIRECTIONS.map((direction) => [PROGRAMS[direction], direction]),
);

export type ProgramFds = (direction: Direction) => number;

export class Attachments {
  private readonly port: number;
  private readonly isIpv6: boolean;
  private devices: readonly UnderlayDevice[] = [];

  constructor({ port, local }: OverlayEnd) {
    this.port = port;
    this.isIpv6 = familyOf(local) === 6;
  }

  /** Descriptors of the maps of whoever was here before us, to be closed. */
  oldMaps(devices: readonly UnderlayDevice[]): Map<MapName, number> | undefined {
    for (const device of devices) {
      const old = this.ours(this.place(device, 'egress'));
      if (old === undefined) continue;
      const maps = mapsOf(old.fd);
      close(old.fd);
      return maps;
    }
    return undefined;
  }

  /** Puts the programs on these devices, in place of older ones of ours, and takes them off all others. */
  set(devices: readonly UnderlayDevice[], programs: ProgramFds, settings: Settings, hook?: TcHook): void {
    const isKept = ({ index }: UnderlayDevice) => devices.some((device) => device.index === index);
    for (const gone of this.devices.filter((device) => !isKept(device)))
      this.takeOff(gone, programs, settings);
    this.devices = devices;
    for (const device of devices) {
      for (const direction of DIRECTIONS) {
        const isHookNew = this.putOn(this.place(device, direction), programs(direction), hook);
        if (isHookNew) settings.hooks = [...new Set([...settings.hooks, device.index])];
      }
    }
  }

  /** Those of ours that a successor has not replaced. */
  remove(programs: ProgramFds, settings: Settings): void {
    for (const device of this.devices) this.takeOff(device, programs, settings);
    this.devices = [];
  }

  /** Whoever put them there; how many. */
  removeFrom(devices: readonly UnderlayDevice[]): number {
    let removed = 0;
    for (const device of devices) {
      let settings: Settings | undefined;
      for (const direction of DIRECTIONS) {
        const place = this.place(device, direction);
        const found = this.ours(place);
        if (found === undefined) continue;
        settings ??= settingsOf(found.fd);
        detachProgram(place, found);
        close(found.fd);
        removed++;
      }
      if (settings?.hooks.includes(device.index)) removeEmptyHook(device);
    }
    return removed;
  }

  private takeOff(device: UnderlayDevice, programs: ProgramFds, settings: Settings): void {
    for (const direction of DIRECTIONS) {
      const place = this.place(device, direction);
      const found = this.ours(place);
      if (found === undefined) continue;
      if (isSame(found.fd, programs(direction))) detachProgram(place, found);
      close(found.fd);
    }
    if (!settings.hooks.includes(device.index)) return;
    removeEmptyHook(device);
    settings.hooks = settings.hooks.filter((index) => index !== device.index);
  }

  /** Whether the place was made for it. */
  private putOn(place: TcPlace, program: number, hook: TcHook | undefined): boolean {
    const old = this.ours(place);
    try {
      // The kernel does not replace a program by itself.
      if (old !== undefined && isSame(old.fd, program)) return false;
      return attachProgram(place, program, old, hook).isHookNew;
    } finally {
      if (old !== undefined) close(old.fd);
    }
  }

  private place({ index }: UnderlayDevice, direction: Direction): TcPlace {
    return { device: index, direction, handle: (this.isIpv6 ? HANDLE_OF_IPV6 : HANDLE) + this.port };
  }

  private ours(place: TcPlace): AttachedProgram | undefined {
    let found: AttachedProgram | undefined;
    for (const each of attachedPrograms(place)) {
      const isOurs =
        found === undefined &&
        DIRECTION_NAMES.get(programInfo(each.fd)?.name ?? '') === place.direction &&
        this.isOf(settingsOf(each.fd));
      if (isOurs) found = each;
      else close(each.fd);
    }
    return found;
  }

  private isOf(settings: Settings | undefined): boolean {
    return settings?.port === this.port && settings.isIpv6 === this.isIpv6;
  }
}

function isSame(one: number, other: number): boolean {
  return programInfo(one)?.id === programInfo(other)?.id;
}

function mapsOf(program: number): Map<MapName, number> {
  const found = new Map<MapName, number>();
  for (const id of programInfo(program)?.maps ?? []) {
    const fd = openMap(id);
    if (fd === undefined) continue;
    const kernelName = mapInfo(fd).name;
    const name = MAP_NAMES.find((each) => MAPS[each].slice(0, NAME_LENGTH) === kernelName);
    if (name === undefined || found.has(name)) close(fd);
    else found.set(name, fd);
  }
  return found;
}

const MAP_NAMES = Object.keys(MAPS) as MapName[];

/** A copy. */
function settingsOf(program: number): Settings | undefined {
  const maps = mapsOf(program);
  const fd = maps.get('settings');
  const settings = fd === undefined ? undefined : Settings.read(fd);
  for (const each of maps.values()) close(each);
  return settings;
}
