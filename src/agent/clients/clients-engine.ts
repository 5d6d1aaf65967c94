// The factory of the engine that serves clients: what the services thread loads, and what `selvage upgrade clients`
// replaces. The package exports this module as `selvage/clients-engine`, for engines that build on it.
import { SelvageError } from '../../base/errors.ts';
import type { EngineFactory, EngineIo, SavedState } from '../../runtime/engine.ts';
import { ClientsEngine, type ClientsState } from './engine.ts';
import type { ClientsGiven } from './given.ts';
import { warmUp } from './warm-up.ts';

/** Of the state: raised with every change of its shape, with a transformation from the one before. */
const VERSION = 1;

export const clientsEngine = {
  version: VERSION,
  load(io: EngineIo<ClientsGiven>, old?: SavedState): ClientsEngine {
    if (old !== undefined && old.version !== VERSION) {
      throw new SelvageError(
        'unsupported',
        `the engine that runs left a state of version ${old.version}, and this one knows version ${VERSION}`,
      );
    }
    return new ClientsEngine(io, old?.state as ClientsState | undefined);
  },
  warmUp,
} satisfies EngineFactory<ClientsState, ClientsGiven>;

export type { ClientsGiven } from './given.ts';
export type { ClientsEngine, ClientsState };
export default clientsEngine;
