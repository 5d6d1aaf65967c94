// A vNIC that is a native endpoint: an application's, by shared memory (Backdraft §4.1, §4.2). The switch sees a device with
// a queue a flow both ways. It is there whether somebody owns it or not; one owner at a time has the rings, and what is
// sent to nobody is dropped and counted.

import type { FlowDevice, FlowKey } from '../../packet/device.ts';
import type { PieceList } from '../../packet/pieces.ts';
import type { Region } from '../../packet/region.ts';
import type { ChunkWriter } from '../../packet/writer.ts';
import { type Fault, type Half, Health } from '../../runtime/shm/half.ts';
import { SpinTime } from '../../runtime/spin.ts';
import { Bells, numberOf, whatOf } from '../../runtime/vnic/bells.ts';
import { memoryOf, type PacketMemory } from '../../runtime/vnic/copy-packet.ts';
import { BELL_WORDS, type VnicLayout } from '../../runtime/vnic/layout.ts';
import { ReceivedQueues } from './received-queues.ts';
import { SentFlows } from './sent-flows.ts';

/** Frames of one `rx`. */
const MOST_FRAMES = 1024;

interface Session {
  readonly bells: Bells;
  readonly health: Health;
  readonly sent: SentFlows;
}

export class EndpointDevice implements FlowDevice {
  readonly rxFlows = new Uint32Array(MOST_FRAMES);
  readonly received: ReceivedQueues;
  private readonly layout: VnicLayout;
  private readonly ringsPerFlow: number;
  private readonly region: Region;
  private readonly memory: PacketMemory;
  private readonly writer: ChunkWriter;
  private readonly doorbells: boolean;
  /** Flows that the switch holds: it may have frames of one that an earlier owner sent. */
  private readonly held: Uint8Array;
  private session: Session | undefined;
  private readonly spin = new SpinTime();
  private isAsleep = true;
  private hasWorked = false;
  /** When this sleep began, or the last work was done. */
  private since = 0;
  /** Neither a doorbell nor a frame was found when it was last read. */
  private wasQuiet = false;

  /** Without doorbells all of its owner's queues are looked at each turn, and it never sleeps: to be compared with. */
  constructor(
    layout: VnicLayout,
    ringsPerFlow: number,
    region: Region,
    writer: ChunkWriter,
    doorbells = true,
  ) {
    this.layout = layout;
    this.ringsPerFlow = ringsPerFlow;
    this.region = region;
    this.memory = memoryOf(region.bytes.u8.buffer);
    this.writer = writer;
    this.doorbells = doorbells;
    this.held = new Uint8Array(layout.shape.rings);
    this.received = new ReceivedQueues(layout, this.memory);
  }

  /** Somebody owns it from now on. `wake` wakes the owner. */
  attach(mine: Half, theirs: Half, wake: () => void): void {
    const { layout } = this;
    const health = new Health();
    const bells = new Bells(layout, mine, theirs, health, wake);
    const sent = new SentFlows(
      layout,
      mine,
      theirs,
      health,
      bells,
      this.ringsPerFlow,
      this.held,
      this.doorbells,
    );
    this.session = { bells, health, sent };
    this.received.attach(mine, theirs, health, bells);
    this.isAsleep = false;
  }

  /** The owner is gone: what it has sent is still to be read, and it receives nothing more. */
  leave(): void {
    this.isAsleep = false;
    this.wasQuiet = false;
    this.received.detach();
  }

  /** All that the owner has sent was read. */
  get isDrained(): boolean {
    return this.wasQuiet && this.session?.sent.isEmpty !== false;
  }

  /** Its memory is not touched any more. */
  detach(): void {
    this.session = undefined;
    this.isAsleep = true;
    this.received.detach();
  }

  /** What the owner did wrong. */
  get fault(): Fault {
    return this.session?.health.fault ?? 'none';
  }

  /** Nothing announces what the owner sends: it must be read in every turn. */
  get isAwake(): boolean {
    return !this.isAsleep;
  }

  /** Its doorbell woke us. */
  woken(now: number): void {
    if (!this.isAsleep || this.session === undefined) return;
    this.isAsleep = false;
    this.spin.slept(now - this.since);
    this.since = now;
  }

  /** After a turn: sleeps when there was nothing to do for some time, so that the next doorbell wakes. */
  settle(now: number): void {
    const { session } = this;
    if (session === undefined || this.isAsleep || !this.doorbells) return;
    if (this.hasWorked) {
      this.hasWorked = false;
      this.since = now;
    } else if (session.sent.active.isEmpty && now - this.since >= this.spin.micros && session.bells.sleep()) {
      this.isAsleep = true;
      this.since = now;
    }
  }

  rx(out: PieceList): number {
    const { session } = this;
    if (session === undefined) return 0;
    const heard = this.listen(session);
    const read = session.sent.read(out, this.rxFlows, this.region, this.memory, this.writer);
    this.wasQuiet = heard === 0 && read === 0;
    if (!this.wasQuiet) this.hasWorked = true;
    return read;
  }

  /** The switch gives frames to their flows' queues. */
  tx(): number {
    return 0;
  }

  hold(flow: number): void {
    this.held[flow] = 1;
  }

  resume(flow: number): void {
    if (this.held[flow] !== 1) return;
    this.held[flow] = 0;
    if (this.session === undefined) return;
    this.session.sent.resumed(flow);
    // Its owner has rung for it already.
    this.isAsleep = false;
  }

  weightOf(flow: number): number {
    return this.session?.sent.active.weights[flow] ?? 1;
  }

  priorityOf(flow: number): number {
    return this.session?.sent.active.priorities[flow] ?? 0;
  }

  open(key: FlowKey): number {
    return this.received.openQueue(key);
  }

  txFlow(queue: number, frames: PieceList, from: number): number {
    this.hasWorked = true;
    return this.received.write(queue, frames, from);
  }

  nextRoomy(): number {
    return this.received.nextRoomy();
  }

  close(queue: number): void {
    this.received.closeQueue(queue);
  }

  /** Data rings that flows of the owner hold. */
  get ringsInUse(): number {
    return this.session?.sent.grants.inUse ?? 0;
  }

  get dropped(): number {
    return this.received.unowned + this.received.tooLong;
  }

  private listen({ bells, sent, health }: Session): number {
    const count = bells.listen();
    const { heard } = bells;
    for (let i = 0; i < count && health.fault === 'none'; i++) {
      const at = i * BELL_WORDS;
      const word = heard[at]!;
      const what = whatOf(word);
      const number = numberOf(word);
      if (!sent.hear(what, number, heard[at + 1]!, heard[at + 2]!)) this.received.hear(what, number);
    }
    return count;
  }
}
