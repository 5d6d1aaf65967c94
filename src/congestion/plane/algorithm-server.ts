// Serves the channels of one algorithm: what datapaths say reaches its control plane, and commands go back by the channel
// that the flow came by. It makes no system call, so it runs in tests as in its thread.

import type { Algorithm } from '../algorithm.ts';
import type { Command } from '../commands.ts';
import { ControlPlane } from '../control-plane.ts';
import type { ChannelStart } from './channel.ts';
import { type FromDatapath, readFromDatapath } from './message-reader.ts';
import { MAX_MESSAGE_BYTES, MessageRing } from './message-ring.ts';
import { MessageWriter } from './message-writer.ts';
import type { Progress } from './progress.ts';

/** Messages of one channel before the next has its turn. */
const BATCH = 64;
/** Of commands that wait for room in a ring; a datapath that takes none for so long has died. */
const MOST_WAITING_BYTES = 1 << 20;

export interface ServerOutput {
  /** Something was put into the channel. */
  wake(channel: ChannelStart): void;
  trouble(message: string, flows: number): void;
}

interface ServedChannel {
  readonly start: ChannelStart;
  readonly toAlgorithm: MessageRing;
  readonly fromAlgorithm: MessageRing;
  /** The plane's number of each flow, by the datapath's. */
  readonly flows: Map<number, number>;
  waiting: Uint8Array[];
  waitingBytes: number;
  isDirty: boolean;
}

interface FlowOwner {
  readonly channel: ServedChannel;
  readonly sid: number;
}

export class AlgorithmServer {
  private readonly plane: ControlPlane;
  private readonly output: ServerOutput;
  private readonly progress: Progress;
  private readonly channels = new Map<number, ServedChannel>();
  private readonly owners = new Map<number, FlowOwner>();
  private readonly writer = new MessageWriter();
  private readonly message = new Uint8Array(MAX_MESSAGE_BYTES);
  private nextFlow = 1;

  constructor(algorithm: Algorithm, progress: Progress, output: ServerOutput) {
    this.output = output;
    this.progress = progress;
    this.plane = new ControlPlane(algorithm, {
      command: (flow, command) => this.command(flow, command),
      failed: (flows, error) => output.trouble(error.message, flows.length),
    });
  }

  attach(start: ChannelStart): void {
    const { id, toAlgorithm, fromAlgorithm } = start;
    this.channels.set(id, {
      start,
      toAlgorithm: new MessageRing(toAlgorithm),
      fromAlgorithm: new MessageRing(fromAlgorithm),
      flows: new Map(),
      waiting: [],
      waitingBytes: 0,
      isDirty: false,
    });
  }

  /** The datapath is gone, and its flows with it. */
  detach(id: number): void {
    const channel = this.channels.get(id);
    if (channel === undefined) return;
    this.channels.delete(id);
    this.closeAll(channel);
  }

  /** Commands wait for room: `serve` is to be called again in a while, also if nothing comes. */
  get isHeldUp(): boolean {
    for (const { waiting } of this.channels.values()) if (waiting.length > 0) return true;
    return false;
  }

  /** Takes some of what has come; true when there is more to take. */
  serve(): boolean {
    let more = false;
    for (const channel of this.channels.values()) {
      this.empty(channel);
      // Who does not take commands is not heard: it would lose those that they lead to.
      for (let i = 0; i < BATCH && channel.waiting.length === 0; i++) {
        const length = channel.toAlgorithm.pop(this.message);
        if (length === 0) break;
        const said = readFromDatapath(this.message, length);
        this.progress.enter();
        if (said === undefined) this.progress.bad++;
        else this.hear(channel, said);
        this.progress.leave();
      }
      this.empty(channel);
      if (channel.waiting.length === 0 && !channel.toAlgorithm.isEmpty) more = true;
    }
    return more;
  }

  private hear(channel: ServedChannel, said: FromDatapath): void {
    switch (said.kind) {
      case 'ready':
        this.closeAll(channel);
        return;
      case 'create': {
        const id = this.nextFlow++;
        this.close(channel, said.flow.id);
        channel.flows.set(said.flow.id, id);
        this.owners.set(id, { channel, sid: said.flow.id });
        this.plane.open({ ...said.flow, id }, said.nowMicros);
        return;
      }
      case 'report': {
        this.progress.reports++;
        const flow = channel.flows.get(said.flow);
        if (flow !== undefined) this.plane.report({ ...said, flow });
        return;
      }
      case 'close':
        this.close(channel, said.flow);
    }
  }

  private close(channel: ServedChannel, sid: number): void {
    const flow = channel.flows.get(sid);
    if (flow === undefined) return;
    channel.flows.delete(sid);
    this.owners.delete(flow);
    this.plane.close(flow);
  }

  private closeAll(channel: ServedChannel): void {
    for (const sid of [...channel.flows.keys()]) this.close(channel, sid);
  }

  private command(flow: number, command: Command): void {
    const owner = this.owners.get(flow);
    if (owner === undefined) return;
    const { channel, sid } = owner;
    this.progress.commands++;
    const length = this.writer.command(sid, command);
    channel.isDirty = true;
    if (channel.waiting.length === 0 && channel.fromAlgorithm.push(this.writer.bytes, length)) return;
    if (channel.waitingBytes + length > MOST_WAITING_BYTES) {
      // Lost, and counted beside what was no message: nobody else tells of such a datapath.
      this.progress.bad++;
      return;
    }
    channel.waiting.push(this.writer.bytes.slice(0, length));
    channel.waitingBytes += length;
  }

  private empty(channel: ServedChannel): void {
    const { waiting, fromAlgorithm } = channel;
    let sent = 0;
    while (sent < waiting.length && fromAlgorithm.push(waiting[sent]!, waiting[sent]!.length))
      channel.waitingBytes -= waiting[sent++]!.length;
    if (sent > 0) {
      channel.waiting = waiting.slice(sent);
      channel.isDirty = true;
    }
    if (!channel.isDirty) return;
    channel.isDirty = false;
    this.output.wake(channel.start);
  }
}
