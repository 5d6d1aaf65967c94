// The clients' thread: their sessions, in a worker of the agent. What goes wrong with a session ends that session; what
// goes wrong with the thread ends the sessions and is said by the agent, and the packets go on.
import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import { EventFd } from '../../linux/eventfd.ts';
import { useShortTimerSlack } from '../../linux/scheduling.ts';
import { serveClients } from './loop.ts';
import { ClientService } from './service.ts';
import type { ClientThreadStart, FromClientThread, ToClientThread } from './thread-messages.ts';

const port = parentPort!;
const { clients, wakeFd } = workerData as ClientThreadStart;
const wake = new EventFd(wakeFd);
const service = new ClientService(clients);
const say = (message: FromClientThread) => port.postMessage(message);

function obey(): boolean {
  wake.clear();
  for (let next = receiveMessageOnPort(port); next !== undefined; next = receiveMessageOnPort(port)) {
    const message = next.message as ToClientThread;
    if (message.type === 'stop') return false;
    say({ type: 'report', id: message.id, report: service.report() });
  }
  return true;
}

useShortTimerSlack();
say({ type: 'ready' });
serveClients(service, wake.fd, () => performance.now() * 1000, obey);
service.close();
