// @selvage/client/endpoint: a vNIC of one's own in shared memory.
import { isMainThread } from 'node:worker_threads';
import { SelvageError } from '../../base/errors.ts';
import { Readiness } from '../../linux/readiness.ts';
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
  if (!isMainThread) return openEndpointSync(options);
  const opening = new VnicOpening(options);
  const readiness = new Readiness(opening.fd);
  try {
    await readiness.wait(opening.timeoutMillis);
  } finally {
    readiness.close();
  }
  return opening.finish(0);
}

export function openEndpointSync(options: EndpointOptions): Endpoint {
  const opening = new VnicOpening(options);
  return opening.finish(opening.timeoutMillis);
}
