// Middleware that sees everything that passes through a device and changes nothing: what tracer and pcap are made of.
// Every frame and packet is copied for the observer, so wrap only where somebody looks.

import {
  type FlowDevice,
  type FlowKey,
  type FrameDevice,
  isFlowDevice,
  type UnderlayDevice,
} from '../packet/device.ts';
import { type Inbox, RUN_WORDS } from '../packet/inbox.ts';
import { BUNDLE_WORDS, type Outbox } from '../packet/outbox.ts';
import type { PieceList } from '../packet/pieces.ts';
import type { Region } from '../packet/region.ts';
import type { HostAddress } from '../wire/address.ts';
import { type Frame, gatherFrame, gatherPacket } from './gather.ts';

/** Sent and received as the tenant sees it. */
export interface FrameObserver {
  sent(frame: Frame): void;
  received(frame: Frame): void;
  /** After each call of the device that something passed through. */
  flush(): void;
}

/** Sent and received as this host sees it; packets are UDP payloads. */
export interface PacketObserver {
  sent(peer: number, slot: number, packet: Uint8Array): void;
  /** From now on the slot to the peer uses this source port, by its number. */
  bound?(peer: number, slot: number, candidate: number): void;
  /** `source` is the sender's address. */
  received(source: HostAddress, packet: Uint8Array): void;
  flush(): void;
}

/** Looks at a vNIC, whichever kind it is. */
export function observeVnic(inner: FrameDevice, region: Region, observer: FrameObserver): FrameDevice {
  return isFlowDevice(inner)
    ? new ObservedFlowVnic(inner, region, observer)
    : new ObservedVnic(inner, region, observer);
}

class ObservedVnic implements FrameDevice {
  private readonly inner: FrameDevice;
  private readonly region: Region;
  private readonly observer: FrameObserver;

  constructor(inner: FrameDevice, region: Region, observer: FrameObserver) {
    this.inner = inner;
    this.region = region;
    this.observer = observer;
  }

  get dropped(): number {
    return this.inner.dropped;
  }

  rx(out: PieceList): number {
    const first = out.count;
    const read = this.inner.rx(out);
    for (let piece = first; piece < out.count; piece++) {
      this.observer.sent(gatherFrame(this.region, out, piece, piece + 1));
    }
    if (read > 0) this.observer.flush();
    return read;
  }

  tx(frames: PieceList, from: number): number {
    const taken = this.inner.tx(frames, from);
    this.observe(frames, from, taken);
    return taken;
  }

  /** Pieces that the device has taken. */
  protected observe(frames: PieceList, from: number, taken: number): void {
    let start = from;
    while (start < from + taken) {
      const end = frames.frameEnd(start);
      this.observer.received(gatherFrame(this.region, frames, start, end));
      start = end;
    }
    if (taken > 0) this.observer.flush();
  }
}

class ObservedFlowVnic extends ObservedVnic implements FlowDevice {
  private readonly device: FlowDevice;

  constructor(inner: FlowDevice, region: Region, observer: FrameObserver) {
    super(inner, region, observer);
    this.device = inner;
  }

  get rxFlows(): Uint32Array {
    return this.device.rxFlows;
  }

  hold(flow: number): void {
    this.device.hold(flow);
  }

  resume(flow: number): void {
    this.device.resume(flow);
  }

  weightOf(flow: number): number {
    return this.device.weightOf(flow);
  }

  priorityOf(flow: number): number {
    return this.device.priorityOf(flow);
  }

  open(key: FlowKey): number {
    return this.device.open(key);
  }

  txFlow(queue: number, frames: PieceList, from: number): number {
    const taken = this.device.txFlow(queue, frames, from);
    this.observe(frames, from, taken);
    return taken;
  }

  nextRoomy(): number {
    return this.device.nextRoomy();
  }

  close(queue: number): void {
    this.device.close(queue);
  }
}

export class ObservedUnderlay implements UnderlayDevice {
  private readonly inner: UnderlayDevice;
  private readonly region: Region;
  private readonly observer: PacketObserver;

  constructor(inner: UnderlayDevice, region: Region, observer: PacketObserver) {
    this.inner = inner;
    this.region = region;
    this.observer = observer;
  }

  get dropped(): number {
    return this.inner.dropped;
  }

  rx(inbox: Inbox): boolean {
    const first = inbox.count;
    const drained = this.inner.rx(inbox);
    for (let run = first; run < inbox.count; run++) this.observeRun(inbox, run);
    if (inbox.count > first) this.observer.flush();
    return drained;
  }

  tx(outbox: Outbox): void {
    const { bundles, packets } = outbox;
    for (let bundle = 0; bundle < outbox.bundleCount; bundle++) {
      const at = bundle * BUNDLE_WORDS;
      const end = bundles[at + 2]! + bundles[at + 3]!;
      for (let packet = bundles[at + 2]!; packet < end; packet++) {
        this.observer.sent(bundles[at]!, bundles[at + 1]!, gatherPacket(this.region, packets, packet));
      }
    }
    if (outbox.bundleCount > 0) this.observer.flush();
    this.inner.tx(outbox);
  }

  bindSlot(peer: number, slot: number, candidate: number): void {
    this.observer.bound?.(peer, slot, candidate);
    this.inner.bindSlot(peer, slot, candidate);
  }

  hasPort(candidate: number): boolean {
    return this.inner.hasPort(candidate);
  }

  private observeRun(inbox: Inbox, run: number): void {
    const { runs } = inbox;
    const source = inbox.sourceOf(run);
    const at = run * RUN_WORDS;
    const end = runs[at]! + runs[at + 1]!;
    const size = runs[at + 2]!;
    for (let offset = runs[at]!; offset < end; offset += size) {
      this.observer.received(source, this.region.bytes.u8.slice(offset, Math.min(offset + size, end)));
    }
  }
}
