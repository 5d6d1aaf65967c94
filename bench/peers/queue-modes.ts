// The same switch with parts of Backdraft switched off, one after the other: who is compared with whom (Backdraft §6.2, figure 10).
import type { AgentConfig } from '../../lab/agents.ts';
import type { Contender, PeerName } from './peer.ts';

/** Of a queue that does not grow: what BESS gives a port. */
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

export const LOSSY = mode(
  'lossy',
  'lossy',
  `one queue of ${STATIC_FRAMES} frames a vNIC; when it is full frames are dropped`,
  {
    pauses: false,
    receive: { shared: true, frames: STATIC_FRAMES },
  },
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
  'they grow as far as there is memory; no pauses',
  {
    pauses: false,
  },
);

export const BACKDRAFT = mode('selvage', 'Selvage', 'queues a flow, and pauses; nothing tuned', {});

export const QUEUE_MODES = [LOSSY, BACKPRESSURE, PER_FLOW, BACKDRAFT] as const;
