// One side of a session: its flows, and the doorbells that say which of them to look at (Backdraft §4.1). Who has found a
// flow empty *arms* it; the next push into it then puts the flow's number into the doorbell queue, once; and whoever waits
// for a session arms the doorbell queue itself, so that the next doorbell also wakes it. While both sides are awake
// there are neither doorbells nor wake-ups, and however many flows rest, only the doorbell queue is polled.
import { Channel, type ChannelState, type Ring } from './channel.ts';
import { Consumer, type ConsumerState } from './consumer.ts';
import { type Fault, type Half, Health } from './half.ts';
import { FIRST_FLOW_RING, layoutOf, RETURNS_RING, type RingPlace, type SessionShape } from './layout.ts';
import { Producer, type ProducerState } from './producer.ts';

/** Doorbells that are taken in at once: whoever rings without end does not keep others waiting. */
const BELLS_AT_ONCE = 64;

/** All that a side knows of a session besides what is in its memory: plain data. */
export interface EndpointState {
  readonly fault: Fault;
  readonly bellsOut: ProducerState;
  readonly bellsIn: ConsumerState;
  readonly returns: ChannelState;
  readonly flows: readonly ChannelState[];
  /** Taken over by reference. */
  readonly awake: Uint8Array;
  readonly wakes: number;
}

export class Endpoint {
  readonly health: Health;
  readonly flows: readonly Channel[];
  /** Addresses of heap blocks given back: to the other side, and by it. */
  readonly returns: Channel;
  /** Flows that are looked at without a doorbell. */
  awakeFlows: number;
  /** Wake-ups of the other side so far. */
  wakes: number;
  private readonly bellsOut: Producer;
  private readonly bellsIn: Consumer;
  private readonly wake: () => void;
  private readonly bells = new Uint32Array(BELLS_AT_ONCE);
  private readonly bell = new Uint32Array(1);
  private readonly awake: Uint8Array;

  /** `wake` wakes the other side: called only when it sleeps, once a sleep. */
  constructor(shape: SessionShape, mine: Half, theirs: Half, wake: () => void, old?: EndpointState) {
    const layout = layoutOf(shape);
    const health = new Health(old?.fault);
    const ring: Ring = (number) => this.ringBell(number);
    const channel = (number: number, place: RingPlace, old?: ChannelState) => {
      const outgoing = new Producer(mine, theirs, place, health, old?.outgoing);
      const incoming = new Consumer(mine, theirs, place, health, old?.incoming);
      return new Channel(number, outgoing, incoming, ring, old);
    };
    this.health = health;
    this.wake = wake;
    this.bellsOut = new Producer(mine, theirs, layout.bells, health, old?.bellsOut);
    this.bellsIn = new Consumer(mine, theirs, layout.bells, health, old?.bellsIn);
    this.returns = channel(RETURNS_RING, layout.returns, old?.returns);
    this.flows = layout.flows.map((place, flow) => channel(FIRST_FLOW_RING + flow, place, old?.flows[flow]));
    this.awake = old?.awake ?? new Uint8Array(shape.flows).fill(1);
    this.awakeFlows = this.awake.reduce((sum, isAwake) => sum + isAwake, 0);
    this.wakes = old?.wakes ?? 0;
  }

  save(): EndpointState {
    return {
      fault: this.health.fault,
      bellsOut: this.bellsOut.save(),
      bellsIn: this.bellsIn.save(),
      returns: this.returns.save(),
      flows: this.flows.map((flow) => flow.save()),
      awake: this.awake,
      wakes: this.wakes,
    };
  }

  /** Takes in doorbells; how many. The flows they name are awake from then on. */
  listen(): number {
    const count = this.bellsIn.pop(this.bells, BELLS_AT_ONCE);
    for (let i = 0; i < count; i++) {
      const ring = this.bells[i]!;
      // Blocks came back: whichever flow waits for memory tries again.
      if (ring === RETURNS_RING) for (let flow = 0; flow < this.flows.length; flow++) this.rouse(flow);
      else if (ring < FIRST_FLOW_RING + this.flows.length) this.rouse(ring - FIRST_FLOW_RING);
      else this.health.blame('badDoorbell');
    }
    return count;
  }

  isAwake(flow: number): boolean {
    return this.awake[flow] === 1;
  }

  rouse(flow: number): void {
    if (this.awake[flow] === 1) return;
    this.awake[flow] = 1;
    this.awakeFlows++;
  }

  /** After its queue was armed: the flow is not looked at until its doorbell rings. */
  rest(flow: number): void {
    if (this.awake[flow] === 0) return;
    this.awake[flow] = 0;
    this.awakeFlows--;
  }

  /** Says that we sleep: the next doorbell wakes us. False when one came meanwhile. */
  sleep(): boolean {
    return this.bellsIn.arm();
  }

  private ringBell(ring: number): void {
    this.bell[0] = ring;
    // There is room unless the other side broke its word; it then has doorbells enough.
    this.bellsOut.push(this.bell, 1);
    if (!this.bellsOut.mustRing()) return;
    this.wakes++;
    this.wake();
  }
}
