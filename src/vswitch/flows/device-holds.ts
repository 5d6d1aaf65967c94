// Which flows of native endpoints are held: their device gives no more of their frames until nothing holds them any more
// (Backdraft §4.2: an application sees a full queue, and decides what to do). Several may hold one flow: its frames can
// be for several receivers.

import { grown } from '../../base/columns.ts';
import type { FlowDevice, FrameDevice } from '../../packet/device.ts';
import { isFlowDevice } from '../../packet/device.ts';

export type DeviceHoldsState = readonly Uint16Array[];

export class DeviceHolds {
  private readonly devices: readonly (FlowDevice | undefined)[];
  /** For each port how many hold each flow of its device. */
  private readonly holders: Uint16Array[];

  constructor(devices: readonly FrameDevice[], old?: DeviceHoldsState) {
    this.devices = devices.map((device) => (isFlowDevice(device) ? device : undefined));
    this.holders = devices.map((_, port) => old?.[port] ?? new Uint16Array(0));
    for (const [port, holders] of this.holders.entries())
      for (const [flow, count] of holders.entries()) if (count > 0) this.devices[port]?.hold(flow);
  }

  save(): DeviceHoldsState {
    return [...this.holders];
  }

  hold(port: number, flow: number): void {
    const holders = this.holders[port]!;
    if (flow >= holders.length)
      this.holders[port] = grown(new Uint16Array(Math.max(flow + 1, holders.length * 2)), holders);
    if (this.holders[port]![flow]!++ === 0) this.devices[port]?.hold(flow);
  }

  resume(port: number, flow: number): void {
    if (--this.holders[port]![flow]! === 0) this.devices[port]?.resume(flow);
  }

  device(port: number): FlowDevice | undefined {
    return this.devices[port];
  }
}
