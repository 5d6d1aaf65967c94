// Whoever is told of the changes has the same table as who makes them, whatever is added, removed and written.
import { describe, expect, it } from 'vitest';
import { itForSeeds } from '../../../test/support/seeds.ts';
import { below, chance, SeededRng } from '../../base/rng.ts';
import type { Ipv6Address } from '../../wire/address.ts';
import {
  type FastEntry,
  FORM_BITMAP,
  FORM_GROUPS,
  FORM_STRIDES,
  selectPort,
  stateBytes,
} from './fast-select.ts';
import { FastTable, type FastTableHolder } from './fast-table.ts';

const FORMS = [FORM_BITMAP, FORM_STRIDES, FORM_GROUPS] as const;

class Copy implements FastTableHolder {
  readonly entries = new Map<string, FastEntry>();
  states = new Uint8Array(1 << 16);

  remove(destination: Ipv6Address): void {
    expect(this.entries.delete(String(destination))).toBe(true);
  }
  store(element: number, low: number, high: number): void {
    const view = new DataView(this.states.buffer);
    view.setUint32(element * 8, low, true);
    view.setUint32(element * 8 + 4, high, true);
  }
  place(destination: Ipv6Address, entry: FastEntry): void {
    this.entries.set(String(destination), entry);
  }
}

function addressOf(id: number): Ipv6Address {
  return [0, 0, 0xffff, 0x0a000000 + id];
}

/** Something random happens to a table. */
function mutate(table: FastTable, ids: Set<number>, rng: SeededRng): void {
  const id = below(rng, 40);
  if (!ids.has(id)) {
    if (table.add(id, addressOf(id), FORMS[below(rng, 3)]!, 10_000, chance(rng, 0.5) ? 32 : 64)) ids.add(id);
    return;
  }
  if (chance(rng, 0.2)) {
    table.remove(id);
    ids.delete(id);
    return;
  }
  const { form, homes } = table.entryOf(id)!;
  if (form === FORM_BITMAP) table.setBitmap(id, rng.u32(), chance(rng, 0.5) ? 0 : rng.u32());
  else table.setByte(id, below(rng, stateBytes(form, homes)), below(rng, 65));
}

describe('a holder', () => {
  itForSeeds('selects what the table does after each drain, and after being filled', 8, (seed) => {
    const rng = new SeededRng(seed);
    const table = new FastTable(120);
    const copy = new Copy();
    const ids = new Set<number>();
    for (let round = 0; round < 40; round++) {
      for (let i = below(rng, 12); i >= 0; i--) mutate(table, ids, rng);
      table.drain(copy);
      compare(table, copy, ids, rng);
    }
    const fresh = new Copy();
    table.fill(fresh);
    compare(table, fresh, ids, rng);
    expect(table.elements).toBeLessThanOrEqual(120);
  });

  it('is told nothing twice, and of no state that did not change', () => {
    const table = new FastTable(10);
    table.add(1, addressOf(1), FORM_BITMAP, 10_000, 32);
    const stored: number[][] = [];
    const holder = { remove() {}, place() {}, store: (...change: number[]) => void stored.push(change) };
    table.drain(holder);
    expect(stored).toEqual([[0, 0xffffffff, 0]]);
    expect(table.setBitmap(1, 0xffffffff, 0)).toBe(false);
    table.drain(holder);
    expect(table.setBitmap(1, 0xfffffffe, 0)).toBe(true);
    table.drain(holder);
    expect(stored).toEqual([
      [0, 0xffffffff, 0],
      [0, 0xfffffffe, 0],
    ]);
  });
});

it('two destinations of hierarchical indexes share an element', () => {
  const table = new FastTable(1);
  expect(table.add(1, addressOf(1), FORM_STRIDES, 10_000, 32)).toBe(true);
  expect(table.add(2, addressOf(2), FORM_STRIDES, 10_000, 32)).toBe(true);
  expect(table.add(3, addressOf(3), FORM_STRIDES, 10_000, 32)).toBe(false);
  expect(table.elements).toBe(1);
});

function compare(table: FastTable, copy: Copy, ids: Set<number>, rng: SeededRng): void {
  expect(copy.entries.size).toBe(ids.size);
  for (const id of ids) {
    const entry = copy.entries.get(String(addressOf(id)))!;
    expect(entry).toEqual(table.entryOf(id));
    for (let i = 0; i < 5; i++) {
      const port = below(rng, 65_536);
      expect(selectPort(copy.states, entry, port)).toBe(selectPort(table.states, entry, port));
    }
  }
}
