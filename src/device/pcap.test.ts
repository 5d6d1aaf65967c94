// Capture files: what is in them, and when it gets there. That tshark reads them is in test/lab/devices.test.ts.

import { expect, it } from 'vitest';
import { buildFrame, numbered } from '../../test/wire/frames.ts';
import { readCapture } from '../../test/wire/pcap.ts';
import { bytesOf } from '../base/bytes.ts';
import { Inbox } from '../packet/inbox.ts';
import { Outbox } from '../packet/outbox.ts';
import { PieceList } from '../packet/pieces.ts';
import { localMemory, Region } from '../packet/region.ts';
import { ChunkWriter } from '../packet/writer.ts';
import { parseIpv4Header } from '../wire/ipv4.ts';
import { parseUdp } from '../wire/udp.ts';
import { MemoryUnderlay, MemoryVnic } from './memory.ts';
import {
  captureUnderlay,
  captureVnic,
  LINKTYPE_ETHERNET,
  LINKTYPE_RAW,
  PcapWriter,
  pcapFileHeader,
} from './pcap.ts';

/** A file in memory. */
class File {
  readonly parts: Uint8Array[] = [];
  nowMicros = 1_700_000_000_123_456;
  readonly writer: PcapWriter;

  constructor(linkType: number) {
    this.parts.push(pcapFileHeader(linkType));
    this.writer = new PcapWriter(
      (bytes) => this.parts.push(bytes.slice()),
      () => this.nowMicros,
    );
  }

  read() {
    return readCapture(Buffer.concat(this.parts));
  }
}

it('captures a vNIC’s frames both ways without their virtio_net_hdr', () => {
  const region = new Region(localMemory(4));
  const file = new File(LINKTYPE_ETHERNET);
  const inner = new MemoryVnic(region, new ChunkWriter(region, 0), () => {});
  const vnic = captureVnic(inner, region, file.writer);
  const small = buildFrame({ udp: {}, payload: numbered(9) });
  const large = buildFrame({ tcp: {}, payload: numbered(65_000) });
  for (const frame of [small, large]) inner.send(Uint8Array.of(...new Uint8Array(10), ...frame));
  const list = new PieceList(4);
  vnic.rx(list);
  file.nowMicros += 2_000_000;
  vnic.tx(list, 1);
  const { linkType, records } = file.read();
  expect(linkType).toBe(LINKTYPE_ETHERNET);
  expect(records.map(({ bytes }) => bytes)).toEqual([small, large, large]);
  expect(records.map(({ epochMicros }) => epochMicros - 1_700_000_000_123_456)).toEqual([0, 0, 2_000_000]);
});

it('captures what the device took, not what it refused', () => {
  const region = new Region(localMemory(4));
  const file = new File(LINKTYPE_ETHERNET);
  const inner = new MemoryVnic(region, new ChunkWriter(region, 0), () => {});
  inner.room = 1;
  const list = new PieceList(4);
  for (const at of [0, 100]) {
    list.push(at, 30);
    list.endFrame();
  }
  captureVnic(inner, region, file.writer).tx(list, 0);
  expect(file.read().records.length).toBe(1);
});

it('captures the underlay’s packets with outer headers', () => {
  const region = new Region(localMemory(4));
  const file = new File(LINKTYPE_RAW);
  const inner = new MemoryUnderlay(region, new ChunkWriter(region, 0), () => {}, 10_000);
  const ends = { address: 0x0a000101, port: 4789, sourcePort: 49152, peers: [0x0a000201, 0x0a000301] };
  const underlay = captureUnderlay(inner, region, ends, file.writer);
  const outbox = new Outbox();
  outbox.add(1, 7, 24, 0x5_0000, 100);
  underlay.tx(outbox);
  underlay.bindSlot(1, 7, 20);
  underlay.tx(outbox);
  for (const size of [50, 50, 20]) {
    inner.arrive({ source: 0x0a000201, slot: 3, bytes: numbered(size), arrivedMicros: 0 });
  }
  underlay.rx(new Inbox());
  const { linkType, records } = file.read();
  expect(linkType).toBe(LINKTYPE_RAW);
  const packets = records.map(({ bytes }) => {
    const ip = parseIpv4Header(bytesOf(bytes), 0, bytes.length);
    const udp = parseUdp(bytesOf(bytes), 20, bytes.length - 20);
    if (typeof ip === 'string' || typeof udp === 'string') throw new Error(`${ip}, ${udp}`);
    expect(ip.payloadLength).toBe(bytes.length - 20);
    return [ip.source, udp.sourcePort, ip.destination, udp.destinationPort, udp.payloadLength];
  });
  expect(packets).toEqual([
    [0x0a000101, 49159, 0x0a000301, 4789, 124],
    [0x0a000101, 49172, 0x0a000301, 4789, 124],
    [0x0a000201, 0, 0x0a000101, 4789, 50],
    [0x0a000201, 0, 0x0a000101, 4789, 50],
    [0x0a000201, 0, 0x0a000101, 4789, 20],
  ]);
  expect(records[2]!.bytes.subarray(28)).toEqual(numbered(50));
});

it('hands out whole records, the file’s header before any', () => {
  const file = new File(LINKTYPE_RAW);
  expect(file.parts.map((part) => part.length)).toEqual([24]);
  for (let i = 0; i < 9; i++) file.writer.record(numbered(30_000), numbered(30_000));
  file.writer.flush();
  expect(file.read().records.length).toBe(9);
  let whole = Buffer.concat(file.parts.slice(0, 1));
  for (const part of file.parts.slice(1)) {
    whole = Buffer.concat([whole, part]);
    expect(() => readCapture(whole)).not.toThrow();
  }
  expect(file.parts.length).toBeGreaterThan(2);
});
