import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FrameQueue } from '../packet/pieces.ts';
import { localMemory, Region } from '../packet/region.ts';
import { RECORD_ACKED, RECORD_FIRST, RECORD_LAST, RECORD_WORDS, SendWindow } from './send-window.ts';

const PACKET_BYTES = 100;

/** Puts a frame of some packets into the window as the sender does, one reference each. */
function accept(window: SendWindow, region: Region, offset: number, packets: number): void {
  region.retain(offset, packets);
  window.reserve(packets);
  for (let i = 0; i < packets; i++) {
    const at = (window.next & window.mask) * RECORD_WORDS;
    window.records[at] = offset + i * PACKET_BYTES;
    window.records[at + 1] =
      PACKET_BYTES | (i === 0 ? RECORD_FIRST : 0) | (i === packets - 1 ? RECORD_LAST : 0);
    window.next = (window.next + 1) >>> 0;
  }
}

function acknowledge(window: SendWindow, psn: number): void {
  window.records[(psn & window.mask) * RECORD_WORDS + 1]! |= RECORD_ACKED;
}

function drained(frames: FrameQueue): [offset: number, length: number][] {
  const all: [number, number][] = [];
  for (; frames.frames > 0; frames.shift()) all.push([frames.frontOffset(), frames.frontLength()]);
  return all;
}

describe('SendWindow', () => {
  it('takes back in order every frame that is not wholly acknowledged, with one reference each', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(0, 2 ** 32 - 5, 123_456),
        fc.array(fc.integer({ min: 1, max: 9 }), { maxLength: 12 }),
        fc.nat(60),
        fc.array(fc.nat(110), { maxLength: 60 }),
        (start, sizes, sent, acknowledged) => {
          const region = new Region(localMemory(3));
          const chunk = region.take();
          const window = new SendWindow(128);
          window.reset(start);
          const frames = sizes.map((packets, i) => ({ offset: chunk + i * 1000, packets }));
          for (const { offset, packets } of frames) accept(window, region, offset, packets);
          const total = (window.next - start) >>> 0;
          window.txNext = (start + Math.min(sent, total)) >>> 0;
          const acked = new Set(acknowledged.filter((psn) => psn < Math.min(sent, total)));
          for (const psn of acked) acknowledge(window, (start + psn) >>> 0);
          window.advance(region);
          let una = 0;
          while (acked.has(una)) una++;
          expect((window.una - start) >>> 0).toBe(una);
          expect(region.references(chunk)).toBe(1 + total - una);

          // What was acknowledged beyond a gap is not enough: the peer may have lost it with the connection.
          const ends = sizes.map((_, i) => sizes.slice(0, i + 1).reduce((sum, packets) => sum + packets, 0));
          const expected = frames.filter((_, i) => ends[i]! > una);
          const queue = new FrameQueue();
          window.recall(queue, region);
          expect(region.references(chunk)).toBe(1 + expected.length);
          expect(drained(queue)).toEqual(
            expected.map(({ offset, packets }) => [offset, packets * PACKET_BYTES]),
          );
          expect(window.span).toBe(0);
        },
      ),
    );
  });

  it('keeps the records of a frame until its last packet is acknowledged', () => {
    const region = new Region(localMemory(3));
    const chunk = region.take();
    const window = new SendWindow(64);
    window.reset(10);
    accept(window, region, chunk, 3);
    window.txNext = window.next;
    acknowledge(window, 10);
    acknowledge(window, 11);
    window.advance(region);
    expect(window).toMatchObject({ una: 12, frameStart: 10, span: 3 });
    acknowledge(window, 12);
    window.advance(region);
    expect(window).toMatchObject({ una: 13, frameStart: 13, span: 0 });
    expect(region.references(chunk)).toBe(1);
  });

  it.each([
    [1, 64],
    [64, 64],
    [65, 128],
    [4096, 4096],
  ])('for %i packets has %i places, and keeps its records when it grows', (packets, places) => {
    for (const start of [0, 2 ** 32 - 30]) {
      const window = new SendWindow(4096);
      window.reset(start);
      const numbers: number[] = [];
      for (let left = packets; left > 0; left--) {
        window.reserve(1);
        numbers.push(window.next);
        window.records[(window.next & window.mask) * RECORD_WORDS] = numbers.length;
        window.next = (window.next + 1) >>> 0;
      }
      expect(window.mask + 1).toBe(places);
      const kept = numbers.map((psn) => window.records[(psn & window.mask) * RECORD_WORDS]);
      expect(kept).toEqual(numbers.map((_, i) => i + 1));
    }
  });

  it('queues what is lost first in, first out, round its ring', () => {
    const window = new SendWindow(64);
    window.reset(0);
    let expected = 0;
    for (let psn = 0; psn < 1000; psn++) {
      window.queueLost(psn);
      if (window.lostCount === 100 || psn % 7 === 0) expect(window.shiftLost()).toBe(expected++);
    }
  });
});
