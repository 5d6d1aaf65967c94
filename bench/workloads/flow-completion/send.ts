// Servers that send flows to one client (CCP §4.6.1): arrivals are a Poisson process, each flow comes from one of the
// servers over a persistent connection of it that is free, and over another one when none is. A flow ends when the client
// has answered.
import { connect, type Socket } from 'node:net';
import { SeededRng } from '../../../src/base/rng.ts';
import { type FlowsReport, type FlowsSpec, HEADER_BYTES } from './protocol.ts';
import { flowBytes, uniform } from './sizes.ts';

const CHUNK = Buffer.alloc(65_536);
/** Open from the beginning, for each server. */
const FIRST_CONNECTIONS = 4;
const WARM_UP_MILLIS = 500;
const MOST_LATE_MILLIS = 15_000;

interface Flow {
  readonly bytes: number;
  readonly beganAt: number;
  left: number;
}

interface Connection {
  readonly socket: Socket;
  flow: Flow | undefined;
}

export async function sendFlows(spec: FlowsSpec, address: string): Promise<FlowsReport> {
  const sender = new Sender(spec, address);
  await pauseMillis(WARM_UP_MILLIS);
  await sender.run();
  return sender.report;
}

class Sender {
  private readonly spec: FlowsSpec;
  private readonly address: string;
  private readonly free: Connection[][];
  private readonly done: [number, number][] = [];
  private underWay = 0;
  private connections = 0;
  private lastDone = () => {};

  constructor(spec: FlowsSpec, address: string) {
    this.spec = spec;
    this.address = address;
    this.free = Array.from({ length: spec.servers }, () => []);
    for (const server of this.free.keys())
      for (let i = 0; i < FIRST_CONNECTIONS; i++) this.free[server]!.push(this.open(server));
  }

  get report(): FlowsReport {
    return { flows: this.done, unfinished: this.underWay, connections: this.connections };
  }

  async run(): Promise<void> {
    const { seed, seconds, flowsPerSecond, servers } = this.spec;
    const rng = new SeededRng(seed);
    const startedAt = performance.now();
    let at = 0;
    for (;;) {
      at += (-Math.log(1 - uniform(rng)) * 1000) / flowsPerSecond;
      const [server, bytes] = [Math.floor(uniform(rng) * servers), flowBytes(rng)];
      if (at > seconds * 1000) break;
      const early = startedAt + at - performance.now();
      if (early >= 1) await pauseMillis(early);
      this.begin(server, bytes);
    }
    const allDone = new Promise<void>((resolve) => {
      this.lastDone = resolve;
      if (this.underWay === 0) resolve();
    });
    await Promise.race([allDone, pauseMillis(MOST_LATE_MILLIS)]);
  }

  private begin(server: number, bytes: number): void {
    const connection = this.free[server]!.pop() ?? this.open(server);
    connection.flow = { bytes, beganAt: performance.now(), left: bytes };
    this.underWay++;
    const header = Buffer.alloc(HEADER_BYTES);
    header.writeUInt32LE(bytes % 2 ** 32, 0);
    header.writeUInt32LE(Math.floor(bytes / 2 ** 32), 4);
    const { socket } = connection;
    socket.cork();
    socket.write(header);
    this.goOn(connection);
    socket.uncork();
  }

  private goOn({ socket, flow }: Connection): void {
    while (flow !== undefined && flow.left > 0) {
      const length = Math.min(flow.left, CHUNK.length);
      flow.left -= length;
      if (!socket.write(length === CHUNK.length ? CHUNK : CHUNK.subarray(0, length))) return;
    }
  }

  private open(server: number): Connection {
    const socket = connect({ host: this.address, port: this.spec.port, noDelay: true });
    const connection: Connection = { socket, flow: undefined };
    this.connections++;
    socket.on('drain', () => this.goOn(connection));
    socket.on('data', () => this.finish(server, connection));
    socket.on('error', (error) => {
      process.stderr.write(`${error.message}\n`);
      process.exit(1);
    });
    return connection;
  }

  private finish(server: number, connection: Connection): void {
    const { flow } = connection;
    if (flow === undefined) return;
    this.done.push([flow.bytes, performance.now() - flow.beganAt]);
    connection.flow = undefined;
    this.free[server]!.push(connection);
    if (--this.underWay === 0) this.lastDone();
  }
}

function pauseMillis(millis: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, millis));
}
