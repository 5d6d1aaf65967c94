// Frames from a vNIC: classify, check, and send each on its way (DESIGN of the packet's way: vNIC → policy → queue →
// connection). Takes over the reference that comes with each frame.

import type { Bytes } from '../base/bytes.ts';
import type { PieceList } from '../packet/pieces.ts';
import { PIECE_LENGTH_MASK } from '../packet/pieces.ts';
import type { Region } from '../packet/region.ts';
import type { ChunkWriter } from '../packet/writer.ts';
import { MAX_ANSWER_BYTES } from '../wire/neighbor-answers.ts';
import { VIRTIO_NET_HEADER_BYTES, writeVirtioNetHeader } from '../wire/virtio-net-header.ts';
import type { FrameDropReason, SwitchCounters } from './drops.ts';
import { FrameHead } from './flows/frame-head.ts';
import { isSameFlow } from './flows/same-flow.ts';
import type { Port } from './forwarding.ts';
import { NeighborAnswers } from './neighbors.ts';
import { SourcePolicy } from './policy.ts';
import { NO_DEVICE_FLOW } from './receive-queues.ts';

/**
 * Where ingress sends frames. Each takes over the frame's reference. `deviceFlow` is the number of its flow at the vNIC it
 * comes from, or -1 where that has no flows; `head` the headers of the frame, or of one of the same flow.
 */
export interface IngressTargets {
  /** To the remote vNIC of this pair. */
  toPair(pair: number, offset: number, length: number, head: FrameHead, deviceFlow: number): void;
  /** As plain VXLAN. */
  toPeer(peer: number, vni: number, offset: number, length: number): void;
  toPort(port: Port, offset: number, length: number, from: Port, deviceFlow: number): void;
  /** The same for the frames `first` to `end` of a list, all of one flow. */
  trainToPort(
    port: Port,
    frames: PieceList,
    first: number,
    end: number,
    head: FrameHead,
    from: Port,
    deviceFlow: number,
  ): void;
  /** A frame of the switch's own, which the tenant asked for. */
  answer(port: Port, offset: number, length: number): void;
}

export class Ingress {
  private readonly region: Region;
  private readonly bytes: Bytes;
  private readonly answers: ChunkWriter;
  private readonly counters: SwitchCounters;
  private readonly targets: IngressTargets;
  /** Frames of the list that were begun; 0 when it is done. */
  private begun = 0;
  private readonly head: FrameHead;
  private readonly policy = new SourcePolicy();
  private readonly neighbors = new NeighborAnswers();

  constructor(region: Region, answers: ChunkWriter, counters: SwitchCounters, targets: IngressTargets) {
    this.region = region;
    this.bytes = region.bytes;
    this.head = new FrameHead(region.bytes);
    this.answers = answers;
    this.counters = counters;
    this.targets = targets;
  }

  /** `flows`: of each frame the number of its flow at the vNIC, where that has flows. */
  process(port: Port, frames: PieceList, flows?: Uint32Array): void {
    for (let first = 0; first < frames.count; first = this.begun) {
      const end = this.trainEnd(frames, first, flows);
      this.counters.framesIn += end - first;
      this.begun = end;
      const deviceFlow = flows === undefined ? NO_DEVICE_FLOW : flows[first]!;
      const dropped = this.forward(port, frames, first, end, deviceFlow);
      if (dropped === undefined) continue;
      this.counters.dropped[dropped] += end - first;
      for (let i = first; i < end; i++) this.region.release(frames.words[i * 2]!);
    }
    this.begun = 0;
  }

  /** One behind the last frame of the flow of frame `first`. */
  private trainEnd({ words, count }: PieceList, first: number, flows: Uint32Array | undefined): number {
    const { view } = this.bytes;
    const at = words[first * 2]!;
    let end = first + 1;
    while (end < count && (flows === undefined || flows[end] === flows[first])) {
      if (!isSameFlow(view, at, words[end * 2]!, words[end * 2 + 1]! & PIECE_LENGTH_MASK)) break;
      end++;
    }
    return end;
  }

