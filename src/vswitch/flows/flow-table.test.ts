import { describe, expect, it } from 'vitest';
import { itForSeeds } from '../../../test/support/seeds.ts';
import { below, SeededRng } from '../../base/rng.ts';
import { FLOW_WORDS, NATIVE_FLOW } from '../../packet/device.ts';
import { FlowTable } from './flow-table.ts';

function keyOf(...words: number[]): Uint32Array {
  const key = new Uint32Array(FLOW_WORDS);
  key.set(words);
  return key;
}

itForSeeds('finds what a map finds, whatever was added and removed', 3, (seed) => {
  const rng = new SeededRng(seed);
  let table = new FlowTable(500, rng.u32());
  const model = new Map<string, number>();
  for (let step = 0; step < 6000; step++) {
    // Few values, so that keys come again and differ in one word.
    const key = new Uint32Array(FLOW_WORDS).map(() => (below(rng, 12) === 0 ? below(rng, 5) : 7));
    const link = below(rng, 4);
    const name = `${link}: ${key.join(' ')}`;
    const known = model.get(name);
    expect(table.find(link, key)).toBe(known ?? -1);
    if (known === undefined) {
      const flow = table.add(link, key);
      expect(flow < 0).toBe(model.size === 500);
      if (flow >= 0) model.set(name, flow);
    } else if (below(rng, 3) > 0) {
      table.remove(known);
      model.delete(name);
    }
    if (step % 500 === 0) table = new FlowTable(500, 0, table.save());
    expect(table.count).toBe(model.size);
  }
  expect(new Set(model.values()).size).toBe(model.size);
  for (const flow of model.values()) expect(table.isUsed(flow)).toBe(true);
});

describe('flows', () => {
  it('are told apart by every word of their keys and by their link', () => {
    const table = new FlowTable(100, 1);
    const base = keyOf(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11);
    const flows = new Set([table.add(0, base), table.add(1, base)]);
    for (let word = 0; word < FLOW_WORDS; word++) {
      const other = base.slice();
      other[word]!++;
      expect(table.find(0, other)).toBe(-1);
      flows.add(table.add(0, other));
    }
    expect(flows.size).toBe(2 + FLOW_WORDS);
  });

  it('of sixteen thousand keys have as many rows, and give their keys back', () => {
    const table = new FlowTable(65_536, 99);
    const key = keyOf();
    for (let id = 0; id < 16_384; id++) {
      key[NATIVE_FLOW] = id;
      key[8] = 5000;
      expect(table.add(3, key)).toBe(id);
    }
    const read = keyOf();
    for (let id = 0; id < 16_384; id += 97) {
      key[NATIVE_FLOW] = id;
      const flow = table.find(3, key);
      table.keyInto(flow, read);
      expect(read).toEqual(key);
      expect(table.linkOf(flow)).toBe(3);
    }
  });
});
