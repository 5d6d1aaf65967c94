import { beforeEach, describe, expect, it } from 'vitest';
import type { FrameDevice } from '../packet/device.ts';
import { PieceList } from '../packet/pieces.ts';
import { localMemory, Region } from '../packet/region.ts';
import { VIRTIO_NET_HDR_F_FLOW } from '../wire/virtio-net-header.ts';
import { QueueMemory } from './flows/queue-memory.ts';
import { NO_DEVICE_FLOW, ORIGIN_UNKNOWN, ReceiveQueues } from './receive-queues.ts';
import { VnicOutput } from './vnic-output.ts';

const CAP_BYTES = 8 << 20;
const PIECE_BYTES = 8000;
const PIECES = 7;
const FRAME_BYTES = PIECES * PIECE_BYTES;
const MOST_FRAMES = Math.floor(CAP_BYTES / FRAME_BYTES);
const NOW = 0;

let region: Region;
let queues: ReceiveQueues;
let at: number;
/** Frames that the tenant takes. */
let room: number;
let dropped: number;
let output: VnicOutput;
let firstBytes: number[];

beforeEach(() => {
  region = new Region(localMemory(128));
  at = region.take();
  room = 0;
  dropped = 0;
  firstBytes = [];
  const device: FrameDevice = {
    dropped: 0,
    rx: () => 0,
    tx: (frames, from) => {
      let next = from;
      for (; next < frames.count && room > 0; room--) {
        firstBytes.push(region.bytes.u8[frames.words[next * 2]!]!);
        next = frames.frameEnd(next);
      }
      return next - from;
    },
  };
  queues = new ReceiveQueues(region, new QueueMemory(region), { seed: 1, scheduler: 'drr' });
  output = new VnicOutput(0, device, queues, () => dropped++);
});

function write(pieces: number, pieceBytes: number): void {
  const frames = new PieceList(pieces);
  for (let piece = 0; piece < pieces; piece++) frames.push(at, pieceBytes);
  frames.endFrame();
  region.retain(at, pieces);
  output.write(NOW, frames, ORIGIN_UNKNOWN, NO_DEVICE_FLOW);
}

/** Writes large frames of seven pieces, one after the other; how many were dropped. */
function writeLarge(count: number): number {
  const before = dropped;
  for (let i = 0; i < count; i++) write(PIECES, PIECE_BYTES);
  return dropped - before;
}

describe('large frames that a vNIC does not take', () => {
  it('wait as long as those of one flow are 8 MB or less', () => {
    expect(writeLarge(MOST_FRAMES + 10)).toBe(10);
    expect(queues.backlog.frames).toBe(MOST_FRAMES);
    expect(queues.backlog.bytesOf(0)).toBe(MOST_FRAMES * FRAME_BYTES);
  });

  it('make room when they are taken', () => {
    writeLarge(MOST_FRAMES);
    room = 30;
    output.retry(NOW);
    expect(queues.backlog.frames).toBe(MOST_FRAMES - 30);
    expect(writeLarge(40)).toBe(10);
    room = Number.POSITIVE_INFINITY;
    output.retry(NOW);
    expect(queues.backlog.frames).toBe(0);
    expect(output.framesOut).toBe(MOST_FRAMES + 30);
    // All references are given back but the test's own.
    expect(region.references(at)).toBe(1);
  });
});

describe('a native flow id', () => {
  it('is taken off in front of a vNIC that knows none, and tells flows apart that must wait', () => {
    const id = (flow: number) => {
      region.bytes.u8[at] = VIRTIO_NET_HDR_F_FLOW;
      region.bytes.view.setUint32(at + 6, flow, true);
    };
    room = 1;
    id(7);
    write(1, 60);
    expect(firstBytes).toEqual([0]);
    id(8);
    write(1, 60);
    id(9);
    write(1, 60);
    expect(queues.backlog.flowsOf(0)).toBe(2);
    room = 2;
    output.retry(NOW);
    expect(firstBytes).toEqual([0, 0, 0]);
    expect([...queues.backlog.save().links.flows].reduce((sum, flows) => sum + flows)).toBe(0);
  });
});
