// What every FrameDevice promises (src/packet/device.ts), run on the memory device, on middleware around it, and on a
// TAP. The harness stands on the other side of the device, where the tenant is.

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { FrameDevice } from '../../src/packet/device.ts';
import { PIECE_LAST, PIECE_LENGTH_MASK, PieceList } from '../../src/packet/pieces.ts';
import { CHUNK_BYTES, type Region } from '../../src/packet/region.ts';
import { ChunkWriter } from '../../src/packet/writer.ts';
import { VIRTIO_NET_HDR_GSO_TCPV4, writeVirtioNetHeader } from '../../src/wire/virtio-net-header.ts';
import { digests } from '../support/digest.ts';
import { buildFrame, numbered } from '../wire/frames.ts';

/** Chunks that the region of a harness has. */
export const REGION_CHUNKS = 8;

export interface VnicHarness {
  readonly device: FrameDevice;
  readonly region: Region;
  /** The tenant sends frames, virtio_net_hdr first; the device can read them when this resolves. */
  send(frames: readonly Uint8Array[]): Promise<void>;
  /** The next `count` frames that came out on the tenant's side. */
  received(count: number): Promise<Uint8Array[]>;
  close(): Promise<void>;
}

const NO_OFFLOAD = new Uint8Array(10);

/** A frame that nothing on its way takes an interest in: unicast, of an EtherType for experiments (IEEE 802). */
function plainFrame(number: number, length: number): Uint8Array {
  const frame = new Uint8Array(10 + 14 + length);
  frame.set([0x02, 0, 0, 0, 0, 2, 0x02, 0, 0, 0, 0, 1, 0x88, 0xb5], 10);
  for (let i = 24; i < frame.length; i++) frame[i] = (number + i) % 251;
  return frame;
}

/** As much as a kernel hands over at once: the Ethernet header counts, too. */
function superFrame(): Uint8Array {
  const frame = buildFrame({ tcp: {}, payload: numbered(65_535 - 54) });
  const whole = new Uint8Array(10 + frame.length);
  writeVirtioNetHeader(new DataView(whole.buffer), 0, 1, VIRTIO_NET_HDR_GSO_TCPV4, 54, 1400, 34, 16);
  whole.set(frame, 10);
  return whole;
}

/** Without hdr_len, which every kernel sets as it likes. */
function comparable(frame: Uint8Array): Uint8Array {
  const copy = frame.slice();
  copy.fill(0, 2, 4);
  return copy;
}

