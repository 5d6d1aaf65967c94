// Middleware that says what passes through a device: one line a frame or packet to a sink, with the time of day (UTC).
//
//   10:31:05.000123 sel0 sends 02:00:… > 02:00:…, 10.77.0.10:40000 > 10.77.0.11:6379 TCP [S] seq 1 ack 0 data 0, 74 bytes
//   10:31:05.000170 underlay sends to 192.0.2.20 slot 3 vni 77 data psn 17 path 3 cid 0x04040000: …

import { bytesOf } from '../base/bytes.ts';
import type { FrameDevice, UnderlayDevice } from '../packet/device.ts';
import { BY_PORT } from '../packet/outbox.ts';
import type { Region } from '../packet/region.ts';
import { formatHostAddress, type HostAddress } from '../wire/address.ts';
import { describeVirtioFrame } from './describe-frame.ts';
import { describePacket } from './describe-packet.ts';
import { ObservedUnderlay, observeVnic } from './observe.ts';

export interface TraceOptions {
  readonly region: Region;
  /** Takes a line, without its end. */
  readonly sink: (line: string) => void;
  /** Microseconds since 1970. */
  readonly clock: () => number;
}

/** `name` stands in every line. */
export function traceVnic(
  inner: FrameDevice,
  name: string,
  { region, sink, clock }: TraceOptions,
): FrameDevice {
  const say = (verb: string, frame: Uint8Array) => {
    const text = describeVirtioFrame(bytesOf(frame), 0, frame.length);
    sink(`${timeOfDay(clock())} ${name} ${verb} ${text}`);
  };
  return observeVnic(inner, region, {
    sent: (frame) => say('sends', frame),
    received: (frame) => say('receives', frame),
    flush: () => {},
  });
}

/** `peers` are the VTEPs of the peers, by number. */
export function traceUnderlay(
  inner: UnderlayDevice,
  peers: readonly HostAddress[],
  { region, sink, clock }: TraceOptions,
): UnderlayDevice {
  const say = (verb: string, packet: Uint8Array) => {
    sink(`${timeOfDay(clock())} underlay ${verb} ${describePacket(bytesOf(packet), 0, packet.length)}`);
  };
  return new ObservedUnderlay(inner, region, {
    sent: (peer, slot, packet) => say(`sends to ${formatHostAddress(peers[peer]!)} ${pathOf(slot)}`, packet),
    received: (source, packet) => say(`receives from ${formatHostAddress(source)}`, packet),
    flush: () => {},
  });
}

function pathOf(slot: number): string {
  return slot < BY_PORT ? `slot ${slot}` : `port ${slot - BY_PORT}`;
}

function timeOfDay(epochMicros: number): string {
  const seconds = Math.floor(epochMicros / 1e6);
  const two = (value: number) => String(value % 60).padStart(2, '0');
  const hours = String(Math.floor(seconds / 3600) % 24).padStart(2, '0');
  const micros = String(Math.floor(epochMicros - seconds * 1e6)).padStart(6, '0');
  return `${hours}:${two(Math.floor(seconds / 60))}:${two(seconds)}.${micros}`;
}
