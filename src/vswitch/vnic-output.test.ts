import { beforeEach, describe, expect, it } from 'vitest';
import type { FrameDevice } from '../packet/device.ts';
import { PieceList } from '../packet/pieces.ts';
import { localMemory, Region } from '../packet/region.ts';
import { VnicOutput } from './vnic-output.ts';

const CAP_BYTES = 8 << 20;
const PIECE_BYTES = 8000;
const PIECES = 7;
const FRAME_BYTES = PIECES * PIECE_BYTES;
const MOST_FRAMES = Math.floor(CAP_BYTES / FRAME_BYTES);

let region: Region;
let at: number;
/** Frames that the tenant takes. */
let room: number;
let output: VnicOutput;

beforeEach(() => {
  region = new Region(localMemory(4));
  at = region.take();
  room = 0;
  const device: FrameDevice = {
    dropped: 0,
    rx: () => 0,
    tx: (frames, from) => {
      const taken = Math.min(room, (frames.count - from) / PIECES);
      room -= taken;
      return taken * PIECES;
    },
  };
  output = new VnicOutput(device, region);
});

/** Writes large frames of seven pieces, one after the other; how many were dropped. */
function write(count: number): number {
  const frames = new PieceList(PIECES);
  let dropped = 0;
  for (let i = 0; i < count; i++) {
    frames.clear();
    for (let piece = 0; piece < PIECES; piece++) frames.push(at, PIECE_BYTES);
    frames.endFrame();
    region.retain(at, PIECES);
    dropped += output.write(frames);
  }
  return dropped;
}

describe('large frames that a vNIC does not take', () => {
  it('wait as long as they are 8 MB or less, however few pieces they are', () => {
    expect(write(MOST_FRAMES + 10)).toBe(10);
    expect(output.framesWaiting).toBe(MOST_FRAMES);
    expect(output.waiting).toBeLessThan(2048);
  });

  it('make room when they are taken', () => {
    write(MOST_FRAMES);
    room = 30;
    output.retry();
    expect(output.framesWaiting).toBe(MOST_FRAMES - 30);
    expect(write(40)).toBe(10);
    room = Number.POSITIVE_INFINITY;
    output.retry();
    expect(output.framesWaiting).toBe(0);
    expect(output.framesOut).toBe(MOST_FRAMES + 30);
    // All references are given back but the test's own.
    expect(region.references(at)).toBe(1);
  });
});
