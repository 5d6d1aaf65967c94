// What the agent's main thread and a thread with an executor say to each other. Such a thread sleeps in epoll and not in
// its event loop: a message to it is posted and then announced through the eventfd.

import type { HandoverMemory } from '../../device/handover.ts';
import type { UnderlaySockets } from '../../device/udp.ts';
import type { SlotsChange } from '../../paths/routes.ts';
import type { Failure } from '../../runtime/supervisor.ts';
import type { SwitchConfig } from '../../vswitch/config.ts';
import type { SchedulerName } from '../../vswitch/scheduling/scheduler.ts';
import type { CaptureStart } from '../capture.ts';
import type { ClientsStart } from '../clients/socket.ts';
import type { PlaneChange } from '../congestion/plane-report.ts';
import type { EndpointStart } from '../endpoints/open.ts';
import type { NewCode } from '../upgrades/replace-engine.ts';

/** What every executor's thread is told at its start. */
export interface ExecutorStart {
  readonly wakeFd: number;
}

export interface DataThreadStart extends ExecutorStart {
  readonly config: SwitchConfig;
  /** The executor's, for people. */
  readonly name: string;
  /**
   * TAP descriptors, in the order of the switch's ports, nothing where there is an endpoint: those of other threads too,
   * which are only written to.
   */
  readonly taps: readonly (number | undefined)[];
  /** In the same order, nothing where there is a TAP. */
  readonly endpoints: readonly (EndpointStart | undefined)[];
  readonly underlay: UnderlaySockets;
  readonly seed: number;
  /** Absent where this is the only data thread. */
  readonly handover?: HandoverStart | undefined;
  /** The eventfd by which algorithms of the congestion control plane wake it. */
  readonly congestionFd: number;
  /** Absent: nobody looks at what passes. */
  readonly capture?: CaptureStart | undefined;
  /** Absent: clients are served on another thread. */
  readonly clients?: ClientsStart | undefined;
}

export interface ServicesThreadStart extends ExecutorStart {
  readonly clients: ClientsStart;
}

export interface HandoverStart {
  readonly memory: HandoverMemory;
  /** The eventfd of each thread, by its number. */
  readonly bells: readonly number[];
}

export type Question =
  | OwnQuestion
  /** EngineReport[]. */
  | { readonly about: 'engines' }
  /** Puts what this code makes in the place of these engines, all or none: UpgradeOutcome[]. */
  | { readonly about: 'upgrade'; readonly engines: readonly NewCode[] };

/** For the thread itself. */
export type OwnQuestion =
  /** What it has to report: a SwitchReport of the data thread. */
  | { readonly about: 'status' }
  /** A ClientsReport of the thread that serves clients. */
  | { readonly about: 'clients' }
  /** Of a SwitchReport the peers. */
  | { readonly about: 'peers' }
  /** An Account of what the switch decided about paths. */
  | { readonly about: 'decisions' }
  /** A FlowPage, a PathPage or a QueuePage, of the connections, the peers or what waits, from this number on. */
  | { readonly about: 'flows' | 'paths' | 'queues'; readonly from: number }
  /** Lets another scheduler decide whose turn it is; answered with nothing. */
  | { readonly about: 'scheduler'; readonly scheduler: SchedulerName }
  /** A FlowReport of the connection with this CID of ours; nothing when there is none. */
  | { readonly about: 'flow'; readonly cid: number }
  /** A PlaneReport about these algorithms, after a change if there is one. */
  | {
      readonly about: 'plane';
      readonly algorithms: readonly string[];
      readonly change?: PlaneChange | undefined;
    }
  /** Lets the slots to a peer use these source ports, each as soon as nothing is in flight on it; answered with nothing. */
  | ({ readonly about: 'slots' } & SlotsChange);

export type ToExecutor =
  | { readonly type: 'ask'; readonly id: number; readonly question: Question }
  | { readonly type: 'stop' };

export type FromExecutor =
  | { readonly type: 'ready' }
  /** A descriptor failed and is not watched any more: the TAP behind it was removed. */
  | { readonly type: 'gone'; readonly fd: number }
  | { readonly type: 'failure'; readonly failure: Omit<Failure, 'error'> & { readonly error: string } }
  | { readonly type: 'answer'; readonly id: number; readonly answer: unknown }
  | {
      readonly type: 'refusal';
      readonly id: number;
      readonly message: string;
      readonly hint?: string | undefined;
    };
