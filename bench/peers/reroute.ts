// The kernel's own VXLAN with `selvage reroute` on the hosts of client and server. Tenants go the same way as without; a
// process runs only while it is this peer's turn.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { netnsOf } from '../../lab/build.ts';
import { VXLAN_DEVICE } from '../../lab/kernel-vxlan.ts';
import type { Lab } from '../../lab/lab.ts';
import { packageRoot } from '../../lab/package-root.ts';
import { pause } from '../../lab/process.ts';
import { SelvageError } from '../../src/base/errors.ts';
import { netnsPath } from '../../src/linux/netns.ts';
import { fetchReroute, fetchReroutePaths } from '../../src/reroute/client.ts';
import type { ReroutePath, ReroutePeer, RerouteStatus } from '../../src/reroute/status.ts';
import type { Testbed } from '../testbed.ts';
import { processSeconds } from '../workloads/cpu-time.ts';

const READY_MILLIS = 15_000;
const BYTES_PER_KB = 1024;

export class RerouteProcesses {
  private readonly processes: readonly RerouteProcess[];

  private constructor(processes: readonly RerouteProcess[]) {
    this.processes = processes;
  }

  /** Resolves when each has found out that the other speaks the protocol. */
  static async start({ lab, client, server }: Testbed): Promise<RerouteProcesses> {
    const hosts = [client.host, server.host];
    const processes = hosts.map((host) => new RerouteProcess(lab, host));
    const started = new RerouteProcesses(processes);
    try {
      await Promise.all(processes.map((each) => each.ready(({ peers }) => peers.some(speaks))));
      return started;
    } catch (thrown) {
      await started.stop();
      throw thrown;
    }
  }

  /** Of all threads, each process. */
  cpuSeconds(): number[] {
    return this.processes.map(({ pid }) => processSeconds(pid));
  }

  residentMegabytes(): number[] {
    return this.processes.map(({ pid }) => {
      const kilobytes = /^VmRSS:\s*(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1];
      return (Number(kilobytes) * BYTES_PER_KB) / 1e6;
    });
  }

  /** Their programs go on with the table as it is, for half a minute. */
  rest(): void {
    for (const each of this.processes) each.signal('SIGSTOP');
  }

  async stop(): Promise<void> {
    await Promise.all(this.processes.map((each) => each.stop()));
  }
}

/** It ends with the lab at the latest. */
export class RerouteProcess {
  private readonly child: ChildProcess;
  private readonly runtimeDir: string;
  private readonly exited: Promise<unknown>;
  private said = '';

  constructor(lab: Lab, host: string, role: 'hypervisor' | 'middlebox' = 'hypervisor') {
    this.runtimeDir = join(lab.runFolder, `reroute-${host}`);
    const selvage = [process.execPath, join(packageRoot(), 'dist', 'selvage.js')];
    const words = ['reroute', '--dev', VXLAN_DEVICE, '--role', role, '--runtime-dir', this.runtimeDir];
    this.child = spawn('nsenter', [`--net=${netnsPath(netnsOf(lab.name, host))}`, ...selvage, ...words], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    this.child.stderr!.setEncoding('utf8').on('data', (text: string) => {
      this.said += text;
    });
    this.exited = once(this.child, 'exit');
  }

  /** nsenter puts the program itself in its place. */
  get pid(): number {
    return this.child.pid!;
  }

  /** Resolves when it says something of which this is so. */
  async ready(isSo: (status: RerouteStatus) => boolean = () => true): Promise<void> {
    const deadline = performance.now() + READY_MILLIS;
    for (;;) {
      const status = await fetchReroute(this.runtimeDir, VXLAN_DEVICE).catch(() => undefined);
      if (status !== undefined && isSo(status)) return;
      if (this.child.exitCode !== null || performance.now() > deadline) {
        throw new SelvageError('failed', 'selvage reroute did not start.', { hint: this.said });
      }
      await pause(50);
    }
  }

  signal(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  /** The source ports to a peer. */
  paths(peer: string): Promise<ReroutePath[]> {
    return fetchReroutePaths(this.runtimeDir, peer);
  }

  async stop(): Promise<void> {
    this.child.kill('SIGCONT');
    this.child.kill('SIGTERM');
    await this.exited;
  }
}

export function speaks({ state }: ReroutePeer): boolean {
  return state === 'speaks';
}
