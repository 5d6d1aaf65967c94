// Records over a session of @selvage/client with the agent's service, both as they are.
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { clientSocketPath } from '../../../src/agent/clients/socket.ts';
import { connectSync, type Session } from '../../../src/client/index.ts';
import { check, type Link, number } from './link.ts';

export class SharedMemoryLink implements Link {
  private readonly session: Session;
  private readonly recordWords: number;
  private readonly records: Uint32Array;
  private readonly window: number;
  private readonly child: ChildProcess;
  private readonly folder: string;

  private constructor(
    session: Session,
    recordBytes: number,
    window: number,
    child: ChildProcess,
    folder: string,
  ) {
    this.session = session;
    this.recordWords = recordBytes / 4;
    this.records = new Uint32Array(window * this.recordWords);
    this.window = window;
    this.child = child;
    this.folder = folder;
  }

  static async start(recordBytes: number, window: number): Promise<SharedMemoryLink> {
    const folder = mkdtempSync(join(tmpdir(), 'selvage-ipc-'));
    const child = spawn(process.execPath, [join(dirname(process.argv[1]!), 'ipc-agent.js'), folder], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    await new Promise((resolve) => child.stdout.once('data', resolve));
    const socket = clientSocketPath(folder);
    const session = connectSync({ service: 'echo', socket, recordBytes, records: window });
    return new SharedMemoryLink(session, recordBytes, window, child, folder);
  }

  send(first: number, records: number): number {
    if (records <= 0) return 0;
    number(this.records, this.recordWords, first, records);
    return this.session.push(this.records, records);
  }

  receive(expected: number): number {
    const count = this.session.pop(this.records, this.window);
    if (count > 0) check(this.records, this.recordWords, expected, count);
    return count;
  }

  wait(): void {
    this.session.waitSync();
  }

  close(): void {
    this.session.close();
    this.child.kill('SIGKILL');
    rmSync(this.folder, { recursive: true });
  }
}
