// What a data thread has of the control plane: a pair of rings to each algorithm that runs, and which one governs what.
// It belongs to the thread and outlives the switch's code; the agent's main thread changes it while packets flow.

import type { Mac } from '../../wire/address.ts';
import type { MessageRing } from './message-ring.ts';

/** Of the 32 bits of a flow's number, the first four are its thread's. */
export const FLOWS_PER_THREAD = 2 ** 28;

export interface AlgorithmLink {
  /** Never that of an earlier link, also of the same algorithm. */
  readonly id: number;
  readonly algorithm: string;
  readonly toAlgorithm: MessageRing;
  readonly fromAlgorithm: MessageRing;
  /** Something was put into `toAlgorithm`. */
  readonly ring: () => void;
}

/** What is absent fits anything. */
export interface FlowRule {
  readonly vni?: number | undefined;
  /** The VTEP of the other host. */
  readonly peer?: string | undefined;
  readonly localMac?: Mac | undefined;
  readonly remoteMac?: Mac | undefined;
  /** By name, one that is built into the transport or one of the plane. */
  readonly algorithm: string;
}

/** What is known of a connection when somebody has to govern it. */
export interface FlowPlace {
  readonly vni: number;
  readonly peer: string;
  readonly localMac: Mac;
  readonly remoteMac: Mac;
}

export class PlaneLinks {
  links: readonly AlgorithmLink[] = [];
  /** The last one that fits decides. */
  rules: readonly FlowRule[] = [];
  /** Why an algorithm runs no more. */
  endings: Readonly<Record<string, string>> = {};
  readonly threadId: number;
  private flows = 0;

  /** Flows of a host's data threads have different numbers. */
  constructor(threadId = 0) {
    this.threadId = threadId;
  }

  /** Numbers of flows are not given twice for long, or an algorithm would take one for another. */
  nextFlow(): number {
    this.flows = (this.flows % (FLOWS_PER_THREAD - 1)) + 1;
    return this.threadId * FLOWS_PER_THREAD + this.flows;
  }

  of(algorithm: string): AlgorithmLink | undefined {
    return this.links.find((link) => link.algorithm === algorithm);
  }

  /** What governs a connection in place of what its network is configured to have. */
  ruleFor(place: FlowPlace): string | undefined {
    const { rules } = this;
    for (let i = rules.length - 1; i >= 0; i--) if (fits(rules[i]!, place)) return rules[i]!.algorithm;
    return undefined;
  }
}

function fits({ vni, peer, localMac, remoteMac }: FlowRule, place: FlowPlace): boolean {
  return (
    (vni ?? place.vni) === place.vni &&
    (peer ?? place.peer) === place.peer &&
    (localMac ?? place.localMac) === place.localMac &&
    (remoteMac ?? place.remoteMac) === place.remoteMac
  );
}
