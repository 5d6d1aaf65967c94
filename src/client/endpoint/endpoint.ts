// An endpoint that this process owns: its flows, what it receives, waiting for either, and its end.

import { isMainThread } from 'node:worker_threads';
import { SelvageError } from '../../base/errors.ts';
import { Epoll } from '../../linux/epoll.ts';
import { close } from '../../linux/libc.ts';
import { Readiness } from '../../linux/readiness.ts';
import { yieldCore } from '../../linux/scheduling.ts';
import { clearPipe } from '../../linux/wake-pipe.ts';
import { halfOf } from '../../runtime/shm/half.ts';
import { SpinTime } from '../../runtime/spin.ts';
import { FRAME_AT } from '../../runtime/vnic/layout.ts';
import type { VnicWelcome } from '../../runtime/vnic/messages.ts';
import type { SharedMemory } from '../finishing.ts';
import type {
  Batch,
  Endpoint,
  EndpointCounters,
  FlowOptions,
  Fullness,
  ReceivedFlow,
  SendingFlow,
  Urgency,
} from './api.ts';
import { PacketBatch } from './batch.ts';
import type { VnicControl } from './control.ts';
import { DatagramHeader, PAYLOAD_AT } from './datagram-header.ts';
import { endsOf } from './flow-ends.ts';
import { OwnedVnic } from './owned-vnic.ts';
import type { FlowParts } from './sending-flow.ts';

export interface EndpointParts extends SharedMemory {
  readonly control: VnicControl;
  readonly timeoutMillis: number;
  /** Packets that are no datagrams are received, too. */
  readonly takesAll: boolean;
}

const TAG_CONTROL = 0;
const TAG_BELL = 1;
/** Another thread that is ready gets the core once in so many looks. */
const YIELD_LOOKS = 16;
const ETHERNET_BYTES = 14;
const IPV4_UDP_BYTES = 28;
const IPV6_UDP_BYTES = 48;
/** Longer than for sessions: a ring of packets is read in less time than waking takes. */
const MOST_SPIN_MICROS = 100;
/** How long a new flow waits for its first ring before it is given out without. */
const FIRST_RING_MILLIS = 50;

export class ClientEndpoint implements Endpoint {
  ended: SelvageError | undefined;
  readonly mac: string;
  readonly addresses: readonly string[];
  readonly mtu: number;
  private readonly slotBytes: number;
  private readonly mostFlows: number;
  private readonly parts: EndpointParts;
  private readonly vnic: OwnedVnic;
  private readonly usedPorts = new Set<number>();
  private readonly epoll = new Epoll();
  private readonly spin = new SpinTime(0, MOST_SPIN_MICROS);
  private isClosed = false;
  private readiness: Readiness | undefined;
  private waiting: Promise<void> | undefined;

  constructor(welcome: VnicWelcome, parts: EndpointParts) {
    const { mine, theirs, control, agentBell, clientBell } = parts;
    this.parts = parts;
    this.mac = welcome.mac;
    this.addresses = welcome.addresses;
    this.mtu = welcome.mtu;
    this.slotBytes = welcome.slotBytes;
    this.mostFlows = welcome.rings;
    const wake = () => agentBell.signal();
    const ended = () => this.ended;
    this.vnic = new OwnedVnic(welcome, halfOf(mine), halfOf(theirs), wake, ended, parts.takesAll);
    this.epoll.add(control.fd, TAG_CONTROL);
    this.epoll.add(clientBell, TAG_BELL);
  }

  get counters(): EndpointCounters {
    const { shared, receiving, ringsRefused } = this.vnic;
    const { received, badChecksums, others } = receiving;
    return { sent: shared.sent, received, badChecksums, others, ringsRefused };
  }

  newBatch(capacity: number): PacketBatch {
    return new PacketBatch(capacity, this.slotBytes);
  }

  openFlow({ to, from, nativeId = 0, ...options }: FlowOptions): SendingFlow {
    this.checkOpen();
    if (!Number.isInteger(nativeId) || nativeId < 0 || nativeId > 0xffff_ffff) {
      throw new SelvageError('bad-input', `${nativeId} is no native flow id.`, {
        hint: 'Give a whole number from 1 to 4294967295.',
      });
    }
    const ends = endsOf(this, to, from, this.usedPorts, (address) => this.resolve(address));
    const header = new DatagramHeader(ends.ends);
    const overhead = typeof ends.ends.source === 'number' ? IPV4_UDP_BYTES : IPV6_UDP_BYTES;
    const mostPayload = Math.min(this.mtu - overhead, this.slotBytes - PAYLOAD_AT);
    return this.open(options, { header, from: ends.from, to, nativeId, mostPayload });
  }

  openPackets(options: Urgency & Fullness = {}): SendingFlow {
    this.checkOpen();
    const mostPayload = Math.min(this.mtu + ETHERNET_BYTES + 4, this.slotBytes - FRAME_AT);
    return this.open(options, { header: undefined, from: this.mac, to: '', nativeId: 0, mostPayload });
  }

