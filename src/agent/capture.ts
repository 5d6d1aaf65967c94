// Looking at what passes through an agent's devices: `--trace` writes a line a frame to standard error, `--pcap FOLDER`
// one capture file for each vNIC and one for the underlay. The main thread opens the files before anything is changed;
// data threads wrap their devices, all writing to the same files, and without an option leave them as they are. Faults
// (`--fault`, faults.ts) come behind it: captures show what arrived, the switch gets what is left.

import { openSync, writeSync } from 'node:fs';
import { basename, join } from 'node:path';
import { SelvageError } from '../base/errors.ts';
import {
  captureUnderlay,
  captureVnic,
  LINKTYPE_ETHERNET,
  LINKTYPE_RAW,
  PcapWriter,
  pcapFileHeader,
  type UnderlayEnds,
} from '../device/pcap.ts';
import { traceUnderlay, traceVnic } from '../device/tracer.ts';
import type { FrameDevice, UnderlayDevice } from '../packet/device.ts';
import type { Region } from '../packet/region.ts';
import type { HostAddress } from '../wire/address.ts';
import { type FaultPlan, injectFaults } from './faults.ts';
import { makeFolder } from './folders.ts';
import type { VnicPlan } from './vnics.ts';

export interface CaptureOptions {
  readonly trace: boolean;
  /** Folder for capture files. */
  readonly pcap?: string | undefined;
  /** What is done to packets on purpose. */
  readonly faults?: FaultPlan | undefined;
}

/** What the data thread is told. */
export interface CaptureStart {
  readonly trace: boolean;
  /** Names of the vNICs in a trace, in the order of the switch's ports. */
  readonly names: readonly string[];
  /** Descriptors of capture files. */
  readonly files: { readonly vnics: readonly number[]; readonly underlay: number } | undefined;
  readonly ends: Omit<UnderlayEnds, 'peers'>;
  readonly faults?: FaultPlan | undefined;
}

const STANDARD_ERROR = 2;

/** What each vNIC is called in traces and file names: with its namespace, and a number where that is not enough. */
export function captureNames(vnics: readonly Pick<VnicPlan, 'name' | 'netns'>[]): string[] {
  const names = new Set<string>();
  for (const { name, netns } of vnics) {
    const full = netns === undefined ? name : `${basename(netns)}-${name}`;
    let free = full;
    for (let number = 2; names.has(free); number++) free = `${full}-${number}`;
    names.add(free);
  }
  return [...names];
}

/** Opens `FOLDER/vnic-NAME.pcap` for each name and `FOLDER/underlay.pcap`, adding each descriptor to `opened`. */
export function openCaptureFiles(
  folder: string,
  names: readonly string[],
  opened: number[],
): CaptureStart['files'] {
  const open = (name: string, linkType: number) => {
    const fd = openSync(join(folder, `${name}.pcap`), 'w', 0o600);
    opened.push(fd);
    writeSync(fd, pcapFileHeader(linkType));
    return fd;
  };
  try {
    makeFolder(folder);
    return {
      vnics: names.map((name) => open(`vnic-${name}`, LINKTYPE_ETHERNET)),
      underlay: open('underlay', LINKTYPE_RAW),
    };
  } catch (cause) {
    throw new SelvageError(
      'bad-input',
      `Capture files cannot be written to ${folder}: ${(cause as Error).message}.`,
      { hint: 'Give --pcap a folder that can be written to.', cause },
    );
  }
}

export interface Devices {
  readonly vnics: readonly FrameDevice[];
  readonly underlay: UnderlayDevice;
}

/** Wraps the devices as asked. `peers` are their VTEPs, by number; `clock`: microseconds since 1970. */
export function wrapDevices(
  devices: Devices,
  start: CaptureStart,
  region: Region,
  peers: readonly HostAddress[],
  clock: () => number,
): Devices {
  const captured = captureDevices(devices, start, region, peers, clock);
  return start.faults === undefined ? captured : injectFaults(captured, start.faults, region, clock);
}

function captureDevices(
  { vnics, underlay }: Devices,
  { trace, names, files, ends }: CaptureStart,
  region: Region,
  peers: readonly HostAddress[],
  clock: () => number,
): Devices {
  let wrapped: Devices = { vnics, underlay };
  if (files !== undefined) {
    const complain = lineSink(STANDARD_ERROR);
    const writer = (fd: number) => new PcapWriter(fileSink(fd, complain), clock);
    wrapped = {
      vnics: wrapped.vnics.map((vnic, port) => captureVnic(vnic, region, writer(files.vnics[port]!))),
      underlay: captureUnderlay(wrapped.underlay, region, { ...ends, peers }, writer(files.underlay)),
    };
  }
  if (!trace) return wrapped;
  const options = { region, sink: lineSink(STANDARD_ERROR), clock };
  return {
    vnics: wrapped.vnics.map((vnic, port) => traceVnic(vnic, names[port]!, options)),
    underlay: traceUnderlay(wrapped.underlay, peers, options),
  };
}

/** Writes until writing fails (a full disk), says so once, and forgets the rest: packets go on. */
export function fileSink(fd: number, complain: (line: string) => void): (bytes: Uint8Array) => void {
  let failed = false;
  return (bytes) => {
    try {
      for (let at = 0; at < bytes.length && !failed; ) at += writeSync(fd, bytes, at);
    } catch (error) {
      failed = true;
      complain(`selvage: a capture file ends here: ${(error as Error).message}`);
    }
  };
}

/** Whole lines; those that a slow reader has no room for are counted instead. */
export function lineSink(fd: number): (line: string) => void {
  let lost = 0;
  return (line) => {
    const before = lost === 0 ? '' : `(${lost} lines lost)\n`;
    try {
      writeSync(fd, `${before}${line}\n`);
      lost = 0;
    } catch {
      lost++;
    }
  };
}
