// The services thread: an executor of its own for what programs on this host ask of the agent, beside the data thread. What
// goes wrong with a session ends that session; what goes wrong with the thread ends the sessions and is said by the
// agent, and the packets go on.
import { parentPort, workerData } from 'node:worker_threads';
import { SelvageError } from '../../base/errors.ts';
import { useShortTimerSlack } from '../../linux/scheduling.ts';
import { clientsReport, serveClients } from '../clients/serve.ts';
import { ExecutorLoop } from './executor-loop.ts';
import type { ServicesThreadStart } from './thread-messages.ts';

/** Work a turn, in records and 4 KB of their blocks. */
const BUDGET = 1024;

async function main(start: ServicesThreadStart): Promise<void> {
  useShortTimerSlack();
  const loop = new ExecutorLoop('services', parentPort!, start, ({ about }) => {
    if (about === 'clients') return clientsReport(loop.executor);
    throw new SelvageError('bad-input', `The services thread has nothing to say about ${about}.`);
  });
  const resources = serveClients(loop.executor, start.clients, BUDGET);
  await loop.run();
  resources.closeAll();
}

void main(workerData as ServicesThreadStart);