  receive(batch: Batch): number {
    if (!(batch instanceof PacketBatch)) {
      throw new SelvageError('bad-input', 'This is no batch of an endpoint.', {
        hint: 'Make it by endpoint.newBatch.',
      });
    }
    if (this.isClosed) throw this.ended!;
    const count = this.vnic.receive(batch);
    this.vnic.shared.checkAgent();
    return count;
  }

  receivedFlow(flow: number): ReceivedFlow {
    const found = this.vnic.receiving.flowOf(flow);
    if (found !== undefined) return found;
    throw new SelvageError('bad-input', `No flow ${flow} was received.`, {
      hint: 'Take a number from batch.flows.',
    });
  }

  wait(): Promise<void> {
    // Several may wait at once: for the same.
    this.waiting ??= this.waitOnce().finally(() => {
      this.waiting = undefined;
    });
    return this.waiting;
  }

  waitSync(timeoutMillis = Number.POSITIVE_INFINITY): boolean {
    return this.waitUntil(() => this.hasWork(), timeoutMillis);
  }

  close(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.end(new SelvageError('not-running', 'This endpoint was closed.', { hint: 'Open it anew.' }));
    this.readiness?.close();
    this.epoll.close();
    this.parts.control.close();
    this.parts.agentBell.close();
    close(this.parts.clientBell);
  }

  private open(
    { weight, priority, whenFull = 'wait' }: Urgency & Fullness,
    own: Pick<FlowParts, 'header' | 'from' | 'to' | 'nativeId' | 'mostPayload'>,
  ): SendingFlow {
    const urgency = { ...(weight !== undefined && { weight }), ...(priority !== undefined && { priority }) };
    const flow = this.vnic.open({ ...own, urgency, drops: whenFull === 'drop' });
    if (flow === undefined) {
      throw new SelvageError(
        'in-use',
        `This endpoint has ${this.mostFlows} flows, as many as there can be.`,
        {
          hint: 'Close some.',
        },
      );
    }
    this.waitUntil(() => {
      this.vnic.listen();
      return flow.isReady;
    }, FIRST_RING_MILLIS);
    return flow;
  }

  /** The MAC of whoever has the address. */
  private resolve(address: string): string | undefined {
    const answer = this.parts.control.resolve(address, this.parts.timeoutMillis);
    if (!(answer instanceof SelvageError)) return answer;
    this.end(answer);
    throw answer;
  }

  private checkOpen(): void {
    if (this.ended !== undefined) throw this.ended;
  }

  private waitUntil(isDone: () => boolean, timeoutMillis: number): boolean {
    const deadline = performance.now() + timeoutMillis;
    while (!this.look(isDone)) {
      if (this.ended !== undefined) throw this.ended;
      if (performance.now() >= deadline) return false;
      if (!this.arm()) continue;
      const asleep = performance.now();
      const ready = this.epoll.wait(Math.max(0, deadline - asleep) * 1000);
      this.spin.slept((performance.now() - asleep) * 1000);
      this.attend(ready);
    }
    return true;
  }

  private async waitOnce(): Promise<void> {
    if (!isMainThread) {
      throw new SelvageError('unsupported', 'A worker cannot wait for an endpoint in its event loop.', {
        hint: 'Use waitSync there.',
      });
    }
    const isDone = () => this.hasWork();
    while (!this.look(isDone)) {
      if (this.ended !== undefined) throw this.ended;
      if (!this.arm()) continue;
      this.readiness ??= new Readiness(this.epoll.fd);
      const asleep = performance.now();
      await this.readiness.wait();
      this.spin.slept((performance.now() - asleep) * 1000);
      this.attend(this.isClosed ? 0 : this.epoll.wait(0));
    }
  }

  /** Whether there is something to wake for; looks a short, adaptive time. */
  private look(isDone: () => boolean): boolean {
    if (isDone()) return true;
    if (this.spin.micros === 0 || this.ended !== undefined) return false;
    const until = performance.now() + this.spin.micros / 1000;
    for (let looks = 1; performance.now() < until; looks++) {
      if (isDone()) return true;
      if (looks % YIELD_LOOKS === 0) yieldCore();
    }
    return false;
  }

  private hasWork(): boolean {
    return !this.isClosed && this.vnic.hasWork();
  }

  /** Lets everything ring; false when something came meanwhile. */
  private arm(): boolean {
    return !this.isClosed && this.vnic.sleep();
  }

  private attend(ready: number): void {
    for (let i = 0; i < ready; i++) {
      if (this.epoll.tag(i) === TAG_BELL) clearPipe(this.parts.clientBell);
      else {
        const error = this.parts.control.look();
        if (error !== undefined) this.end(error);
      }
    }
  }

  private end(why: SelvageError): void {
    this.ended ??= why;
  }
}
