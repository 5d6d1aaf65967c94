// Frames on their way to other hosts: offered to the transport, kept in their flow's queue while it takes none, cut where
// the peer takes no large ones, or put into plain VXLAN. Takes over the reference of each frame.

import { type FlowKey, MAX_FRAME_BYTES, type UnderlayDevice } from '../packet/device.ts';
import { Outbox } from '../packet/outbox.ts';
import type { Region } from '../packet/region.ts';
import { SEND_CUT, SEND_PLAIN, SEND_TAKEN, type Transport } from '../transport/transport.ts';
import { VIRTIO_NET_HEADER_BYTES } from '../wire/virtio-net-header.ts';
import { type SwitchConfig, TRANSPORT_OVERHEAD_BYTES } from './config.ts';
import type { Cutter } from './cutter.ts';
import type { DropReason, SwitchCounters } from './drops.ts';
import { FlowKeys } from './flows/flow-keys.ts';
import type { FrameHead } from './flows/frame-head.ts';
import type { Forwarding } from './forwarding.ts';
import type { PairDrops } from './pair-drops.ts';
import { PlainVxlan } from './plain.ts';
import type { SendQueues } from './send-queues.ts';

/** A turn's plain frames wait in the outbox, by reference, until it is flushed. */
const MAX_HELD = 1024;
const NO_PAIR = -1;
/** Where no flow was looked for. */
const NO_FLOW = -1;

/** Parts of the switch that frames go through, or are counted by. */
export interface DepartureParts {
  readonly region: Region;
  readonly counters: SwitchCounters;
  readonly queues: SendQueues;
  readonly pairDrops: PairDrops;
  readonly forwarding: Forwarding;
  readonly transport: Transport;
  readonly underlay: UnderlayDevice;
  readonly cutter: Cutter;
  /** What time it is when packets leave; absent: `now`. */
  readonly clock: (() => number) | undefined;
}

export class Departures {
  /** When the turn began. */
  now = 0;
  private readonly region: Region;
  private readonly counters: SwitchCounters;
  private readonly queues: SendQueues;
  private readonly pairDrops: PairDrops;
  private readonly forwarding: Forwarding;
  private readonly transport: Transport;
  private readonly underlay: UnderlayDevice;
  private readonly clock: (() => number) | undefined;
  private readonly cutter: Cutter;
  private readonly plain: PlainVxlan;
  private readonly payloadBytes: number;
  /** A larger frame would never fit the window. */
  private readonly maxTransportBytes: number;
  private readonly keys: FlowKeys;
  private readonly outbox = new Outbox();
  private readonly held = new Uint32Array(MAX_HELD);
  private heldCount = 0;

  constructor({ datagramBytes, windowPackets }: SwitchConfig, parts: DepartureParts) {
    const { region } = parts;
    this.region = region;
    this.counters = parts.counters;
    this.queues = parts.queues;
    this.pairDrops = parts.pairDrops;
    this.forwarding = parts.forwarding;
    this.transport = parts.transport;
    this.underlay = parts.underlay;
    this.clock = parts.clock;
    this.keys = new FlowKeys(region.bytes);
    this.cutter = parts.cutter;
    this.plain = new PlainVxlan(region, this.cutter, this.outbox, datagramBytes, () => this.flush());
    this.payloadBytes = datagramBytes - TRANSPORT_OVERHEAD_BYTES;
    this.maxTransportBytes = Math.min(MAX_FRAME_BYTES, windowPackets * this.payloadBytes);
  }

  /** Offers what waits, and first of all what lost connections gave back. */
  pump(): void {
    this.takeReturned();
    this.queues.pump(this.now, this.offer);
  }

  /** Sends all that the transport has to say, and plain frames. */
  transmit(): void {
    let done = false;
    do {
      // A timestamp that is too early would make our own work look like the fabric's delay.
      done = this.transport.transmit(this.clock?.() ?? this.now, this.outbox);
      this.flush();
    } while (!done);
  }

  /** A frame of the flow with this number at its device; -1: its vNIC has no flows. */
  toPair(pair: number, offset: number, length: number, head: FrameHead, deviceFlow: number): void {
    const { network } = this.forwarding.portOfPair(pair);
    if (network.reliable) this.queueForPair(pair, offset, length, head, deviceFlow);
    else this.toPeer(this.forwarding.peerOf(pair), network.vni, offset, length, pair);
  }

