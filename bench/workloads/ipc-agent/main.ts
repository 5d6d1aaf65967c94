// The agent's service for clients in a process of its own, without the rest of an agent: `ipc-agent RUNTIME_DIR` prints a
// line when it listens, and ends when its standard input does; for each line that it reads there it prints a report.
import { readSync } from 'node:fs';
import { serveClients } from '../../../src/agent/clients/loop.ts';
import { ClientService } from '../../../src/agent/clients/service.ts';
import { openClientSocket } from '../../../src/agent/clients/socket.ts';
import { useShortTimerSlack } from '../../../src/linux/scheduling.ts';

const STANDARD_INPUT = 0;
const [, , runtimeDir, group] = process.argv;
const service = new ClientService(openClientSocket(runtimeDir!, group));
const asked = Buffer.alloc(64);

/** False at the end of the input. */
function obey(): boolean {
  if (readSync(STANDARD_INPUT, asked) === 0) return false;
  process.stdout.write(`${JSON.stringify(service.report())}\n`);
  return true;
}

useShortTimerSlack();
process.stdout.write('listening\n');
serveClients(service, STANDARD_INPUT, () => performance.now() * 1000, obey);
service.close();
