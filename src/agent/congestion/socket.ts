// The Unix socket by which datapaths and algorithms outside of the agent join (CCP §4.5.1: one persistent connection for
// all flows), `cc.sock` in its runtime folder. Whoever begins with an OFFER is an algorithm, whoever begins with
// anything else a datapath. What is no message is counted; a stream that makes no sense is closed.

import { chmodSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { SelvageError } from '../../base/errors.ts';
import { Framer } from '../../congestion/plane/framer.ts';
import { readFromAlgorithm } from '../../congestion/plane/message-reader.ts';
import type { CongestionPlane } from './plane.ts';
import { SocketAlgorithm } from './socket-algorithm.ts';
import { type SocketCounts, SocketDatapath } from './socket-datapath.ts';

export function congestionSocketPath(runtimeDir: string): string {
  return join(runtimeDir, 'cc.sock');
}

export class CongestionSocket {
  readonly counts: SocketCounts = { bad: 0, closed: 0 };
  private readonly server: Server;
  private readonly plane: CongestionPlane;
  private readonly path: string;
  private readonly sockets = new Set<Socket>();
  private readonly datapaths = new Set<SocketDatapath>();

  private constructor(server: Server, plane: CongestionPlane, path: string) {
    this.server = server;
    this.plane = plane;
    this.path = path;
    server.on('connection', (socket) => this.join(socket));
    plane.onChange = () => {
      for (const datapath of this.datapaths) datapath.changed();
    };
  }

  /** Only root can open it: who joins decides over tenants' traffic. */
  static async open(path: string, plane: CongestionPlane): Promise<CongestionSocket> {
    rmSync(path, { force: true });
    const server = createServer();
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(path, resolve);
    });
    chmodSync(path, 0o600);
    return new CongestionSocket(server, plane, path);
  }

  close(): void {
    for (const socket of this.sockets) socket.destroy();
    this.server.close();
    rmSync(this.path, { force: true });
  }

  private join(socket: Socket): void {
    this.sockets.add(socket);
    const framer = new Framer();
    let take: ((message: Uint8Array, length: number) => void) | undefined;
    socket.once('close', () => this.sockets.delete(socket));
    socket.on('error', () => {});
    socket.on('data', (bytes) => {
      const isSound = framer.take(bytes, (message, length) => {
        take ??= this.introduce(socket, message, length);
        take(message, length);
      });
      if (isSound) return;
      this.counts.closed++;
      socket.destroy();
    });
  }

  /** By its first message. */
  private introduce(socket: Socket, message: Uint8Array, length: number) {
    const said = readFromAlgorithm(message, length);
    if (said?.kind === 'offer') return this.offered(socket, said.name);
    const datapath = new SocketDatapath(socket, this.counts, this.plane);
    this.datapaths.add(datapath);
    socket.once('close', () => this.datapaths.delete(datapath));
    return (bytes: Uint8Array, count: number) => datapath.take(bytes, count);
  }

  private offered(socket: Socket, name: string) {
    const algorithm = new SocketAlgorithm(socket);
    this.plane.adopt(name, algorithm).catch((error) => {
      this.plane.say(`${name} was not taken: ${SelvageError.from(error).message}`);
      socket.destroy();
    });
    socket.once('close', () => this.plane.withdraw(name, algorithm));
    let isFirst = true;
    return (message: Uint8Array, length: number) => {
      if (!isFirst) algorithm.take(message, length);
      isFirst = false;
    };
  }
}