  /** Where nothing of the pair waits, its frames are not even classified. */
  private queueForPair(
    pair: number,
    offset: number,
    length: number,
    head: FrameHead,
    deviceFlow: number,
  ): void {
    if (length > this.maxTransportBytes) {
      this.drop('tooLong', offset, pair);
      return;
    }
    const { queues, transport, forwarding } = this;
    const isClear = queues.isClear(pair);
    if (isClear && this.offer(pair, NO_FLOW, offset, length)) return;
    const { key } = head;
    if (!isClear && queues.isFlowClear(pair, key) && this.offer(pair, NO_FLOW, offset, length)) return;
    const established = transport.isEstablished(pair);
    const port = forwarding.portOfPair(pair).index;
    const full = queues.push(this.now, pair, key, offset, length, established, port, deviceFlow);
    if (full !== undefined) this.drop(full, offset, pair);
  }

  toPeer(peer: number, vni: number, offset: number, length: number, pair = NO_PAIR): void {
    const rejected = this.plain.encapsulate(peer, vni, offset, length);
    if (rejected !== undefined) {
      this.drop(rejected, offset, pair);
      return;
    }
    this.counters.toPlain++;
    if (this.heldCount === MAX_HELD) this.flush();
    this.held[this.heldCount++] = offset;
  }

  /** Offers a frame to the transport; true when it went somewhere. */
  private readonly offer = (pair: number, _flow: number, offset: number, length: number): boolean => {
    const result = this.transport.send(this.now, pair, offset, length);
    if (result === SEND_TAKEN) {
      this.counters.toTransport++;
      return true;
    }
    if (result === SEND_CUT) {
      this.cutForPair(pair, offset, length);
      return true;
    }
    if (result !== SEND_PLAIN) return false;
    this.toPeer(this.forwarding.peerOf(pair), this.forwarding.vniOf(pair), offset, length, pair);
    return true;
  };

  /** Each frame becomes one of one packet, in front of its flow's queue: for a peer that takes no others. */
  private cutForPair(pair: number, offset: number, length: number): void {
    const { cutter, region } = this;
    const maxFrameBytes = this.payloadBytes - VIRTIO_NET_HEADER_BYTES;
    const rejected = cutter.look(offset, length)
      ? cutter.cut(offset, length, VIRTIO_NET_HEADER_BYTES, maxFrameBytes)
      : 'malformedFrame';
    if (rejected !== undefined) {
      this.drop(rejected, offset, pair);
      return;
    }
    const { count, stride, lastBytes } = cutter;
    const first = cutter.at - VIRTIO_NET_HEADER_BYTES;
    this.counters.pieces += count - 1;
    region.retain(first, count);
    const key = this.keys.classify(offset, length);
    for (let i = count - 1; i >= 0; i--) {
      const bytes = i === count - 1 ? lastBytes + VIRTIO_NET_HEADER_BYTES : stride;
      this.putFirst(pair, key, first + i * stride, bytes);
    }
    region.release(first);
    region.release(offset);
  }

  private putFirst(pair: number, key: FlowKey, offset: number, length: number): void {
    if (!this.queues.putFirst(this.now, pair, key, offset, length)) this.drop('noRing', offset, pair);
  }

  private flush(): void {
    if (this.outbox.bundleCount > 0) this.underlay.tx(this.outbox);
    this.outbox.clear();
    for (let i = 0; i < this.heldCount; i++) this.region.release(this.held[i]!);
    this.heldCount = 0;
  }

  private drop(reason: DropReason, offset: number, pair: number): void {
    this.counters.dropped[reason]++;
    if (pair !== NO_PAIR) this.pairDrops.add(pair, reason, 1);
    this.region.release(offset);
  }

  private takeReturned(): void {
    const { transport, counters, forwarding } = this;
    for (let each = transport.takeReturned(); each !== undefined; each = transport.takeReturned()) {
      const { pair, frames, again } = each;
      counters.returned += frames.frames;
      // In front of what waits of the same flow, the last one first.
      for (; again && frames.frames > 0; frames.pop()) {
        const offset = frames.backOffset();
        const length = frames.backLength();
        this.putFirst(pair, this.keys.classify(offset, length), offset, length);
      }
      for (; frames.frames > 0; frames.shift()) {
        const vni = forwarding.vniOf(pair);
        this.toPeer(forwarding.peerOf(pair), vni, frames.frontOffset(), frames.frontLength(), pair);
      }
    }
  }
}
