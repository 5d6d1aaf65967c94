// @selvage/client/endpoint: a vNIC of one's own in shared memory.
import { SelvageError } from '../../base/errors.ts';
import { finishLater, finishNow } from '../finishing.ts';
import type { Endpoint, EndpointOptions } from './api.ts';
import { VnicOpening } from './opening.ts';

export type {
  Batch,
  Endpoint,
  EndpointCounters,
  EndpointOptions,
  FlowOptions,
  Fullness,
  ReceivedFlow,
  SendingFlow,
  Urgency,
} from './api.ts';
export { SelvageError };

export async function openEndpoint(options: EndpointOptions): Promise<Endpoint> {
  return finishLater(new VnicOpening(options));
}

export function openEndpointSync(options: EndpointOptions): Endpoint {
  return finishNow(new VnicOpening(options));
}
