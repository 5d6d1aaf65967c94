// Frames on their last way, from wherever they come: the vNIC's policy, and the vNIC. Takes over the reference of each
// piece.

import { type FrameDevice, isFlowDevice } from '../packet/device.ts';
import { PIECE_LAST, PIECE_LENGTH_MASK, PieceList } from '../packet/pieces.ts';
import type { Region } from '../packet/region.ts';
import type { Transport } from '../transport/transport.ts';
import { isOffloadFrame, VIRTIO_NET_HEADER_BYTES } from '../wire/virtio-net-header.ts';
import type { CommonQueue } from './common-queue.ts';
import type { Cutter } from './cutter.ts';
import type { DeliveryDropReason, SwitchCounters } from './drops.ts';
import { FlowOutput, type FlowOutputState } from './flow-output.ts';
import type { FrameHead } from './flows/frame-head.ts';
import type { Forwarding, Port } from './forwarding.ts';
import type { PairDrops } from './pair-drops.ts';
import { ReceivePolicy, type ReceivePolicyState } from './receive-policy.ts';
import {
  fromPort,
  NO_DEVICE_FLOW,
  ORIGIN_UNKNOWN,
  type ReceiveDrop,
  type ReceiveQueues,
} from './receive-queues.ts';
import { VnicOutput, type VnicOutputState } from './vnic-output.ts';

const DELIVERY_PIECES = 2048;
/** Ten zero bytes that stand before a frame without virtio_net_hdr: the region's first chunk starts with zeros. */
const NO_VIRTIO_HEADER = 0;

const NO_PAIR = -1;
/** Pieces that leave the common queue together, where they go the same way. */
const COMMON_RUN = 64;

export interface DeliveryState {
  readonly outputs: readonly (VnicOutputState | FlowOutputState)[];
  /** A hole for each vNIC that takes everything. */
  readonly policies: readonly (ReceivePolicyState | undefined)[];
}

export class Delivery {
  private readonly region: Region;
  private readonly counters: SwitchCounters;
  private readonly pairDrops: PairDrops;
  private readonly queues: ReceiveQueues;
  private readonly outputs: readonly (VnicOutput | FlowOutput)[];
  private readonly policies: readonly (ReceivePolicy | undefined)[];
  /** Of each vNIC, whoever puts trains of it into queues as they are; absent where they are looked at before. */
  private readonly sorters: readonly (FlowOutput | undefined)[];
  private readonly frames = new PieceList(DELIVERY_PIECES);
  /** Of `frames`, those that a rate limit dropped or marked; only the lengths and flags count. */
  private readonly marked = new PieceList(DELIVERY_PIECES);
  private readonly single = new PieceList(2);
  /** Of the queue that all have in common. */
  private readonly first = new PieceList(DELIVERY_PIECES);

  constructor(
    region: Region,
    counters: SwitchCounters,
    pairDrops: PairDrops,
    queues: ReceiveQueues,
    { ports }: Forwarding,
    devices: readonly FrameDevice[],
    cutter: Cutter,
    nowMicros: number,
    old?: DeliveryState,
  ) {
    this.region = region;
    this.counters = counters;
    this.pairDrops = pairDrops;
    this.queues = queues;
    const drop = (reason: ReceiveDrop, origin: number) => this.count(reason, origin, 1);
    this.outputs = devices.map((device, port) =>
      isFlowDevice(device)
        ? new FlowOutput(port, device, queues, drop, cutter, counters, old?.outputs[port] as FlowOutputState)
        : new VnicOutput(port, device, queues, drop, old?.outputs[port]),
    );
    this.policies = ports.map((port, i) =>
      port.accept === undefined && port.receiveBytesPerSecond === undefined
        ? undefined
        : new ReceivePolicy(port, nowMicros, old?.policies[i]),
    );
    this.sorters = this.outputs.map((output, i) =>
      output instanceof FlowOutput && queues.isEachItsOwn && this.policies[i] === undefined
        ? output
        : undefined,
    );
  }

  save(): DeliveryState {
    return {
      outputs: this.outputs.map((output) => output.save()),
      policies: this.policies.map((policy) => policy?.save()),
    };
  }

  get framesOut(): number {
    return this.outputs.reduce((sum, { framesOut }) => sum + framesOut, 0);
  }

  /** Frames that wait for their vNIC to take them. */
  get framesWaiting(): number {
    return this.queues.frames;
  }

  /** Whether a vNIC refused frames and nothing else will say that it has room again. */
  get isHeldUp(): boolean {
    for (const output of this.outputs) if (output.isHeldUp) return true;
    return false;
  }

  /** Tries what waits for the vNICs. */
  retry(now: number): void {
    for (const output of this.outputs) output.retry(now);
    if (this.queues.common !== undefined) this.advance(now, this.queues.common);
  }

  /** All that the transport has ready. */
  fromTransport(now: number, transport: Transport, forwarding: Forwarding): void {
    const { frames, marked } = this;
    for (let pair = transport.deliver(frames); pair >= 0; pair = transport.deliver(frames)) {
      const port = forwarding.portOfPair(pair);
      this.filter(now, port, frames, pair);
      if (marked.count > 0) transport.marked(now, pair, marked);
      this.write(now, port, frames, pair);
    }
  }

