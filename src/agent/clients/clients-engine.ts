// The factory of the engine that serves clients: what the services thread loads, and what `selvage upgrade clients`
// replaces. The package exports this module as `selvage/clients-engine`, for engines that build on it.
import { type EngineFactory, type EngineIo, type SavedState, stateOfVersion } from '../../runtime/engine.ts';
import { ClientsEngine, type ClientsState } from './engine.ts';
import type { ClientsGiven } from './given.ts';
import { warmUp } from './warm-up.ts';

/** Of the state: raised with every change of its shape, with a transformation from the one before. */
const VERSION = 1;

export const clientsEngine = {
  version: VERSION,
  load(io: EngineIo<ClientsGiven>, old?: SavedState): ClientsEngine {
    return new ClientsEngine(io, stateOfVersion<ClientsState>('the engine', VERSION, old));
  },
  warmUp,
} satisfies EngineFactory<ClientsState, ClientsGiven>;

export type { ClientsGiven } from './given.ts';
export type { ClientsEngine, ClientsState };
export default clientsEngine;
