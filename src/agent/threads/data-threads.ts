// The data threads of a host (BIFROST §5.2): each has a switch, an executor, packet memory, and a socket of its own on the
// overlay's port; what they share was opened before. They start together and go together.

import { randomInt } from 'node:crypto';
import { newHandoverMemory } from '../../device/handover.ts';
import { openSiblings, type UnderlaySockets } from '../../device/udp.ts';
import { EventFd } from '../../linux/eventfd.ts';
import { close } from '../../linux/libc.ts';
import type { SlotsChange } from '../../paths/routes.ts';
import type { SwitchConfig } from '../../vswitch/config.ts';
import type { SchedulerName } from '../../vswitch/scheduling/scheduler.ts';
import { steeredVnics, steeringProgram } from '../../vswitch/steering.ts';
import type { HostAddress } from '../../wire/address.ts';
import { threadOfCid } from '../../wire/bifrost-types.ts';
import type { CaptureStart } from '../capture.ts';
import type { ClientsStart } from '../clients/socket.ts';
import type { EndpointStart } from '../endpoints/open.ts';
import type { Account } from '../reports/decision-report.ts';
import type { FlowReport } from '../reports/flow-report.ts';
import { mergePeers, mergeReports } from '../reports/merge-reports.ts';
import type { ThreadPathReport } from '../reports/path-report.ts';
import type { ThreadQueues } from '../reports/queue-status.ts';
import type { PeerReport, SwitchReport } from '../reports/switch-report.ts';
import { ExecutorThread, type Listener } from './executor-thread.ts';
import type { DataThreadStart, HandoverStart } from './thread-messages.ts';

export interface DataThreadsStart {
  /** Of each thread. */
  readonly configs: readonly SwitchConfig[];
  readonly taps: readonly (number | undefined)[];
  readonly endpoints: readonly (EndpointStart | undefined)[];
  /** Of the first thread; the others have the same, but for the socket that receives. */
  readonly underlay: UnderlaySockets;
  readonly address: HostAddress;
  readonly capture: CaptureStart | undefined;
  /** Served by the first thread. */
  readonly clients: ClientsStart | undefined;
}

export class DataThreads {
  readonly threads: readonly ExecutorThread[];
  /** Of each thread, the eventfd by which algorithms of the congestion control plane wake it. */
  readonly congestionFds: readonly number[];
  /** Rejects when one ends without having been told to. */
  readonly failed: Promise<never>;
  private readonly opened: readonly number[];

  private constructor(
    threads: readonly ExecutorThread[],
    congestionFds: readonly number[],
    opened: readonly number[],
  ) {
    this.threads = threads;
    this.congestionFds = congestionFds;
    this.opened = opened;
    this.failed = Promise.race(threads.map((thread) => thread.failed));
    this.failed.catch(() => {});
  }

  /** Resolves when the switches of all run; when one cannot start, none does. */
  static async start(start: DataThreadsStart, listener: Listener): Promise<DataThreads> {
    const { configs, taps, endpoints, underlay, capture, clients } = start;
    const opened: number[] = [];
    try {
      const receivers = [underlay.receive, ...moreReceivers(start, opened)];
      const handover = configs.length === 1 ? undefined : handoverOf(configs.length, opened);
      const congestionFds = configs.map(() => new EventFd().fd);
      opened.push(...congestionFds);
      const script = new URL('./data-thread.js', import.meta.url);
      const threads = await allOrNone(
        configs.map((config, thread) => {
          const name = executorName(thread, configs.length);
          const seed = randomInt(0x1_0000_0000);
          const sockets = { ...underlay, receive: receivers[thread]! };
          const congestionFd = congestionFds[thread]!;
          const own = {
            name,
            config,
            taps,
            endpoints,
            underlay: sockets,
            seed,
            handover,
            capture,
            congestionFd,
          };
          const served = thread === 0 ? clients : undefined;
          return ExecutorThread.start<DataThreadStart>(name, { ...own, clients: served }, script, listener);
        }),
      );
      return new DataThreads(threads, congestionFds, opened);
    } catch (error) {
      for (const fd of opened) close(fd);
      throw error;
    }
  }

  async status(): Promise<SwitchReport> {
    return mergeReports(await Promise.all(this.threads.map((thread) => thread.status())));
  }

  async peers(): Promise<readonly PeerReport[]> {
    return mergePeers(await Promise.all(this.threads.map((thread) => thread.peers())));
  }

  /** Lets the slots to a peer use these source ports, each thread as soon as it can. */
  async bindSlots(change: SlotsChange): Promise<void> {
    await Promise.all(this.threads.map((thread) => thread.bindSlots(change)));
  }

  /** Of all threads, one behind the other. */
  async flows(): Promise<readonly FlowReport[]> {
    return (await Promise.all(this.threads.map((thread) => thread.flows()))).flat();
  }

  /** The same, without those of switches that say nothing of their connections. */
  async knownFlows(): Promise<readonly FlowReport[]> {
    return (await Promise.all(this.threads.map((thread) => thread.flows().catch(() => [])))).flat();
  }

  /** The connection with this CID, asked of its thread alone. */
  async flow(cid: number): Promise<readonly FlowReport[]> {
    const found = await this.threads[threadOfCid(cid)]?.flow(cid);
    return found === undefined ? [] : [found];
  }

  /** By peer and slot; of each, what every thread knows. */
  async paths(): Promise<readonly ThreadPathReport[]> {
    const each = await Promise.all(this.threads.map((thread) => thread.paths()));
    const paths = each.flatMap((known, thread) => known.map((path) => ({ ...path, thread })));
    return paths.sort((a, b) => a.peer - b.peer || a.slot - b.slot || a.thread - b.thread);
  }

  /** What waits in each. */
  async queues(): Promise<readonly ThreadQueues[]> {
    return Promise.all(this.threads.map((thread) => thread.queues()));
  }

  async schedule(scheduler: SchedulerName): Promise<void> {
    await Promise.all(this.threads.map((thread) => thread.schedule(scheduler)));
  }

  /** What each decided about paths. */
  async accounts(): Promise<readonly Account[]> {
    return Promise.all(this.threads.map((thread) => thread.account()));
  }

  async stop(): Promise<void> {
    await Promise.all(this.threads.map((thread) => thread.stop()));
    for (const fd of this.opened) close(fd);
  }
}

/** What `selvage engines` calls it. */
function executorName(thread: number, threads: number): string {
  return threads === 1 ? 'data' : `data-${thread}`;
}

function moreReceivers({ configs, underlay, address }: DataThreadsStart, opened: number[]): number[] {
  const [config] = configs;
  if (config === undefined || configs.length === 1) return [];
  const program = steeringProgram(configs.length, steeredVnics(config));
  const receivers = openSiblings(address, underlay.port, underlay.receive, configs.length - 1, program);
  opened.push(...receivers);
  return receivers;
}

function handoverOf(threads: number, opened: number[]): HandoverStart {
  const bells = Array.from({ length: threads }, () => new EventFd().fd);
  opened.push(...bells);
  return { memory: newHandoverMemory(threads), bells };
}

async function allOrNone(starting: readonly Promise<ExecutorThread>[]): Promise<ExecutorThread[]> {
  const settled = await Promise.allSettled(starting);
  const started = settled.filter((each) => each.status === 'fulfilled').map(({ value }) => value);
  const failed = settled.find((each) => each.status === 'rejected');
  if (failed === undefined) return started;
  await Promise.all(started.map((thread) => thread.stop()));
  throw failed.reason;
}
