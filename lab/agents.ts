// Selvage agents on hosts of a lab: their configuration files from the topology, and their processes, started inside
// the host's namespace and ready when this says so.
import { spawn } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { socketPath } from '../src/agent/reports/status.ts';
import { SelvageError } from '../src/base/errors.ts';
import { netnsPath } from '../src/linux/netns.ts';
import { SELVAGE_VNI, type TenantAddresses } from './addressing.ts';
import { lastLines } from './execute.ts';
import { packageRoot } from './package-root.ts';
import { endProcess, pause, processId } from './process.ts';
import type { LabProcess } from './state.ts';

export interface AgentOptions {
  /** False: plain VXLAN. */
  readonly reliable?: boolean;
  /** Packets that a connection may have in flight. */
  readonly window?: number;
  /** False: frames are passed on as they come. */
  readonly reorder?: boolean;
  /** What governs the connections. */
  readonly congestion?: string;
  /** Packets that go down one path before the next is taken. */
  readonly sprayPackets?: number;
  /** Data threads of each agent. */
  readonly threads?: number;
  /** The last word on a host's configuration file. */
  readonly edit?: (config: AgentConfig) => AgentConfig;
  /** More words of the command line. */
  readonly args?: readonly string[];
  /** How to run `selvage`; else the built one of this package. */
  readonly command?: readonly string[];
}

/** The fields of a host's configuration file that a lab sets. */
export interface AgentConfig {
  readonly host: string;
  readonly runtimeDir: string;
  readonly threads?: number;
  readonly underlay: { readonly address: string; readonly port: number; readonly mtu: number };
  readonly transport?: { readonly window?: number; readonly sprayPackets?: number };
  readonly queues?: {
    readonly pauses?: boolean;
    readonly doorbells?: boolean;
    readonly input?: { readonly frames: number };
    readonly receive?: { readonly shared?: boolean; readonly frames?: number; readonly stopsAll?: boolean };
  };
  readonly clients?: { readonly thread?: 'services' | 'data'; readonly sessionsPerUser?: number };
  readonly vnis: readonly {
    readonly vni: number;
    readonly reliable: boolean;
    readonly reorder?: boolean;
    readonly congestion?: string;
    readonly vnics: readonly {
      readonly name: string;
      readonly endpoint?: boolean;
      readonly group?: string;
      readonly netns?: string;
      readonly mac: string;
      readonly addresses: readonly string[];
      readonly accept?: readonly object[];
      readonly receiveRate?: string;
    }[];
    readonly remotes: readonly {
      readonly vtep: string;
      readonly vnics: readonly { readonly mac: string; readonly addresses: readonly string[] }[];
    }[];
  }[];
}

export interface AgentHost {
  readonly name: string;
  readonly netns: string;
  readonly address: string;
  readonly mtu: number;
  /** The lab's folder for what belongs to it. */
  readonly runFolder: string;
}

const READY_TIMEOUT_MILLIS = 20_000;
const VXLAN_PORT = 4789;

/** Pure. `netnsOf` names a tenant's namespace. */
export function agentConfig(
  host: AgentHost,
  tenants: readonly TenantAddresses[],
  netnsOf: (tenant: string) => string,
  {
    reliable = true,
    window,
    reorder,
    congestion,
    sprayPackets,
    threads,
    edit = (config) => config,
  }: AgentOptions = {},
): AgentConfig {
  const local = tenants.filter((tenant) => tenant.host === host.name);
  const remoteVteps = [
    ...new Set(tenants.filter((tenant) => !local.includes(tenant)).map((tenant) => tenant.vtep)),
  ];
  return edit({
    host: host.name,
    runtimeDir: runtimeFolder(host),
    ...(threads !== undefined && { threads }),
    underlay: { address: host.address, port: VXLAN_PORT, mtu: host.mtu },
    transport: {
      ...(window !== undefined && { window }),
      ...(sprayPackets !== undefined && { sprayPackets }),
    },
    vnis: [
      {
        vni: SELVAGE_VNI,
        reliable,
        ...(reorder !== undefined && { reorder }),
        ...(congestion !== undefined && { congestion }),
        vnics: local.map(({ name, selvage }) => ({
          name: selvage.interface,
          netns: netnsOf(name),
          mac: selvage.mac,
          addresses: [`${selvage.address}/24`],
        })),
        remotes: remoteVteps.map((vtep) => ({
          vtep,
          vnics: tenants
            .filter((tenant) => tenant.vtep === vtep)
            .map(({ selvage }) => ({ mac: selvage.mac, addresses: [selvage.address] })),
        })),
      },
    ],
  });
}

/** Writes the configuration, starts the agent and waits until it is ready; else it is ended and its log is quoted. */
export async function startAgent(
  host: AgentHost,
  config: AgentConfig,
  options: AgentOptions,
): Promise<LabProcess> {
  mkdirSync(config.runtimeDir, { recursive: true });
  const file = join(host.runFolder, `${host.name}.yaml`);
  writeFileSync(file, stringify(config));
  const logFile = join(host.runFolder, `${host.name}.log`);
  const log = openSync(logFile, 'w');
  const command = [
    ...(options.command ?? builtCommand()),
    'agent',
    '--config',
    file,
    ...(options.args ?? []),
  ];
  const child = spawn('nsenter', [`--net=${netnsPath(host.netns)}`, ...command], {
    stdio: ['ignore', log, log],
    detached: true,
  });
  closeSync(log);
  child.unref();
  let failure: string | undefined;
  child.on('error', (error) => {
    failure = error.message;
  });
  child.on('exit', (code, signal) => {
    failure = `it ended with ${code ?? signal}`;
  });
  const deadline = performance.now() + READY_TIMEOUT_MILLIS;
  while (failure === undefined && !(await isReady(config.runtimeDir))) {
    if (performance.now() > deadline) failure = `not ready after ${READY_TIMEOUT_MILLIS / 1000} s`;
    else await pause(20);
  }
  const found = child.pid === undefined ? undefined : processId(child.pid);
  if (failure === undefined && found !== undefined) return { ...found, kind: 'agent', subject: host.name };
  if (found !== undefined) await endProcess(found);
  throw new SelvageError('failed', `The agent on ${host.name} did not start: ${failure}.`, {
    hint: lastLines(logFile),
  });
}

function runtimeFolder({ runFolder, name }: AgentHost): string {
  return join(runFolder, name);
}

function builtCommand(): string[] {
  const program = join(packageRoot(), 'dist', 'selvage.js');
  if (existsSync(program)) return [process.execPath, program];
  throw new SelvageError('no-program', `The agent is not built: there is no ${program}.`, {
    hint: 'Run npm run build.',
  });
}

function isReady(runtimeDir: string): Promise<boolean> {
  return new Promise((resolve) => {
    const asked = request({
      socketPath: socketPath(runtimeDir),
      path: '/ready',
      agent: false,
      timeout: 2000,
    });
    asked.on('response', (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    });
    asked.on('timeout', () => asked.destroy());
    asked.on('error', () => resolve(false));
    asked.end();
  });
}