  /** Frames that a turn that threw had read and not come to. */
  uncounted(frames: PieceList): number {
    return frames.count - this.begun;
  }

  /** Why the frames, all of one flow, were dropped, or undefined when their references were handed on. */
  private forward(
    port: Port,
    frames: PieceList,
    first: number,
    end: number,
    deviceFlow: number,
  ): FrameDropReason | undefined {
    const { head, counters } = this;
    const { frame } = head;
    const { words } = frames;
    const offset = words[first * 2]!;
    const length = words[first * 2 + 1]! & PIECE_LENGTH_MASK;
    const at = offset + VIRTIO_NET_HEADER_BYTES;
    const frameBytes = length - VIRTIO_NET_HEADER_BYTES;
    if (!head.aim(offset, length)) return 'malformedFrame';
    const rejected = this.policy.reject(port, frame, head.virtio, this.bytes);
    if (rejected !== undefined) return rejected;
    if (frame.ethernet.isGroupAddressed) {
      if (this.answer(port, offset, at, frameBytes)) return undefined;
      let reason: FrameDropReason | undefined;
      for (let i = first; i < end; i++) {
        const bytes = words[i * 2 + 1]! & PIECE_LENGTH_MASK;
        reason = this.flood(port, words[i * 2]!, bytes, deviceFlow);
      }
      return reason;
    }
    const destination = frame.ethernet.destination;
    const { network } = port;
    const remote = network.remoteOf.get(destination);
    if (remote >= 0) {
      for (let i = first; i < end; i++) {
        const bytes = words[i * 2 + 1]! & PIECE_LENGTH_MASK;
        this.targets.toPair(port.firstPair + remote, words[i * 2]!, bytes, head, deviceFlow);
      }
      return undefined;
    }
    const local = network.portOf.get(destination);
    // To its own MAC: nobody else has it, and a switch does not send a frame back where it came from.
    if (local < 0 || network.ports[local] === port)
      return this.answer(port, offset, at, frameBytes) ? undefined : 'unknownDestination';
    counters.toLocal += end - first;
    this.targets.trainToPort(network.ports[local]!, frames, first, end, head, port, deviceFlow);
    return undefined;
  }

  /** Answers a question about a neighbour in its stead. */
  private answer(port: Port, offset: number, at: number, length: number): boolean {
    const { answers, region, counters } = this;
    const room = answers.room(VIRTIO_NET_HEADER_BYTES + MAX_ANSWER_BYTES);
    if (room === 0) return false;
    const answerAt = room + VIRTIO_NET_HEADER_BYTES;
    const written = this.neighbors.answer(port, this.head.frame, this.bytes, at, length, answerAt);
    if (written === 0) return false;
    writeVirtioNetHeader(this.bytes.view, room, 0, 0, 0, 0, 0, 0);
    answers.commit(VIRTIO_NET_HEADER_BYTES + written);
    region.retain(room, 1);
    counters.answered++;
    this.targets.answer(port, room, VIRTIO_NET_HEADER_BYTES + written);
    region.release(offset);
    return true;
  }

  /** To every other vNIC here and once to each host of the network, which hands it on to its own. */
  private flood(port: Port, offset: number, length: number, deviceFlow: number): FrameDropReason | undefined {
    const { counters, targets } = this;
    const { network } = port;
    const copies = network.ports.length - 1 + network.peers.length;
    if (copies === 0) return 'unknownDestination';
    counters.flooded++;
    counters.floodCopies += copies - 1;
    this.region.retain(offset, copies - 1);
    for (const other of network.ports) {
      if (other === port) continue;
      counters.toLocal++;
      targets.toPort(other, offset, length, port, deviceFlow);
    }
    for (const peer of network.peers) targets.toPeer(peer, network.vni, offset, length);
    return undefined;
  }
}
