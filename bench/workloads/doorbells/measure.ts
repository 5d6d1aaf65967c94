// What a reader of many queues spends on a packet when few of them have any (Backdraft §4.1): by doorbells, as a native
// endpoint's device reads, and by looking into every queue that is open. The same memory, the same packets, the same copies;
// one thread writes and reads in turns, and the time of reading counts.

import { below, SeededRng } from '../../../src/base/rng.ts';
import { PacketBatch } from '../../../src/client/endpoint/batch.ts';
import { OwnedVnic } from '../../../src/client/endpoint/owned-vnic.ts';
import type { ClientSendingFlow } from '../../../src/client/endpoint/sending-flow.ts';
import { EndpointDevice } from '../../../src/device/endpoint/endpoint-device.ts';
import { PieceList } from '../../../src/packet/pieces.ts';
import { localMemory, Region } from '../../../src/packet/region.ts';
import { ChunkWriter } from '../../../src/packet/writer.ts';
import { halfOf } from '../../../src/runtime/shm/half.ts';
import { FRAME_AT, vnicLayout } from '../../../src/runtime/vnic/layout.ts';
import { PollingReader } from './polling-reader.ts';

export interface DoorbellSpec {
  readonly openQueues: number;
  /** Of those, how many have a packet at a time. */
  readonly nonEmpty: number;
  readonly packetBytes: number;
  readonly rounds: number;
}

export interface DoorbellFigures {
  readonly doorbellPacketsPerSecond: number;
  readonly pollingPacketsPerSecond: number;
}

const RINGS = 16_384;
const SHAPE = { rings: RINGS, slots: 4096, slotBytes: 320 };
const CHUNKS = 8;
/** Not counted: code is compiled by being run. */
const WARM_UP = 0.2;

export function measureDoorbells(spec: DoorbellSpec): DoorbellFigures {
  return {
    doorbellPacketsPerSecond: packetsPerSecond(spec, (setting) => {
      const list = new PieceList(spec.nonEmpty);
      return () => {
        const count = setting.device.rx(list);
        for (let i = 0; i < count; i++) setting.region.release(list.words[i * 2]!);
        list.clear();
        return count;
      };
    }),
    pollingPacketsPerSecond: packetsPerSecond(spec, ({ halves, layout, region, writer }) => {
      const reader = new PollingReader(layout, halves, spec.openQueues, region, writer);
      const list = new PieceList(spec.nonEmpty);
      return () => {
        const count = reader.read(list);
        for (let i = 0; i < count; i++) region.release(list.words[i * 2]!);
        list.clear();
        return count;
      };
    }),
  };
}

function makeSetting() {
  const layout = vnicLayout(SHAPE);
  const region = new Region(localMemory(CHUNKS));
  const writer = new ChunkWriter(region, 0);
  const device = new EndpointDevice(layout, 1, region, writer);
  const halves = {
    agent: halfOf(new ArrayBuffer(layout.halfBytes)),
    owner: halfOf(new ArrayBuffer(layout.halfBytes)),
  };
  device.attach(halves.agent, halves.owner, () => {});
  const owner = new OwnedVnic(
    SHAPE,
    halves.owner,
    halves.agent,
    () => {},
    () => undefined,
    true,
  );
  return { layout, region, writer, device, halves, owner };
}

type Setting = ReturnType<typeof makeSetting>;

function packetsPerSecond(
  { openQueues, nonEmpty, packetBytes, rounds }: DoorbellSpec,
  readerOf: (setting: Setting) => () => number,
): number {
  const setting = makeSetting();
  const { owner, device } = setting;
  const none = new PieceList(1);
  const own = { header: undefined, from: '', to: '', nativeId: 0, urgency: {}, drops: false };
  const flows: ClientSendingFlow[] = [];
  for (let i = 0; i < openQueues; i++) {
    flows.push(owner.open({ ...own, mostPayload: SHAPE.slotBytes - FRAME_AT })!);
    device.rx(none);
    owner.listen();
  }
  const batch = new PacketBatch(1, SHAPE.slotBytes);
  batch.setFrame(0, new Uint8Array(packetBytes));
  const read = readerOf(setting);
  const rng = new SeededRng(1);
  let [millis, packets] = [0, 0];
  for (let round = -rounds * WARM_UP; round < rounds; round++) {
    for (let i = 0; i < nonEmpty; i++) flows[below(rng, openQueues)]!.send(batch);
    const start = performance.now();
    const count = read();
    const end = performance.now();
    if (round < 0) continue;
    millis += end - start;
    packets += count;
  }
  return (packets / millis) * 1000;
}
