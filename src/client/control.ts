// The client's end of the Unix socket: messages and descriptors from the agent, and its hang-up, by which a client learns
// that the agent is gone.
import { SelvageError } from '../base/errors.ts';
import { Epoll } from '../linux/epoll.ts';
import { close } from '../linux/libc.ts';
import { receiveMessage, sendMessage } from '../linux/unix-socket.ts';
import { type FromAgent, type FromClient, parseFromAgent } from '../runtime/shm/messages.ts';

export interface AgentMessage {
  readonly message: FromAgent;
  /** The receiver's to close. */
  readonly fds: readonly number[];
}

export class Control {
  private readonly socket: number;
  private readonly epoll = new Epoll();
  private readonly path: string;

  constructor(socket: number, path: string) {
    this.socket = socket;
    this.path = path;
    this.epoll.add(socket, 0);
  }

  /** Readable when `next` has something. */
  get fd(): number {
    return this.epoll.fd;
  }

  send(message: FromClient): void {
    // If the agent is gone, the next `next` says so.
    sendMessage(this.socket, JSON.stringify(message));
  }

  /** The next message, waiting for it at most `timeoutMillis`; an error when there will be none. */
  next(timeoutMillis: number): AgentMessage | 'none' | SelvageError {
    if (this.epoll.wait(timeoutMillis * 1000) === 0) return 'none';
    const received = receiveMessage(this.socket);
    if (received === 'none') return 'none';
    if (received === 'gone') return agentGone(this.path);
    const message = parseFromAgent(received.text);
    if (message === undefined || message.type === 'refusal') {
      for (const fd of received.fds) close(fd);
      return message === undefined
        ? new SelvageError('unsupported', `What answers at ${this.path} speaks another protocol.`)
        : new SelvageError(
            message.code,
            message.message,
            message.hint === undefined ? {} : { hint: message.hint },
          );
    }
    return { message, fds: received.fds };
  }

  close(): void {
    this.epoll.close();
    close(this.socket);
  }
}

function agentGone(path: string): SelvageError {
  return new SelvageError('not-running', `The agent at ${path} has ended, and this session with it.`, {
    hint: 'Start the agent again (systemctl start selvage, or selvage agent --config FILE), then connect anew.',
  });
}
