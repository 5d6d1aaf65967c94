import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { localMemory, Region } from '../packet/region.ts';
import { HELD_FIRST, HELD_LAST, RECEIVE_PACKETS, ReceiveWindow } from './receive-window.ts';

/** The same by sets: PSNs counted from 0, every third packet ends a frame. */
class Model {
  readonly received = new Set<number>();
  delivered = 0;

  get base(): number {
    let base = 0;
    while (this.received.has(base)) base++;
    return base;
  }
  get end(): number {
    return this.received.size === 0 ? 0 : Math.max(...this.received) + 1;
  }
  get complete(): number {
    return this.base - (this.base % 3);
  }
}

const framing = (psn: number) => (psn % 3 === 0 ? HELD_FIRST : 0) | (psn % 3 === 2 ? HELD_LAST : 0);

function bits(window: ReceiveWindow, from: number): string {
  const into = new Uint32Array(8);
  const words = window.bitmap(from >>> 0, into);
  return Array.from(into.subarray(0, words), (word) => word.toString(2).padStart(32, '0')).join('');
}

describe('ReceiveWindow', () => {
  it('agrees with a set of received packets, wherever the numbers start', () => {
    const step = fc.oneof(
      fc.record({ place: fc.nat(60) }),
      fc.record({ place: fc.nat(400) }),
      fc.record({ deliver: fc.nat(5) }),
    );
    const start = fc.oneof(fc.constantFrom(0, 2 ** 32 - 1, 2 ** 32 - 30, 2 ** 31), fc.nat(2 ** 32 - 1));
    fc.assert(
      fc.property(start, fc.array(step, { maxLength: 200 }), (first, steps) => {
        const window = new ReceiveWindow();
        window.reset(first);
        const model = new Model();
        const distance = (psn: number) => (psn - first) >>> 0;
        for (const one of steps) {
          if ('place' in one) {
            const psn = model.delivered + one.place;
            if (model.received.has(psn)) continue;
            const before = model.complete;
            model.received.add(psn);
            const complete = window.place((first + psn) >>> 0, 64 + psn, 100 | framing(psn));
            expect(complete).toBe(model.complete !== before);
          } else {
            for (let i = 0; i < one.deliver * 3 && model.delivered < model.complete; i++) {
              const psn = (first + model.delivered) >>> 0;
              expect(window.offsetOf(psn)).toBe(64 + model.delivered);
              expect(window.wordOf(psn)).toBe(100 | framing(model.delivered));
              window.clear(psn);
              model.delivered++;
              window.delivered = (psn + 1) >>> 0;
            }
          }
          expect(distance(window.base)).toBe(model.base);
          expect(distance(window.complete)).toBe(model.complete);
          expect(distance(window.end)).toBe(model.end);
          for (const from of [model.base, model.base + 256]) {
            const shown = bits(window, first + from);
            const expected = Array.from({ length: 256 }, (_, i) =>
              model.received.has(from + i) ? '1' : '0',
            );
            expect(shown.padEnd(256, '0')).toBe(expected.join(''));
            expect(shown.length).toBe(Math.min(256, 32 * Math.ceil(Math.max(0, model.end - from) / 32)));
          }
        }
      }),
      { numRuns: 100 },
    );
  });

  it('holds as many packets as a window may have, and lets go of all of them', () => {
    const region = new Region(localMemory(3));
    const chunk = region.take();
    const window = new ReceiveWindow();
    window.reset(2 ** 32 - 100);
    for (let i = RECEIVE_PACKETS - 1; i >= 1; i--) {
      region.retain(chunk, 1);
      window.place((window.base + i) >>> 0, chunk + i, 1 | HELD_FIRST | HELD_LAST);
    }
    expect(window.base).toBe(2 ** 32 - 100);
    expect(region.references(chunk)).toBe(RECEIVE_PACKETS);
    window.discard(region);
    expect(region.references(chunk)).toBe(1);
    expect(window.held.filter((_, i) => i % 2 === 1).every((word) => word === 0)).toBe(true);
  });
});
