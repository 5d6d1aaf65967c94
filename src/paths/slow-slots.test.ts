// A slot is told to be slow when its round trips have been much longer than others' for two minutes, without a look that says
// otherwise (ZooRoute §8).
import { describe, expect, it } from 'vitest';
import { PathTable, SLOTS } from './path-table.ts';
import { SLOT_BAD, SLOT_SUSPECT } from './slot-health.ts';

const SECOND = 1_000_000;
const LOOK_MICROS = 200_000;

class Rig {
  now = SECOND;
  table = new PathTable(this.now);
  /** Slots that were told to be slow, and how many seconds after the beginning. */
  readonly told: (readonly [slot: number, seconds: number])[] = [];

  constructor() {
    this.table.addPeer();
    this.watch();
  }

  /** So long, each slot takes this. */
  pass(seconds: number, rttMicros: (slot: number, nowMicros: number) => number): void {
    for (const end = this.now + seconds * SECOND; this.now < end; this.now += LOOK_MICROS) {
      for (let i = 0; i < 30; i++)
        for (let slot = 0; slot < SLOTS; slot++) this.table.onSample(0, slot, rttMicros(slot, this.now));
      this.table.selection(0, this.now);
    }
  }

  /** Another that goes on from the state of the one before. */
  replace(): void {
    this.table = new PathTable(this.now, structuredClone(this.table.save()));
    this.watch();
  }

  private watch(): void {
    this.table.watch({
      slotLeft: () => {},
      slotBack: () => {},
      slotSlow: (now, _peer, slot) => this.told.push([slot, Math.floor(now / SECOND) - 1]),
    });
  }
}

const slow =
  (...slots: number[]) =>
  (slot: number) =>
    slots.includes(slot) ? 3100 : 100;

describe('a slot that is much slower than others', () => {
  it('is told after two minutes, and again after two more', () => {
    const rig = new Rig();
    rig.pass(119, slow(3));
    expect(rig.told).toEqual([]);
    expect([3, 4].map((slot) => rig.table.isSlow(0, slot))).toEqual([true, false]);
    rig.pass(2, slow(3));
    expect(rig.told).toEqual([[3, 120]]);
    rig.pass(120, slow(3));
    expect(rig.told.map(([slot]) => slot)).toEqual([3, 3]);
  });

  it('begins anew when it was as fast as others for a look', () => {
    const rig = new Rig();
    rig.pass(100, slow(3));
    rig.pass(1, slow());
    expect(rig.table.isSlow(0, 3)).toBe(false);
    rig.pass(100, slow(3));
    expect(rig.told).toEqual([]);
    rig.pass(25, slow(3));
    expect(rig.told).toHaveLength(1);
  });

  it('begins anew after a time in which nothing was sent', () => {
    const rig = new Rig();
    rig.pass(100, slow(3));
    rig.now += 60 * SECOND;
    rig.pass(100, slow(3));
    expect(rig.told).toEqual([]);
    rig.pass(25, slow(3));
    expect(rig.told).toHaveLength(1);
  });

  it('begins anew when it was bad, and not when it was silent for a moment', () => {
    const rig = new Rig();
    rig.pass(60, slow(3, 4));
    for (const slot of [3, 4]) rig.table.onTimeout(0, slot, rig.now, rig.now);
    rig.table.onTimeout(0, 4, rig.now, rig.now);
    rig.pass(1, slow(3, 4));
    expect([3, 4].map((slot) => rig.table.stateOf(0, slot))).toEqual([SLOT_SUSPECT, SLOT_BAD]);
    for (let i = 0; i < 2; i++) {
      rig.now += 1000;
      rig.table.probe(rig.now, () => true);
      for (const slot of [3, 4]) rig.table.onProbeAnswered(0, slot, 1, rig.now);
    }
    rig.pass(62, slow(3, 4));
    expect(rig.told).toEqual([[3, 120]]);
  });

  it('is told though all others are silent for a moment', () => {
    const rig = new Rig();
    rig.pass(60, slow(3));
    for (let slot = 0; slot < SLOTS; slot++) if (slot !== 3) rig.table.onTimeout(0, slot, rig.now, rig.now);
    rig.pass(65, slow(3));
    expect(rig.told).toEqual([[3, 120]]);
  });

  it('begins anew on another source port', () => {
    const rig = new Rig();
    rig.pass(110, slow(3));
    rig.table.rebind(0, 3, 12, 0, rig.now);
    rig.pass(110, slow(3));
    expect(rig.told).toEqual([]);
  });

  it('is told by a newer table that goes on from the state of the one before', () => {
    const rig = new Rig();
    rig.pass(100, slow(3));
    rig.replace();
    rig.pass(25, slow(3));
    expect(rig.told).toEqual([[3, 120]]);
  });

  it('may be one of several', () => {
    const rig = new Rig();
    rig.pass(125, slow(1, 2, 5));
    expect(rig.told.map(([slot]) => slot)).toEqual([1, 2, 5]);
  });
});

describe('no slot is slow', () => {
  it.each<readonly [string, (slot: number, nowMicros: number) => number]>([
    ['where all are', () => 3100],
    ['where half of all are', slow(0, 1, 2, 3)],
    ['for twice as long a way', (slot) => (slot === 3 ? 349 : 100)],
    ['for spikes', (slot, now) => (slot === 3 && now % SECOND < LOOK_MICROS ? 3100 : 100)],
    [
      'for jitter of milliseconds',
      (slot, now) => 100 + ((slot * 7919 + Math.floor(now / LOOK_MICROS) * 104_729) % 3000),
    ],
  ])('%s', (_, rttMicros) => {
    const rig = new Rig();
    rig.pass(300, rttMicros);
    expect(rig.told).toEqual([]);
  });
});
