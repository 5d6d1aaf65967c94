// Becoming the owner of an endpoint: connect to its socket, say hello, and map what the agent sends.

import { SelvageError } from '../../base/errors.ts';
import { close } from '../../linux/libc.ts';
import { connectUnix } from '../../linux/unix-socket.ts';
import { vnicLayout } from '../../runtime/vnic/layout.ts';
import { VNIC_VERSION } from '../../runtime/vnic/messages.ts';
import { type WelcomeFds, withMemory } from '../finishing.ts';
import { notConnected } from '../not-connected.ts';
import type { EndpointOptions } from './api.ts';
import { noAnswer, otherProtocol, VnicControl, type VnicMessage } from './control.ts';
import { ClientEndpoint } from './endpoint.ts';

const DEFAULT_TIMEOUT_MILLIS = 5000;
const WELCOME_FDS = 4;

export class VnicOpening {
  readonly timeoutMillis: number;
  private readonly control: VnicControl;
  private readonly path: string;
  private readonly takesAll: boolean;

  constructor({ vnic, socket, packets = false, timeoutMillis = DEFAULT_TIMEOUT_MILLIS }: EndpointOptions) {
    this.takesAll = packets;
    this.path = socket ?? `/run/selvage/endpoint-${vnic}.sock`;
    this.timeoutMillis = timeoutMillis;
    const connected = connectUnix(this.path);
    if (connected < 0) {
      throw notConnected(this.path, -connected, {
        service: `offers the endpoint ${vnic}`,
        hint: `Start it with a vNIC { name: ${vnic}, endpoint: true }; if its runtimeDir is another, give its socket: RUNTIMEDIR/endpoint-${vnic}.sock.`,
        action: `own the endpoint ${vnic}`,
        group:
          'Set the vNIC’s group, or clients.group, in the agent’s configuration to a group of this user, and restart the agent.',
      });
    }
    this.control = new VnicControl(connected, this.path);
    this.control.send({ type: 'endpoint', versions: [VNIC_VERSION, VNIC_VERSION] });
  }

  /** Readable when the agent has answered. */
  get fd(): number {
    return this.control.fd;
  }

  finish(timeoutMillis: number): ClientEndpoint {
    const answer = this.control.next(timeoutMillis);
    if (answer !== 'none' && !(answer instanceof SelvageError)) return this.open(answer);
    this.control.close();
    throw answer === 'none' ? noAnswer(this.path, this.timeoutMillis) : answer;
  }

  private open({ message, fds }: VnicMessage): ClientEndpoint {
    if (message.type !== 'welcome' || fds.length !== WELCOME_FDS) {
      for (const fd of fds) close(fd);
      this.control.close();
      throw otherProtocol(this.path);
    }
    const { control, timeoutMillis, takesAll } = this;
    return withMemory(
      fds as WelcomeFds,
      vnicLayout(message).halfBytes,
      control,
      (memory) => new ClientEndpoint(message, { ...memory, control, timeoutMillis, takesAll }),
    );
  }
}
