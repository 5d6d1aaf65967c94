// The agent's service for clients in a process of its own, without the rest of an agent: `ipc-agent RUNTIME_DIR [GROUP]`
// prints a line when it listens, and ends when its standard input does. A line read there is answered with one of JSON:
// `clients`, `engines`, or `upgrade ENGINE FILE`.
import { createInterface } from 'node:readline';
import { openClientSocket } from '../../../src/agent/clients/socket.ts';
import { ExecutorThread } from '../../../src/agent/threads/executor-thread.ts';
import type { ServicesThreadStart } from '../../../src/agent/threads/thread-messages.ts';
import { Upgrades } from '../../../src/agent/upgrades/upgrades.ts';
import { SelvageError } from '../../../src/base/errors.ts';

const SESSIONS_PER_USER = 64;

const [, , runtimeDir, group] = process.argv;
const services = await ExecutorThread.start<ServicesThreadStart>(
  'services',
  { clients: openClientSocket(runtimeDir!, { group, sessionsPerUser: SESSIONS_PER_USER }) },
  new URL('./services-thread.js', import.meta.url),
  () => {},
);
const upgrades = new Upgrades([services]);

function answer([about, ...words]: string[]): Promise<unknown> {
  if (about === 'clients') return services.clients();
  return about === 'engines'
    ? upgrades.engines()
    : upgrades.upgrade([{ engine: words[0]!, file: words[1]! }]);
}

process.stdout.write('listening\n');
for await (const line of createInterface({ input: process.stdin })) {
  const said = await answer(line.split(' ')).catch((thrown) => ({
    error: SelvageError.from(thrown).message,
  }));
  process.stdout.write(`${JSON.stringify(said)}\n`);
}
await services.stop();