export function itIsAVnic(open: () => Promise<VnicHarness>): void {
  let harness: VnicHarness;
  let writer: ChunkWriter;
  const frames = [64, 1500, 1, 700, 46].map((length, number) => plainFrame(number, Math.max(46, length)));

  beforeEach(async () => {
    harness = await open();
    writer = new ChunkWriter(harness.region, 0);
  });
  afterEach(() => harness.close());

  /** Reads until `count` frames are there, with a list of `capacity`; frames, and references released. */
  function readAll(count: number, capacity: number): Uint8Array[] {
    const { device, region } = harness;
    const out = new PieceList(capacity);
    const read: Uint8Array[] = [];
    while (read.length < count) {
      out.clear();
      const added = device.rx(out);
      if (added === 0) break;
      expect(added).toBe(out.count);
      for (let i = 0; i < out.count; i++) {
        const word = out.words[i * 2 + 1]!;
        expect(word & PIECE_LAST, 'one piece a frame').not.toBe(0);
        const at = out.words[i * 2]!;
        read.push(region.bytes.u8.slice(at, at + (word & PIECE_LENGTH_MASK)));
        region.release(at);
      }
    }
    return read;
  }

  /** Lays a frame into the region in pieces of these lengths, the rest in the last. */
  function lay(list: PieceList, frame: Uint8Array, lengths: readonly number[]): void {
    let from = 0;
    for (const length of [...lengths, frame.length]) {
      const part = frame.subarray(from, from + length);
      const at = writer.room(CHUNK_BYTES / 4);
      harness.region.bytes.u8.set(part, at);
      writer.commit(part.length);
      harness.region.retain(at, 1);
      list.push(at, part.length);
      from += part.length;
    }
    list.endFrame();
  }

  describe('reading', () => {
    it('finds nothing where nothing is', () => {
      const out = new PieceList(4);
      expect(harness.device.rx(out)).toBe(0);
      expect(out.count).toBe(0);
    });

    it('gives frames whole and in order', async () => {
      await harness.send(frames);
      expect(readAll(frames.length, 64)).toEqual(frames);
    });

    it('stops at a full list and goes on with the next', async () => {
      await harness.send(frames);
      expect(readAll(frames.length, 2)).toEqual(frames);
    });

    it('adds behind what is in the list', async () => {
      await harness.send(frames.slice(0, 2));
      const out = new PieceList(3);
      out.push(0, 10);
      expect(harness.device.rx(out)).toBe(2);
      expect(out.count).toBe(3);
      expect(out.words[0]).toBe(0);
    });

    it('gives one reference with each frame, and takes its chunk back with the last', async () => {
      const { region, device } = harness;
      await harness.send(frames);
      const before = region.free;
      const out = new PieceList(64);
      device.rx(out);
      expect(before - region.free).toBeLessThanOrEqual(1);
      const first = out.words[0]!;
      const held = region.references(first);
      expect(held).toBe(frames.length + 1);
      for (let i = 0; i < out.count; i++) region.release(out.words[i * 2]!);
      expect(region.references(first)).toBe(1);
    });

    it('takes the largest super-frame', async () => {
      const frame = superFrame();
      await harness.send([frame]);
      expect(digests(readAll(1, 1).map(comparable))).toEqual(digests([comparable(frame)]));
    });

    it('drops and counts what finds no memory, and recovers', async () => {
      const { region, device } = harness;
      const taken: number[] = [];
      for (let chunk = region.take(); chunk !== 0; chunk = region.take()) taken.push(chunk);
      await harness.send(frames);
      expect(readAll(frames.length, 64)).toEqual([]);
      expect(device.dropped).toBe(frames.length);
      for (const chunk of taken) region.release(chunk);
      await harness.send(frames);
      expect(readAll(frames.length, 64)).toEqual(frames);
      expect(device.dropped).toBe(frames.length);
    });
  });

  describe('writing', () => {
    it('gathers frames of several pieces', async () => {
      const list = new PieceList(64);
      const cuts = [[], [10], [4, 10, 100], [10, 14], []];
      for (const [i, frame] of frames.entries()) lay(list, frame, cuts[i]!);
      expect(harness.device.tx(list, 0)).toBe(list.count);
      expect(await harness.received(frames.length)).toEqual(frames);
    });

    it('starts where it is told to', async () => {
      const list = new PieceList(64);
      for (const frame of frames.slice(0, 3)) lay(list, frame, [20]);
      expect(harness.device.tx(list, 2)).toBe(4);
      expect(await harness.received(2)).toEqual(frames.slice(1, 3));
    });

    it('writes nothing of an empty list', () => {
      expect(harness.device.tx(new PieceList(4), 0)).toBe(0);
    });

    it('leaves the references to the caller', () => {
      const list = new PieceList(64);
      lay(list, frames[0]!, []);
      const at = list.words[0]!;
      const before = harness.region.references(at);
      harness.device.tx(list, 0);
      expect(harness.region.references(at)).toBe(before);
    });

    it('takes the largest super-frame, in pieces of a packet each', async () => {
      const frame = superFrame();
      const list = new PieceList(64);
      lay(
        list,
        frame,
        Array.from({ length: 46 }, () => 1398),
      );
      expect(harness.device.tx(list, 0)).toBe(47);
      expect(digests((await harness.received(1)).map(comparable))).toEqual(digests([comparable(frame)]));
    });
  });

  it('both ways at once', async () => {
    await harness.send(frames.slice(0, 2));
    const list = new PieceList(64);
    lay(list, plainFrame(9, 100), [NO_OFFLOAD.length]);
    harness.device.tx(list, 0);
    expect(readAll(2, 64)).toEqual(frames.slice(0, 2));
    expect(await harness.received(1)).toEqual([plainFrame(9, 100)]);
  });
}
