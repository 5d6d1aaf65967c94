// Opening a session: connect, say hello, and map what the agent sends.
import { SelvageError } from '../base/errors.ts';
import { close } from '../linux/libc.ts';
import { connectUnix } from '../linux/unix-socket.ts';
import { layoutOf, shapeComplaint } from '../runtime/shm/layout.ts';
import {
  commonVersion,
  type Hello,
  NEWEST_VERSION,
  OLDEST_VERSION,
  serviceComplaint,
} from '../runtime/shm/messages.ts';
import type { ConnectOptions, Session } from './api.ts';
import { type AgentMessage, Control } from './control.ts';
import { type WelcomeFds, withMemory } from './finishing.ts';
import { notConnected, type Purpose } from './not-connected.ts';
import { ClientSession } from './session.ts';

const DEFAULT_SOCKET = '/run/selvage/clients.sock';
const DEFAULT_TIMEOUT_MILLIS = 5000;
const WELCOME_FDS = 4;
const SESSIONS: Purpose = {
  service: 'serves clients',
  hint: 'Start it (selvage agent --config FILE); if its runtimeDir is another, give connect its socket: RUNTIMEDIR/clients.sock.',
  action: 'open sessions',
  group: 'Set clients.group in the agent’s configuration to a group of this user, and restart the agent.',
};

export class Opening {
  readonly timeoutMillis: number;
  private readonly control: Control;
  private readonly path: string;

  constructor(options: ConnectOptions) {
    const hello = helloOf(options);
    this.path = options.socket ?? DEFAULT_SOCKET;
    this.timeoutMillis = options.timeoutMillis ?? DEFAULT_TIMEOUT_MILLIS;
    const socket = connectUnix(this.path);
    if (socket < 0) throw notConnected(this.path, -socket, SESSIONS);
    this.control = controlOf(socket, this.path);
    this.control.send(hello);
  }

  /** Readable when the agent has answered. */
  get fd(): number {
    return this.control.fd;
  }

  finish(timeoutMillis: number): Session {
    const answer = this.control.next(timeoutMillis);
    if (answer instanceof SelvageError) {
      this.control.close();
      throw answer;
    }
    if (answer === 'none') {
      this.control.close();
      throw new SelvageError(
        'failed',
        `The agent at ${this.path} did not answer in ${this.timeoutMillis} ms.`,
        {
          hint: 'If it stays so, restart it.',
        },
      );
    }
    return this.session(answer);
  }

  private session({ message, fds }: AgentMessage): Session {
    // The agent picks from the versions that it was offered.
    const isUnderstood = message.type === 'welcome' && isSpoken(message.version);
    if (!isUnderstood || fds.length !== WELCOME_FDS) {
      for (const fd of fds) close(fd);
      this.control.close();
      throw new SelvageError('unsupported', `What answers at ${this.path} speaks another protocol.`);
    }
    const { control, timeoutMillis } = this;
    return withMemory(
      fds as WelcomeFds,
      layoutOf(message).halfBytes,
      control,
      (memory) => new ClientSession(message, { ...memory, control, timeoutMillis }),
    );
  }
}

function controlOf(socket: number, path: string): Control {
  try {
    return new Control(socket, path);
  } catch (error) {
    close(socket);
    throw error;
  }
}

function isSpoken(version: number): boolean {
  return commonVersion([version, version]) === version;
}

function helloOf(options: ConnectOptions): Hello {
  const { service, flows = 1, recordBytes = 64, records = 1024, blocks = false } = options;
  const shape = { flows, recordWords: recordBytes / 4, records };
  const complaint = shapeComplaint(shape) ?? serviceComplaint(service);
  if (complaint !== undefined) throw new SelvageError('bad-input', `A session cannot be so: ${complaint}.`);
  return { type: 'hello', versions: [OLDEST_VERSION, NEWEST_VERSION], service, blocks, ...shape };
}
