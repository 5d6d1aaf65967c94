// `selvage reroute` on a host of a lab: started, asked, ended.
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { Lab } from '../../lab/lab.ts';
import type { RerouteDecision, ReroutePath, RerouteStatus } from '../../src/reroute/status.ts';
import { SELVAGE } from './agent-program.ts';
import { eventually } from './eventually.ts';

export class RerouteHost {
  /** What it has said. */
  text = '';
  private readonly lab: Lab;
  private readonly host: string;
  private readonly child: ChildProcess;
  private readonly exited: Promise<unknown>;

  private constructor(lab: Lab, host: string, child: ChildProcess) {
    this.lab = lab;
    this.host = host;
    this.child = child;
    this.exited = once(child, 'exit');
    for (const stream of [child.stdout!, child.stderr!]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        this.text += text;
      });
    }
  }

  /** Resolves when it reroutes. `prefix` is a command that runs it. */
  static async start(
    lab: Lab,
    host: string,
    devices: string | readonly string[],
    prefix: readonly string[] = [],
  ): Promise<RerouteHost> {
    const argv = [...prefix, ...rerouteCommand(lab, host, devices)];
    const started = new RerouteHost(lab, host, await lab.exec(host, argv, { stdio: 'pipe' }));
    await started.says(/Reroutes /);
    return started;
  }

  /** Resolves when it has said something; throws when it ended. */
  async says(what: RegExp): Promise<void> {
    await eventually(`${this.host} to say ${what}`, () => {
      if (this.child.exitCode !== null) throw new Error(`it ended: ${this.text}`);
      return what.test(this.text);
    });
  }

  async end(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    this.child.kill(signal);
    await this.exited;
  }

  async status(): Promise<RerouteStatus> {
    return ((await ask(this.lab, this.host, 'reroute', '--status')) as RerouteStatus[])[0]!;
  }

  paths(peer: string): Promise<ReroutePath[]> {
    return ask(this.lab, this.host, 'paths', peer) as Promise<ReroutePath[]>;
  }

  why(peer: string): Promise<RerouteDecision[]> {
    return ask(this.lab, this.host, 'why', peer) as Promise<RerouteDecision[]>;
  }
}

export function rerouteCommand(lab: Lab, host: string, devices: string | readonly string[]): string[] {
  const named = [devices].flat().flatMap((dev) => ['--dev', dev]);
  return [...SELVAGE, 'reroute', ...named, '--runtime-dir', runtimeDir(lab, host)];
}

export function runtimeDir(lab: Lab, host: string): string {
  return join(lab.runFolder, host);
}

async function ask(lab: Lab, host: string, ...words: string[]): Promise<unknown> {
  const argv = [...SELVAGE, ...words, '--json', '--runtime-dir', runtimeDir(lab, host)];
  return JSON.parse((await lab.run(host, argv)).stdout);
}
