// The memory devices, bare and under every middleware, hold what all devices promise; and what only they do.

import { describe, expect, it } from 'vitest';
import { openMemoryUnderlay, openMemoryVnic } from '../../test/device/memory-harness.ts';
import { itIsAnUnderlay } from '../../test/device/underlay-compliance.ts';
import { itIsAVnic } from '../../test/device/vnic-compliance.ts';
import { SeededRng } from '../base/rng.ts';
import type { FrameDevice, UnderlayDevice } from '../packet/device.ts';
import { Inbox } from '../packet/inbox.ts';
import { PieceList } from '../packet/pieces.ts';
import { localMemory, Region } from '../packet/region.ts';
import { ChunkWriter } from '../packet/writer.ts';
import { FaultyUnderlay, FaultyVnic } from './faults.ts';
import { MemoryUnderlay, MemoryVnic } from './memory.ts';
import { captureUnderlay, captureVnic, PcapWriter } from './pcap.ts';
import { traceUnderlay, traceVnic } from './tracer.ts';

const NO_FAULTS = { lossRate: 0, duplicationRate: 0, corruptionRate: 0, reorderRate: 0 };
const PEERS = [0x0a000201];
const clock = () => 1_700_000_000_000_000;
const sink = () => {};

const vnics: Record<string, (device: FrameDevice, region: Region) => FrameDevice> = {
  'in memory': (device) => device,
  'with no faults': (device, region) => new FaultyVnic(device, region, new SeededRng(1), NO_FAULTS),
  traced: (device, region) => traceVnic(device, 'sel0', { region, sink, clock }),
  captured: (device, region) => captureVnic(device, region, new PcapWriter(sink, clock)),
};

const underlays: Record<string, (device: UnderlayDevice, region: Region) => UnderlayDevice> = {
  'in memory': (device) => device,
  'with no faults': (device, region) => new FaultyUnderlay(device, region, new SeededRng(1), NO_FAULTS),
  traced: (device, region) => traceUnderlay(device, PEERS, { region, sink, clock }),
  captured: (device, region) => {
    const ends = { address: 0x0a000101, port: 4789, sourcePort: 49152, peers: PEERS };
    return captureUnderlay(device, region, ends, new PcapWriter(sink, clock));
  },
};

for (const [name, wrap] of Object.entries(vnics)) {
  describe(`a vNIC ${name}`, () => itIsAVnic(() => openMemoryVnic(wrap)));
}
for (const [name, wrap] of Object.entries(underlays)) {
  describe(`an underlay ${name}`, () => itIsAnUnderlay(() => openMemoryUnderlay(wrap)));
}

it('a memory vNIC refuses frames when its tenant has no room', () => {
  const region = new Region(localMemory(3));
  const received: Uint8Array[] = [];
  const vnic = new MemoryVnic(region, new ChunkWriter(region, 0), (frame) => received.push(frame));
  vnic.room = 1;
  const list = new PieceList(8);
  for (const at of [100, 200]) {
    list.push(at, 20);
    list.push(at + 20, 4);
    list.endFrame();
  }
  expect(vnic.tx(list, 0)).toBe(2);
  expect(vnic.tx(list, 2)).toBe(0);
  vnic.room = 1;
  expect(vnic.tx(list, 2)).toBe(2);
  expect(received.map((frame) => frame.length)).toEqual([24, 24]);
});

it('a memory underlay drops and counts what its socket buffer has no room for', () => {
  const region = new Region(localMemory(3));
  const underlay = new MemoryUnderlay(region, new ChunkWriter(region, 0), () => {}, 2500);
  for (let i = 0; i < 3; i++) {
    underlay.arrive({ source: 1, slot: 0, bytes: new Uint8Array(1000), arrivedMicros: i });
  }
  expect(underlay.dropped).toBe(1);
  const inbox = new Inbox();
  expect(underlay.rx(inbox)).toBe(true);
  expect([...inbox.runs.slice(1, 3)]).toEqual([2000, 1000]);
});
