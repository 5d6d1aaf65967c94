import { expect, it } from 'vitest';
import { itForSeeds } from '../../test/support/seeds.ts';
import { below, SeededRng } from '../base/rng.ts';
import { MacTable } from './mac-table.ts';

itForSeeds('finds what a map finds', 3, (seed) => {
  const rng = new SeededRng(seed);
  const table = new MacTable();
  const model = new Map<number, number>();
  // Few values, so that MACs differ in their upper or lower half alone, or come again.
  const draw = () => below(rng, 40) * 0x1_0000_0000 + below(rng, 4) * 0x4000_0000 + below(rng, 3);
  for (let i = 0; i < 400; i++) {
    const mac = draw();
    const other = draw();
    table.set(mac, i);
    model.set(mac, i);
    expect(table.get(other)).toBe(model.get(other) ?? -1);
  }
  for (const [mac, number] of model) expect(table.get(mac)).toBe(number);
});

it('knows nobody at first', () => {
  expect(new MacTable().get(0)).toBe(-1);
});
