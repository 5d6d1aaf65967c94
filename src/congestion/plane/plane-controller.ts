// What the transport asks about one connection that an algorithm of the control plane governs. Each slot is a flow of its
// own, which begins when something is first known of it: until then its window is the initial one.

import { MAX_PATH_ID } from '../../wire/bifrost-types.ts';
import type { AckSample, CongestionController, LossSample } from '../controller.ts';
import type { DatapathEvent, DatapathOptions } from '../datapath.ts';
import { SlotFlow, type SlotFlowState } from './slot-flow.ts';

const SLOTS = MAX_PATH_ID + 1;

/** What a controller tells of itself. */
export interface ControllerOwner {
  readonly options: DatapathOptions;
  /** A slot is a flow now. */
  opened(controller: PlaneController, flow: SlotFlow): void;
  closed(controller: PlaneController): void;
  /** `values` are good during the call. */
  reported(
    controller: PlaneController,
    flow: SlotFlow,
    generation: number,
    serial: number,
    values: Float64Array,
  ): void;
  happened(controller: PlaneController, slot: number, event: DatapathEvent): void;
}

export class PlaneController implements CongestionController {
  readonly pair: number;
  algorithm: string;
  detail = '';
  readonly slots: (SlotFlow | undefined)[] = new Array<SlotFlow | undefined>(SLOTS).fill(undefined);
  private readonly plane: ControllerOwner;

  constructor(plane: ControllerOwner, pair: number, algorithm: string) {
    this.plane = plane;
    this.pair = pair;
    this.algorithm = algorithm;
  }

  onAck(sample: AckSample): void {
    this.flow(sample.slot, sample.nowMicros).onAck(sample);
  }

  onLoss({ slot, nowMicros, lostBytes }: LossSample): void {
    this.flow(slot, nowMicros).onLoss(lostBytes);
  }

  onTimeout(slot: number, nowMicros: number): void {
    this.flow(slot, nowMicros).onTimeout(nowMicros);
  }

  cwndBytes(slot: number): number {
    return this.slots[slot]?.datapath.cwndBytes ?? this.plane.options.initialCwndBytes;
  }

  pacingBytesPerSecond(slot: number): number {
    return this.rateBytesPerSecond(slot);
  }

  rateBytesPerSecond(slot: number): number {
    return this.slots[slot]?.datapath.rateBytesPerSecond ?? Number.POSITIVE_INFINITY;
  }

  close(): void {
    this.plane.closed(this);
    this.slots.fill(undefined);
  }

  open(slot: number, nowMicros: number, old?: SlotFlowState): SlotFlow {
    const { plane } = this;
    const flow: SlotFlow = new SlotFlow(
      slot,
      nowMicros,
      plane.options,
      {
        report: (generation, serial, _, values) => plane.reported(this, flow, generation, serial, values),
        event: (_, event) => plane.happened(this, slot, event),
      },
      old,
    );
    this.slots[slot] = flow;
    return flow;
  }

  private flow(slot: number, nowMicros: number): SlotFlow {
    const known = this.slots[slot];
    if (known !== undefined) return known;
    const flow = this.open(slot, nowMicros);
    this.plane.opened(this, flow);
    return flow;
  }
}
