// What the owner of an endpoint knows of it beside its memory: its flows, what it receives, and what the agent's doorbells say
// of both.

import type { SelvageError } from '../../base/errors.ts';
import type { Half } from '../../runtime/shm/half.ts';
import {
  BELL_CLOSED,
  BELL_DATA,
  BELL_END,
  BELL_FLOW,
  BELL_GRANT,
  BELL_RECALL,
  BELL_REFUSE,
  numberOf,
  whatOf,
} from '../../runtime/vnic/bells.ts';
import { BELL_WORDS, type VnicShape, vnicLayout } from '../../runtime/vnic/layout.ts';
import type { PacketBatch } from './batch.ts';
import { Receiving } from './receiving.ts';
import { ClientSendingFlow, type FlowParts } from './sending-flow.ts';
import { SharedVnic } from './shared-vnic.ts';

export class OwnedVnic {
  readonly shared: SharedVnic;
  readonly receiving: Receiving;
  /** Times that a flow was given no ring. */
  ringsRefused = 0;
  private readonly mostFlows: number;
  private readonly flows: (ClientSendingFlow | undefined)[] = [];
  private readonly freeFlows: number[] = [];
  /** Flows that did not take all they were given. */
  private readonly short = new Set<ClientSendingFlow>();
  private readonly ended: () => SelvageError | undefined;

  /** `wake` wakes the agent; `ended` says why nothing more can be sent; `takesAll`: packets that are no datagrams, too. */
  constructor(
    shape: VnicShape,
    mine: Half,
    theirs: Half,
    wake: () => void,
    ended: () => SelvageError | undefined,
    takesAll: boolean,
  ) {
    const layout = vnicLayout(shape);
    this.mostFlows = shape.rings;
    this.ended = ended;
    this.shared = new SharedVnic(layout, mine, theirs, wake);
    const { health, bells } = this.shared;
    this.receiving = new Receiving(layout, mine, theirs, health, bells, takesAll);
  }

  /** Undefined when there are as many as there can be. */
  open(parts: Omit<FlowParts, 'ended' | 'short' | 'closed'>): ClientSendingFlow | undefined {
    const index = this.freeFlows.pop() ?? this.flows.length;
    if (index >= this.mostFlows) return undefined;
    const { ended, short } = this;
    const flow = new ClientSendingFlow(index, this.shared, { ...parts, ended, short });
    this.flows[index] = flow;
    return flow;
  }

  receive(batch: PacketBatch): number {
    this.listen();
    return this.receiving.receive(batch);
  }

  /** Whether there is something to receive, or room for a flow that had none. */
  hasWork(): boolean {
    this.listen();
    if (this.receiving.hasPackets) return true;
    for (const flow of this.short) if (flow.writable > 0) return true;
    return false;
  }

  /** Says that we sleep, and for what; false when something came meanwhile. */
  sleep(): boolean {
    for (const flow of this.short) if (!flow.askRoom()) return false;
    return this.shared.bells.sleep();
  }

  /** Takes in the agent's doorbells. */
  listen(): void {
    const { bells } = this.shared;
    const count = bells.listen();
    for (let i = 0; i < count; i++) {
      const word = bells.heard[i * BELL_WORDS]!;
      this.hear(whatOf(word), numberOf(word), bells.heard[i * BELL_WORDS + 1]!);
    }
  }

  private hear(what: number, number: number, a: number): void {
    const { receiving, flows } = this;
    if (what === BELL_DATA) receiving.data(number);
    else if (what === BELL_FLOW) receiving.flow(number);
    else if (what === BELL_END) receiving.end(number);
    else if (what === BELL_GRANT && a < this.mostFlows) flows[number]?.granted(a);
    else if (what === BELL_REFUSE) {
      this.ringsRefused++;
      flows[number]?.refused();
    } else if (what === BELL_RECALL) for (const flow of flows) flow?.rest();
    else if (what === BELL_CLOSED) {
      flows[number]?.reclaim();
      flows[number] = undefined;
      this.freeFlows.push(number);
    }
  }
}
