// Pauses between two vNICs of one host (Backdraft §4.3): no frame is needed, the sender's device is told. There is no
// round trip either, so there is no need to say for how long: a flow is held from Th_over on until it is down to a batch.
// A sender whose vNIC has no flows of its own, a TAP, cannot be held.

import { grown } from '../../base/columns.ts';
import type { DeviceHolds } from '../flows/device-holds.ts';
import type { Thresholds } from './thresholds.ts';

export interface LocalPausesState {
  readonly held: Uint8Array;
  readonly port: Uint32Array;
  readonly deviceFlow: Uint32Array;
}

export class LocalPauses {
  private readonly holds: DeviceHolds;
  private readonly thresholds: Thresholds;
  private held: Uint8Array;
  /** Whom it holds. */
  private port: Uint32Array;
  private deviceFlow: Uint32Array;

  constructor(holds: DeviceHolds, thresholds: Thresholds, old?: LocalPausesState) {
    this.holds = holds;
    this.thresholds = thresholds;
    this.held = old?.held ?? new Uint8Array(64);
    this.port = old?.port ?? new Uint32Array(64);
    this.deviceFlow = old?.deviceFlow ?? new Uint32Array(64);
  }

  save(): LocalPausesState {
    const { held, port, deviceFlow } = this;
    return { held, port, deviceFlow };
  }

  isHeld(flow: number): boolean {
    return this.held[flow] === 1;
  }

  /** A flow of `deviceFlow` at `port` has so much in its queue now; true when it is held from now on. */
  arrived(flow: number, port: number, deviceFlow: number, depth: number, roomBytes: number): boolean {
    const { leastOverBytes } = this.thresholds;
    if (depth <= Math.min(leastOverBytes, this.thresholds.bearableBytes(roomBytes))) return false;
    if (deviceFlow < 0 || this.held[flow] === 1) return false;
    if (flow >= this.held.length) this.grow(flow);
    this.held[flow] = 1;
    this.port[flow] = port;
    this.deviceFlow[flow] = deviceFlow;
    this.holds.hold(port, deviceFlow);
    return true;
  }

  /** Its owner took from it, and so much is left. */
  taken(flow: number, depth: number): void {
    if (this.held[flow] === 1 && depth <= this.thresholds.batchBytes) this.release(flow);
  }

  release(flow: number): void {
    if (this.held[flow] !== 1) return;
    this.held[flow] = 0;
    this.holds.resume(this.port[flow]!, this.deviceFlow[flow]!);
  }

  private grow(flow: number): void {
    const rows = Math.max(flow + 1, this.held.length * 2);
    this.held = grown(new Uint8Array(rows), this.held);
    this.port = grown(new Uint32Array(rows), this.port);
    this.deviceFlow = grown(new Uint32Array(rows), this.deviceFlow);
  }
}
