// For tests of the Linux datapath: a limited link between two hosts, iperf3 over it, what `ss` says, and algorithms that do
// something so plain that one can see it.
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { Lab } from '../../lab/lab.ts';
import type { Algorithm, FlowInfo, Values } from '../../src/congestion/algorithm.ts';
import { ControlPlane } from '../../src/congestion/control-plane.ts';
import type { DatapathEvent } from '../../src/congestion/datapath.ts';
import { compile } from '../../src/congestion/language/compiler.ts';
import { type LinuxDatapath, openLinuxDatapath } from '../../src/linux-tcp/datapath.ts';
import { eventually } from './eventually.ts';
import { upTwoHosts } from './two-hosts.ts';

const LINK_BITS_PER_SECOND = 50e6;
export const LINK_DELAY_MICROS = 2000;

let names = 0;
/** struct_ops are the whole machine's. */
export function uniqueName(): string {
  return `t${process.pid}.${names++}`;
}

export function isAvailable(name: string): boolean {
  const path = '/proc/sys/net/ipv4/tcp_available_congestion_control';
  return readFileSync(path, 'utf8').trim().split(' ').includes(name);
}

export async function upLimitedLink(): Promise<Lab> {
  const lab = await upTwoHosts([]);
  await lab.setLink('host1-leaf1', {
    rateBitsPerSecond: LINK_BITS_PER_SECOND,
    delayMicros: LINK_DELAY_MICROS,
    queuePackets: 60,
  });
  return lab;
}

export interface SteerOptions {
  readonly maxFlows?: number;
  readonly answerTimeoutMicros?: number;
}

/** A busy machine may stop this process for longer than an algorithm may be silent: where silence is not what is tested. */
export const PATIENT: SteerOptions = { answerTimeoutMicros: 30_000_000 };

/** A datapath with an algorithm behind it, in this process. */
export class Steered {
  readonly name: string;
  readonly datapath: LinuxDatapath;
  readonly opened: FlowInfo[] = [];
  readonly closed: number[] = [];
  readonly events: DatapathEvent[] = [];
  private plane: ControlPlane;

  constructor(algorithm: Algorithm, name = uniqueName(), options: SteerOptions = {}) {
    this.name = name;
    this.plane = this.planeOf(algorithm);
    this.datapath = openLinuxDatapath(
      { name, ...options },
      {
        open: (flow, nowMicros) => {
          this.opened.push(flow);
          this.plane.open(flow, nowMicros);
        },
        report: (message) => this.plane.report(message),
        close: (flow) => {
          this.closed.push(flow);
          this.plane.close(flow);
        },
        event: (_flow, _nowMicros, event) => this.events.push(event),
      },
    );
  }

  swap(algorithm: Algorithm): void {
    this.plane = this.planeOf(algorithm);
    for (const info of this.datapath.infos) {
      this.datapath.renew(info.id);
      this.plane.open(info, 0);
    }
  }

  private planeOf(algorithm: Algorithm): ControlPlane {
    const command: ConstructorParameters<typeof ControlPlane>[1]['command'] = (flow, each) =>
      this.datapath.command(flow, each);
    return new ControlPlane(algorithm, { command, failed: () => {} });
  }
}

const counting = compile(`
(def (Report (volatile acked 0)))
(when true (:= Report.acked (+ Report.acked Ack.bytes_acked)) (fallthrough))
(when (> Timer.Micros 10000) (report) (reset))
`);

/** Sets the same upon every report. */
export function constant(values: (flow: FlowInfo) => Values, onReport = () => {}): Algorithm {
  return {
    name: 'constant',
    onCreate: (control) => {
      control.install(counting, values(control.flow));
      return {
        onReport: () => {
          onReport();
          control.update(values(control.flow));
        },
      };
    },
  };
}

export const packets = (count: number) => constant(({ mssBytes }) => ({ Cwnd: count * mssBytes, Rate: 0 }));

export interface SocketState {
  readonly cwnd: number;
  readonly bytesAcked: number;
  /** Acknowledged in order. */
  readonly packetsAcked: number;
  readonly retransmitted: number;
  /** Bits a second; what is not paced has a rate, too, by which the kernel cuts bursts. */
  readonly pacing: number;
  readonly mssBytes: number;
  readonly rttMillis: number;
}

/** The sender's data connections under this name. */
export async function sockets(lab: Lab, name: string): Promise<SocketState[]> {
  const { stdout } = await lab.run('host1', ['ss', '-Htin', 'state', 'established']);
  const lines = stdout.split('\n').filter((line) => line.includes(` ${name} `));
  const field = (line: string, pattern: RegExp) => Number(pattern.exec(line)?.[1] ?? 0);
  return lines.map((line) => ({
    cwnd: field(line, /\bcwnd:(\d+)/),
    bytesAcked: field(line, /\bbytes_acked:(\d+)/),
    packetsAcked: field(line, /\bdelivered:(\d+)/) - field(line, /\bsacked:(\d+)/),
    retransmitted: field(line, /\bretrans:\d+\/(\d+)/),
    pacing: field(line, /\bpacing_rate (\d+)bps/),
    mssBytes: field(line, /\bmss:(\d+)/),
    rttMillis: field(line, /\brtt:([\d.]+)/),
  }));
}

/** iperf3 from host1 to host2 under a congestion control, until it is ended. */
export class Transfer {
  private readonly lab: Lab;
  private readonly name: string;
  private readonly children: readonly ChildProcess[];

  private constructor(lab: Lab, name: string, children: readonly ChildProcess[]) {
    this.lab = lab;
    this.name = name;
    this.children = children;
  }

  static async start(lab: Lab, name: string, port = 5201): Promise<Transfer> {
    const { address } = lab.node('host2');
    const text = String(port);
    const server = await lab.exec('host2', ['iperf3', '-s', '-1', '-p', text], { stdio: 'ignore' });
    await eventually('iperf3 to listen', async () => {
      const { stdout } = await lab.run('host2', ['ss', '-Htln', 'sport', '=', `:${text}`]);
      return stdout !== '';
    });
    const words = ['iperf3', '-c', address!, '-p', text, '-t', '60', '-C', name];
    const client = await lab.exec('host1', words, { stdio: 'ignore' });
    const transfer = new Transfer(lab, name, [client, server]);
    await eventually('the first data', async () => (await transfer.state()).bytesAcked > 10_000);
    return transfer;
  }

  /** Of the connection with the data. */
  async state(): Promise<SocketState> {
    const none = {
      cwnd: 0,
      bytesAcked: 0,
      packetsAcked: 0,
      retransmitted: 0,
      pacing: 0,
      mssBytes: 0,
      rttMillis: 0,
    };
    const [first = none] = await sockets(this.lab, this.name);
    return first;
  }

  /** Waits until that many more bytes have been acknowledged; bits a second meanwhile. */
  async moves(bytes: number): Promise<number> {
    const from = (await this.state()).bytesAcked;
    const began = performance.now();
    const to = await eventually(`${bytes} more bytes`, async () => {
      const { bytesAcked } = await this.state();
      return bytesAcked >= from + bytes && bytesAcked;
    });
    return ((to - from) * 8000) / (performance.now() - began);
  }

  async end(): Promise<void> {
    for (const child of this.children) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
  }
}
