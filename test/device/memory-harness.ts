// The compliance suites' harnesses over memory, with room for middleware around the devices.

import { MemoryUnderlay, MemoryVnic } from '../../src/device/memory.ts';
import type { FrameDevice, UnderlayDevice } from '../../src/packet/device.ts';
import { localMemory, Region } from '../../src/packet/region.ts';
import { ChunkWriter } from '../../src/packet/writer.ts';
import type { UnderlayEnd, UnderlayHarness } from './underlay-compliance.ts';
import { REGION_CHUNKS, type VnicHarness } from './vnic-compliance.ts';

export async function openMemoryVnic(
  wrap: (device: FrameDevice, region: Region) => FrameDevice,
): Promise<VnicHarness> {
  const region = new Region(localMemory(REGION_CHUNKS));
  const received: Uint8Array[] = [];
  const vnic = new MemoryVnic(region, new ChunkWriter(region, 0), (frame) => received.push(frame));
  return {
    device: wrap(vnic, region),
    region,
    send: async (frames) => {
      for (const frame of frames) vnic.send(frame);
    },
    received: async (count) => received.splice(0, count),
    close: async () => {},
  };
}

const ADDRESSES = [0x0a000101, 0x0a000201] as const;
const SOCKET_BYTES = 1 << 20;

export async function openMemoryUnderlay(
  wrap: (device: UnderlayDevice, region: Region) => UnderlayDevice,
): Promise<UnderlayHarness> {
  const devices: MemoryUnderlay[] = [];
  const open = (self: 0 | 1): UnderlayEnd => {
    const region = new Region(localMemory(REGION_CHUNKS));
    const arrive = (_peer: number, slot: number, bytes: Uint8Array) =>
      devices[1 - self]!.arrive({ source: ADDRESSES[self], slot, bytes, arrivedMicros: 5 });
    devices[self] = new MemoryUnderlay(region, new ChunkWriter(region, 0), arrive, SOCKET_BYTES);
    return { device: wrap(devices[self], region), region, address: ADDRESSES[self] };
  };
  return { ends: [open(0), open(1)], readable: async () => {}, close: async () => {} };
}
