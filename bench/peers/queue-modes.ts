// The same switch with parts of Backdraft switched off, one after the other: who is compared with whom (Backdraft §6.2, figure 10).
import type { AgentConfig } from '../../lab/agents.ts';
import type { Contender, PeerName } from './peer.ts';

/** Of a queue that does not grow: what BESS gives its queues. */
const STATIC_FRAMES = 1024;

export interface QueueMode extends Contender {
  readonly queues: NonNullable<AgentConfig['queues']>;
}

const mode = (name: PeerName, title: string, settings: string, queues: QueueMode['queues']): QueueMode => ({
  name,
  title,
  settings,
  queues,
});

/** As the pipelines that the paper's authors have published, for figure 9 as for figure 10. */
export const LOSSY = mode(
  'lossy',
  'lossy',
  `one queue of ${STATIC_FRAMES} frames for what all vNICs send, of which the switch forwards as many a turn as it reads of one ` +
    `vNIC, and behind it one of ${STATIC_FRAMES} for each vNIC; what comes when either is full is dropped`,
  { pauses: false, input: { frames: STATIC_FRAMES }, receive: { shared: true, frames: STATIC_FRAMES } },
);

/** As the paper's text has it (§2). */
export const LOSSY_PER_VNIC = mode(
  'lossyPerVnic',
  'lossy, a queue a vNIC',
  `one queue of ${STATIC_FRAMES} frames for each vNIC and nothing in front of the switch, which reads all vNICs in turn; when it ` +
    'is full frames are dropped',
  { pauses: false, receive: { shared: true, frames: STATIC_FRAMES } },
);

export const BACKPRESSURE = mode(
  'backpressure',
  'back-pressure (BP)',
  `one queue of ${STATIC_FRAMES} frames for all vNICs, whose first one holds up all; while it is full the switch takes nothing from anybody, until it is half empty`,
  { pauses: false, receive: { shared: true, frames: STATIC_FRAMES, stopsAll: true } },
);

export const PER_FLOW = mode(
  'perFlowQueues',
  'queues a flow',
  'they grow as far as there is memory; the switch looks at each queue of an endpoint in every turn; no pauses',
  { pauses: false, doorbells: false },
);

export const DOORBELLS = mode(
  'perFlowDoorbells',
  'queues a flow, doorbells',
  'the same, but the switch looks at those queues that doorbells name',
  { pauses: false },
);

export const BACKDRAFT = mode('selvage', 'Selvage', 'queues a flow, doorbells and pauses; nothing tuned', {});

export const QUEUE_MODES = [LOSSY, LOSSY_PER_VNIC, BACKPRESSURE, PER_FLOW, DOORBELLS, BACKDRAFT] as const;
