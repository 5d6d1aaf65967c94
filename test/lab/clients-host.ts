// The agent's service for clients in a process of its own, as it is built; what it says of itself, and what the kernel
// says that it holds.
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface, type Interface } from 'node:readline';
import { packageRoot } from '../../lab/package-root.ts';
import type { ClientsReport } from '../../src/agent/clients/report.ts';
import { clientSocketPath } from '../../src/agent/clients/socket.ts';
import type { EngineStatus, Upgraded } from '../../src/agent/reports/status.ts';
import { eventually } from './eventually.ts';

export interface HostOptions {
  readonly group?: string;
  /** Words for node in front of the program. */
  readonly node?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

export class ClientsHost {
  readonly folder: string;
  readonly child: ChildProcess;
  readonly ended: Promise<void>;
  private readonly lines: Interface;

  private constructor(folder: string, { group, node = [], env = {} }: HostOptions) {
    this.folder = folder;
    const program = join(packageRoot(), 'dist', 'ipc-agent.js');
    const argv = [...node, program, folder, ...(group === undefined ? [] : [group])];
    this.child = spawn(process.execPath, argv, {
      stdio: ['pipe', 'pipe', 'inherit'],
      env: { ...process.env, ...env },
    });
    this.lines = createInterface({ input: this.child.stdout! });
    this.ended = new Promise((resolve) => this.child.once('close', () => resolve()));
    // Who was killed takes no more questions.
    this.child.stdin!.on('error', () => {});
  }

  static async start(options: HostOptions = {}): Promise<ClientsHost> {
    const host = new ClientsHost(mkdtempSync(join(tmpdir(), 'selvage-clients-')), options);
    await host.nextLine();
    return host;
  }

  get socket(): string {
    return clientSocketPath(this.folder);
  }

  async report(): Promise<ClientsReport> {
    return (await this.ask('clients')) as ClientsReport;
  }

  async engines(): Promise<EngineStatus[]> {
    return (await this.ask('engines')) as EngineStatus[];
  }

  /** What became of it, or the sentence why nothing did. */
  async upgrade(engine: string, file: string): Promise<Upgraded[number] | { error: string }> {
    const said = (await this.ask(`upgrade ${engine} ${file}`)) as Upgraded | { error: string };
    return 'error' in said ? said : said[0]!;
  }

  /** What it holds, by the kernel's word: descriptors, and maps of shared memory. */
  held(): { descriptors: number; maps: number } {
    const maps = readFileSync(`/proc/${this.child.pid}/maps`, 'utf8').split('\n');
    return {
      descriptors: readdirSync(`/proc/${this.child.pid}/fd`).length,
      maps: maps.filter((line) => line.includes('/memfd:selvage')).length,
    };
  }

  /** Resolves with the report when no session is left. */
  idle(): Promise<ClientsReport> {
    return eventually('all sessions to end', async () => {
      const report = await this.report();
      return report.sessions.length === 0 && report.greeting === 0 && report;
    });
  }

  async stop(): Promise<void> {
    this.child.stdin!.end();
    await this.ended;
    rmSync(this.folder, { recursive: true, force: true });
  }

  private async ask(question: string): Promise<unknown> {
    const line = this.nextLine();
    this.child.stdin!.write(`${question}\n`);
    return JSON.parse(await line);
  }

  private nextLine(): Promise<string> {
    return new Promise((resolve, reject) => {
      this.lines.once('line', resolve);
      this.ended.then(() => reject(new Error('the service has ended')));
    });
  }
}
