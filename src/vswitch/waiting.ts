// All that waits in a switch, on its way out and on its way in: the queues, the memory that they share, who is asked to
// send no more meanwhile, and the scheduler that says whose turn it is.

import type { FrameDevice } from '../packet/device.ts';
import type { Region } from '../packet/region.ts';
import type { InputQueueing, ReceiveQueueing } from './config.ts';
import { DeviceHolds, type DeviceHoldsState } from './flows/device-holds.ts';
import { QueueMemory, type QueueMemoryState } from './flows/queue-memory.ts';
import { InputQueue, type InputQueueState } from './input-queue.ts';
import { ReceiveQueues, type ReceiveQueuesState } from './receive-queues.ts';
import { DEFAULT_SCHEDULER, type SchedulerName } from './scheduling/scheduler.ts';
import { SendQueues, type SendQueuesState } from './send-queues.ts';

/** Looked at in one turn, each way: a few microseconds. */
const PACKED_PIECES = 128;

export interface WaitingState {
  readonly memory: QueueMemoryState;
  readonly holds: DeviceHoldsState;
  readonly input: InputQueueState | undefined;
  readonly send: SendQueuesState;
  readonly receive: ReceiveQueuesState;
}

export interface WaitingOptions {
  /** What the hashes of flows start from. */
  readonly seed: number;
  readonly scheduler?: SchedulerName | undefined;
  readonly input?: InputQueueing | undefined;
  readonly receive?: ReceiveQueueing | undefined;
  /** What a pair has in flight. */
  readonly inFlightBytes: (pair: number) => number;
}

export class Waiting {
  readonly memory: QueueMemory;
  readonly holds: DeviceHolds;
  /** In front of the switch, where everybody's frames have one queue there. */
  readonly input: InputQueue | undefined;
  /** For connections. */
  readonly send: SendQueues;
  /** For vNICs. */
  readonly receive: ReceiveQueues;

  constructor(
    region: Region,
    devices: readonly FrameDevice[],
    { seed, scheduler = DEFAULT_SCHEDULER, input, receive, inFlightBytes }: WaitingOptions,
    old?: WaitingState,
  ) {
    this.memory = new QueueMemory(region, old?.memory);
    this.holds = new DeviceHolds(devices, old?.holds);
    this.input = input === undefined ? undefined : new InputQueue(input.frames, old?.input);
    this.send = new SendQueues(this.memory, this.holds, { seed, scheduler, inFlightBytes }, old?.send);
    const options = { seed, scheduler, queueing: receive };
    this.receive = new ReceiveQueues(region, this.memory, options, old?.receive);
  }

  save(): WaitingState {
    return {
      memory: this.memory.save(),
      holds: this.holds.save(),
      input: this.input?.save(),
      send: this.send.save(),
      receive: this.receive.save(),
    };
  }

  /** Calls `visit` with every offset that a reference is held for. */
  eachHeld(visit: (offset: number) => void): void {
    this.memory.eachHeld(visit);
    this.input?.eachHeld(visit);
    this.send.backlog.eachHeld(visit);
    this.receive.eachHeld(visit);
  }

  /** Where memory is short: packs some of what waits. */
  tidy(): void {
    if (!this.memory.isShort) return;
    this.send.backlog.pack(PACKED_PIECES);
    this.receive.backlog.pack(PACKED_PIECES);
  }

  /** After a turn that failed. */
  mend(): void {
    this.send.backlog.mend();
    this.receive.backlog.mend();
  }

  /** From now on another scheduler decides who is next. */
  schedule(now: number, scheduler: SchedulerName): void {
    this.send.backlog.schedule(now, scheduler);
    this.receive.backlog.schedule(now, scheduler);
  }
}
