// `selvage` as built, run to its end in a host's namespace or started there; and what an agent says of itself.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { type AgentConfig, type AgentOptions, agentConfig } from '../../lab/agents.ts';
import type { Finished } from '../../lab/execute.ts';
import type { Lab } from '../../lab/lab.ts';
import { packageRoot } from '../../lab/package-root.ts';
import type { AgentStatus } from '../../src/agent/reports/status.ts';

export const SELVAGE = [process.execPath, join(packageRoot(), 'dist', 'selvage.js')];

/** The configuration that the lab would start a host's agent with, changed. */
export function configOfHost(lab: Lab, host: string, edit: (config: AgentConfig) => object): string {
  const { netns, address } = lab.node(host);
  const agentHost = { name: host, netns, address: address!, mtu: lab.topology.mtu, runFolder: lab.runFolder };
  const config = agentConfig(agentHost, lab.tenants, (tenant) => lab.node(tenant).netns);
  return stringify(edit(config));
}

/** Writes a configuration into the lab's folder; the file. */
export function configFile(lab: Lab, name: string, text: string): string {
  const file = join(lab.runFolder, `${name}.yaml`);
  writeFileSync(file, text);
  return file;
}

/** `selvage agent` on a host with this configuration, which is expected to end by itself. */
export function runAgentOn(
  lab: Lab,
  host: string,
  file: string,
  prefix: readonly string[] = [],
): Promise<Finished> {
  const argv = [...prefix, ...SELVAGE, 'agent', '--config', file];
  return lab.run(host, argv, { anyStatus: true, timeoutMillis: 30_000 });
}

export async function statusOf(lab: Lab, host: string): Promise<AgentStatus> {
  const argv = [...SELVAGE, 'status', '--json', '--runtime-dir', join(lab.runFolder, host)];
  const { stdout } = await lab.run(host, argv);
  return JSON.parse(stdout) as AgentStatus;
}

/** Options of `startAgents` that add words to the command line. */
export function withWords(...words: string[]): Pick<AgentOptions, 'command'> {
  return { command: ['/bin/sh', '-c', `exec "$0" "$@" ${words.join(' ')}`, ...SELVAGE] };
}
