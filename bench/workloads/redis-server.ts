// Redis in a tenant's machine, keeping nothing on disk. Where it cannot be had, a server of ours that answers the same
// requests stands in, so that there is something to talk to.
import type { Lab } from '../../lab/lab.ts';
import { findProgram } from '../../lab/programs.ts';
import { builtProgram } from './built-program.ts';
import { type Server, startServer } from './server.ts';

export const REDIS_PORT = 6379;

const LISTEN = ['--port', String(REDIS_PORT), '--bind', '0.0.0.0', '--protected-mode', 'no'];
const WITHOUT_DISK = ['--save', '', '--appendonly', 'no'];

export function startRedis(lab: Lab, node: string, env?: Readonly<Record<string, string>>): Promise<Server> {
  const argv = ['redis-server', ...LISTEN, ...WITHOUT_DISK, '--dir', lab.runFolder];
  return startServer(lab, node, argv, REDIS_PORT, env);
}

/** Ours where there is no Redis. */
export async function startRedisOrStandIn(lab: Lab, node: string): Promise<Server> {
  if ((await findProgram('redis-server')) !== undefined) return startRedis(lab, node);
  const argv = [process.execPath, builtProgram('stand-in-server'), String(REDIS_PORT)];
  return startServer(lab, node, argv, REDIS_PORT);
}
