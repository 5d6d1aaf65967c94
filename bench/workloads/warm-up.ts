// Requests before anything is measured, the same for every peer: caches fill, connections open, and what is compiled
// while it runs (Selvage's data thread) is compiled. A start-up is a thing of its own, and not what is compared here.
import type { Peer } from '../peers/peer.ts';
import type { Progress, Testbed } from '../testbed.ts';
import { startLoad } from './load.ts';
import { REDIS_PORT } from './redis-server.ts';

export const WARM_UP_REQUESTS = 40_000;

export async function warmUp(
  { lab, client }: Testbed,
  peers: readonly Peer[],
  progress: Progress,
): Promise<void> {
  for (const peer of peers) {
    progress(`Warming up: ${peer.title} …`);
    peer.wake?.();
    const load = await startLoad(lab, client.name, {
      host: peer.serverAddress,
      port: REDIS_PORT,
      connections: 16,
      request: 'get',
      intervalMillis: 0,
      requests: WARM_UP_REQUESTS,
      timeoutMillis: 1000,
      phase: 'warm-up',
    });
    await load.ended;
  }
}

export const WARM_UP_NOTE = `Each peer answered ${WARM_UP_REQUESTS.toLocaleString('en-US')} requests before, not counted.`;
