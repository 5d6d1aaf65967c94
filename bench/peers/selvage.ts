// Selvage: an agent on the client's host and one on the server's, or on more.
import { request } from 'node:http';
import { join } from 'node:path';
import { json } from 'node:stream/consumers';
import type { AgentOptions } from '../../lab/agents.ts';
import { pause } from '../../lab/process.ts';
import { type AgentStatus, socketPath } from '../../src/agent/reports/status.ts';
import type { Testbed } from '../testbed.ts';
import type { Peer } from './peer.ts';

/** Packets in flight on a connection, where a benchmark does not choose: that of configuration files. */
export const DEFAULT_WINDOW = 512;

export async function attachSelvage(
  { lab, client, server }: Testbed,
  { window = DEFAULT_WINDOW, ...options }: AgentOptions = {},
  hosts = [client.host, server.host],
): Promise<Peer> {
  await lab.startAgents(hosts, { window, ...options });
  return {
    name: 'selvage',
    title: 'Selvage',
    settings: `window of ${window} packets`,
    serverAddress: server.selvage.address,
  };
}

/** With other options; tenants keep their interfaces. */
export async function restartSelvage(
  testbed: Testbed,
  options: AgentOptions,
  hosts = [testbed.client.host, testbed.server.host],
): Promise<Peer> {
  await testbed.lab.stopAgents(hosts);
  return attachSelvage(testbed, options, hosts);
}

/** Waits until both agents use all their paths again; false when they do not in time. */
export async function allPathsHealthy(testbed: Testbed, patienceMillis: number): Promise<boolean> {
  const hosts = [testbed.client.host, testbed.server.host];
  const deadline = performance.now() + patienceMillis;
  for (;;) {
    const agents = await Promise.all(hosts.map((host) => agentStatus(testbed, host)));
    const slots = agents.flatMap(({ peers }) => peers.flatMap((peer) => peer.slots));
    if (slots.every(({ state }) => state === 'healthy')) return true;
    if (performance.now() > deadline) return false;
    await pause(50);
  }
}

export function agentStatus({ lab }: Testbed, host: string): Promise<AgentStatus> {
  return new Promise((resolve, reject) => {
    const asked = request({
      socketPath: socketPath(join(lab.runFolder, host)),
      path: '/status',
      agent: false,
    });
    asked.on('response', (response) => json(response).then((body) => resolve(body as AgentStatus), reject));
    asked.on('error', reject);
    asked.end();
  });
}
