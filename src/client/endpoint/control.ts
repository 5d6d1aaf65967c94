// The owner's end of an endpoint's Unix socket: what it asks the agent, and the agent's hang-up.

import { SelvageError } from '../../base/errors.ts';
import { Epoll } from '../../linux/epoll.ts';
import { close } from '../../linux/libc.ts';
import { receiveMessage, sendMessage } from '../../linux/unix-socket.ts';
import { type FromEndpoint, parseToEndpoint, type ToEndpoint } from '../../runtime/vnic/messages.ts';

export interface VnicMessage {
  readonly message: Exclude<ToEndpoint, { type: 'refusal' }>;
  /** The receiver's to close. */
  readonly fds: readonly number[];
}

export class VnicControl {
  private readonly socket: number;
  private readonly epoll = new Epoll();
  private readonly path: string;
  private readonly neighbors = new Map<string, string>();

  constructor(socket: number, path: string) {
    this.socket = socket;
    this.path = path;
    this.epoll.add(socket, 0);
  }

  /** Readable when `next` has something. */
  get fd(): number {
    return this.epoll.fd;
  }

  send(message: FromEndpoint): void {
    // If the agent is gone, the next `next` says so.
    sendMessage(this.socket, JSON.stringify(message));
  }

  /** The next message, waiting for it at most `timeoutMillis`; an error when there will be none. */
  next(timeoutMillis: number): VnicMessage | 'none' | SelvageError {
    const deadline = performance.now() + timeoutMillis;
    let received = receiveMessage(this.socket);
    // A signal ends a wait early.
    for (let left = timeoutMillis; received === 'none' && left > 0; left = deadline - performance.now()) {
      this.epoll.wait(left * 1000);
      received = receiveMessage(this.socket);
    }
    if (received === 'none') return 'none';
    if (received === 'gone') return agentGone(this.path);
    const message = parseToEndpoint(received.text);
    if (message === undefined || message.type === 'refusal') {
      for (const fd of received.fds) close(fd);
      if (message === undefined) return otherProtocol(this.path);
      const { code, message: sentence, hint } = message;
      return new SelvageError(code, sentence, hint === undefined ? {} : { hint });
    }
    return { message, fds: received.fds };
  }

  /** Why there is an end, if there is. */
  look(): SelvageError | undefined {
    const next = this.next(0);
    if (next instanceof SelvageError) return next;
    if (next !== 'none') for (const fd of next.fds) close(fd);
    return undefined;
  }

  /** The MAC of whoever has the address; undefined for nobody. */
  resolve(address: string, timeoutMillis: number): string | undefined | SelvageError {
    const known = this.neighbors.get(address);
    if (known !== undefined) return known;
    this.send({ type: 'resolve', address });
    for (;;) {
      const next = this.next(timeoutMillis);
      if (next instanceof SelvageError) return next;
      if (next === 'none') return noAnswer(this.path, timeoutMillis);
      for (const fd of next.fds) close(fd);
      if (next.message.type !== 'neighbor' || next.message.address !== address) continue;
      const { mac } = next.message;
      if (mac !== undefined) this.neighbors.set(address, mac);
      return mac;
    }
  }

  close(): void {
    this.epoll.close();
    close(this.socket);
  }
}

export function noAnswer(path: string, timeoutMillis: number): SelvageError {
  return new SelvageError('failed', `The agent at ${path} did not answer in ${timeoutMillis} ms.`, {
    hint: 'If it stays so, restart it.',
  });
}

export function otherProtocol(path: string): SelvageError {
  return new SelvageError('unsupported', `What answers at ${path} speaks another protocol.`, {
    hint: 'Install the @selvage/client of the agent’s release.',
  });
}

function agentGone(path: string): SelvageError {
  return new SelvageError('not-running', `The agent at ${path} has ended, and this endpoint with it.`, {
    hint: 'Start the agent again (systemctl start selvage, or selvage agent --config FILE), then open it anew.',
  });
}
