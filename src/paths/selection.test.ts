// Which slots are sprayed over (BIFROST §4.1): the fastest, without jumping at every spike.
import { describe, expect, it } from 'vitest';
import { PathTable, SLOTS } from './path-table.ts';
import { SLOT_BAD, SLOT_SUSPECT } from './slot-health.ts';

const CHOOSE_MICROS = 1000;

class Rig {
  now = 1_000_000;
  readonly table = new PathTable(this.now);

  constructor() {
    this.table.addPeer();
  }

  /** Slots to spray over. */
  get chosen(): number[] {
    const bits = this.table.selection(0, this.now);
    return Array.from({ length: SLOTS }, (_, slot) => slot).filter((slot) => ((bits >> slot) & 1) === 1);
  }

  /** One sample of each slot, and time for another choice. */
  sample(rttMicros: readonly number[]): void {
    for (const [slot, rtt] of rttMicros.entries()) this.table.onSample(0, slot, rtt);
    this.now += CHOOSE_MICROS;
  }

  /** Slots that are asked within some time, each answering after `rttMicros` or not at all. */
  probed(micros: number, rttMicros?: number): number[] {
    const asked: number[] = [];
    for (const end = this.now + micros; this.now < end; this.now += 100) {
      const before = asked.length;
      this.table.selection(0, this.now);
      this.table.probe(this.now, (_, slot) => asked.push(slot) > 0);
      if (rttMicros !== undefined) {
        for (const slot of asked.slice(before)) this.table.onProbeAnswered(0, slot, rttMicros, this.now);
      }
    }
    return asked;
  }
}

const FAR_APART = [100, 900, 200, 800, 300, 700, 400, 600];

describe('the slots to spray over', () => {
  it('are first those that were never measured, and then the four fastest', () => {
    const rig = new Rig();
    const first = rig.chosen;
    expect(first).toHaveLength(4);
    for (const slot of first) rig.table.onSample(0, slot, 10);
    rig.now += CHOOSE_MICROS;
    expect(rig.chosen).not.toEqual(first);
    expect([...new Set([...first, ...rig.chosen])]).toHaveLength(SLOTS);
    for (let i = 0; i < 20; i++) rig.sample(FAR_APART);
    expect(rig.chosen).toEqual([0, 2, 4, 6]);
  });

  it('stay what they are at a spike, and change when the change lasts', () => {
    const rig = new Rig();
    for (let i = 0; i < 20; i++) rig.sample(FAR_APART);
    const before = rig.chosen;
    rig.sample([100_000, 900, 200, 800, 300, 700, 400, 600]);
    expect(rig.chosen).toEqual(before);
    for (let i = 0; i < 30; i++) rig.sample([100_000, 900, 200, 800, 300, 700, 400, 600]);
    expect(rig.chosen).toEqual([2, 4, 6, 7]);
  });

  it('do not change for differences that are noise', () => {
    const rig = new Rig();
    for (let i = 0; i < 20; i++) rig.sample(FAR_APART.map(() => 200));
    const before = rig.chosen;
    for (let i = 0; i < 100; i++) rig.sample(FAR_APART.map((_, slot) => 200 + ((i * 7 + slot * 13) % 40)));
    expect(rig.chosen).toEqual(before);
  });

  it('leave a slot at once that does not answer', () => {
    const rig = new Rig();
    for (let i = 0; i < 20; i++) rig.sample(FAR_APART);
    rig.table.onTimeout(0, 2, rig.now, rig.now);
    expect(rig.table.stateOf(0, 2)).toBe(SLOT_SUSPECT);
    expect(rig.chosen).toEqual([0, 4, 6, 7]);
  });

  it('are as many as there are when others are bad, and none when all are', () => {
    const rig = new Rig();
    for (let slot = 0; slot < SLOTS; slot++) {
      expect(rig.chosen.length).toBe(Math.min(4, SLOTS - slot));
      rig.table.onTimeout(0, slot, rig.now, rig.now);
      rig.table.onTimeout(0, slot, rig.now, rig.now);
    }
    expect(rig.chosen).toEqual([]);
    expect(rig.table.next(0, 0, -1, 0)).toBe(1);
  });
});

describe('slots that are not used', () => {
  it('are asked for their round trips, each a few times a second', () => {
    const rig = new Rig();
    for (let i = 0; i < 20; i++) rig.sample(FAR_APART);
    const asked = rig.probed(1_000_000, 500);
    for (const slot of [1, 3, 5, 7])
      expect(asked.filter((other) => other === slot).length).toBeGreaterThan(2);
    expect(asked.length).toBeLessThan(40);
    expect(asked.some((slot) => [0, 2, 4, 6].includes(slot))).toBe(false);
  });

  it('are not asked while nothing is sent', () => {
    const rig = new Rig();
    for (let i = 0; i < 20; i++) rig.sample(FAR_APART);
    rig.probed(1_000_000, 500);
    rig.now += 1_000_000;
    const asked: number[] = [];
    rig.table.probe(rig.now, (_, slot) => asked.push(slot) > 0);
    for (const slot of asked) rig.table.onProbeAnswered(0, slot, 500, rig.now);
    expect(rig.table.nextTimeout()).toBe(Number.POSITIVE_INFINITY);
  });

  it('are found dead before they are needed', () => {
    const rig = new Rig();
    for (let i = 0; i < 20; i++) rig.sample(FAR_APART);
    rig.probed(400_000);
    for (const slot of [1, 3, 5, 7]) expect(rig.table.stateOf(0, slot)).toBe(SLOT_BAD);
  });
});