  /** A frame without virtio_net_hdr, of which the caller keeps its reference. */
  plain(now: number, port: Port, at: number, length: number): void {
    this.region.retain(NO_VIRTIO_HEADER, 1);
    this.region.retain(at, 1);
    this.single.push(NO_VIRTIO_HEADER, VIRTIO_NET_HEADER_BYTES);
    this.single.push(at, length);
    this.single.endFrame();
    this.filter(now, port, this.single);
    this.write(now, port, this.single, ORIGIN_UNKNOWN);
  }

  /** A frame that another data thread had for a vNIC of ours, of which the caller keeps its reference. */
  handed(now: number, port: Port, at: number, length: number): void {
    this.region.retain(at, 1);
    this.single.push(at, length);
    this.single.endFrame();
    this.write(now, port, this.single, ORIGIN_UNKNOWN);
  }

  /** A frame of another vNIC here, and of a flow of it if it has flows. */
  local(now: number, port: Port, offset: number, length: number, from: Port, deviceFlow: number): void {
    this.single.push(offset, length);
    this.single.endFrame();
    this.filter(now, port, this.single);
    this.write(now, port, this.single, fromPort(from.index), deviceFlow);
  }

  /** The frames `first` to `end` of a list, of one flow of another vNIC here. */
  train(
    now: number,
    port: Port,
    train: PieceList,
    first: number,
    end: number,
    head: FrameHead,
    from: Port,
    deviceFlow: number,
  ): void {
    const { words } = train;
    const sorter = this.sorters[port.index];
    if (sorter !== undefined && !isOffloadFrame(this.region.bytes.view, words[first * 2]!)) {
      sorter.train(now, train, first, end, head.key, fromPort(from.index), deviceFlow);
      return;
    }
    const { frames } = this;
    for (let i = first; i < end; i++) frames.push(words[i * 2]!, words[i * 2 + 1]! | PIECE_LAST);
    this.filter(now, port, frames);
    this.write(now, port, frames, fromPort(from.index), deviceFlow);
  }

  /** A frame of the switch's own, which the tenant asked for. */
  answer(now: number, port: Port, offset: number, length: number): void {
    this.single.push(offset, length);
    this.single.endFrame();
    this.write(now, port, this.single, ORIGIN_UNKNOWN);
  }

  private write(
    now: number,
    port: Port,
    frames: PieceList,
    origin: number,
    deviceFlow = NO_DEVICE_FLOW,
  ): void {
    const { common } = this.queues;
    if (common !== undefined) {
      common.push(port.index, frames, origin, deviceFlow);
      this.advance(now, common);
    } else if (frames.count > 0) this.outputs[port.index]!.write(now, frames, origin, deviceFlow);
    frames.clear();
  }

  /** Gives vNICs what is first, until that is for one for which something waits already. */
  private advance(now: number, common: CommonQueue): void {
    const { first, outputs, queues } = this;
    while (common.frames > 0) {
      const { port, origin, originFlow } = common;
      if (queues.backlog.framesOf(port) > 0) return;
      do common.shift(first);
      while (first.count < COMMON_RUN && common.continues(port, origin, originFlow));
      outputs[port]!.write(now, first, origin, originFlow);
      first.clear();
    }
  }

  /** Takes the frames that the policy drops out of the list; `marked` then has those that its rate limit marked. */
  private filter(now: number, port: Port, frames: PieceList, pair = NO_PAIR): void {
    const { marked } = this;
    const policy = this.policies[port.index];
    marked.clear();
    if (policy === undefined) return;
    const pieces = frames.count;
    frames.clear();
    for (let start = 0; start < pieces; ) {
      const end = frames.frameEnd(start);
      const reason = this.reject(now, policy, frames, start, end);
      for (let i = start; i < end; i++) {
        const offset = frames.words[i * 2]!;
        const word = frames.words[i * 2 + 1]!;
        if (reason === undefined) frames.push(offset, word);
        else this.region.release(offset);
        if (policy.isMarked) marked.push(offset, word);
      }
      if (reason !== undefined) this.count(reason, pair, 1);
      start = end;
    }
  }

  private count(reason: DeliveryDropReason, pair: number, frames: number): void {
    this.counters.dropped[reason] += frames;
    if (pair >= 0) this.pairDrops.add(pair, reason, frames);
  }

  private reject(now: number, policy: ReceivePolicy, { words }: PieceList, start: number, end: number) {
    let bytes = 0;
    for (let i = start; i < end; i++) bytes += words[i * 2 + 1]! & PIECE_LENGTH_MASK;
    // The virtio_net_hdr is a piece of its own where it was put in front here.
    const first = words[start * 2 + 1]! & PIECE_LENGTH_MASK;
    const apart = first === VIRTIO_NET_HEADER_BYTES && end > start + 1;
    const at = apart ? words[start * 2 + 2]! : words[start * 2]! + VIRTIO_NET_HEADER_BYTES;
    const here = apart ? words[start * 2 + 3]! & PIECE_LENGTH_MASK : first - VIRTIO_NET_HEADER_BYTES;
    return policy.reject(now, this.region.bytes, at, here, bytes - VIRTIO_NET_HEADER_BYTES);
  }
}
