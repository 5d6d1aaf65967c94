// Against a map, through growth and removals.
import { expect } from 'vitest';
import { itForSeeds } from '../../../test/support/seeds.ts';
import { below, chance, SeededRng } from '../../base/rng.ts';
import type { HostAddress } from '../../wire/address.ts';
import { asIpv6 } from '../../wire/address.ts';
import { AddressTable } from './address-table.ts';

itForSeeds('finds what a map finds', 5, (seed) => {
  const rng = new SeededRng(seed);
  const table = new AddressTable();
  const plain = new Map<string, number>();
  for (let step = 0; step < 3000; step++) {
    const number = below(rng, 300);
    const address: HostAddress = number % 2 === 0 ? number : [0x20010db8, 0, number >> 4, number];
    const key = String(asIpv6(address));
    expect(table.find(address)).toBe(plain.get(key) ?? -1);
    const row = plain.get(key);
    if (row === undefined) {
      const added = table.add(address);
      expect([...plain.values()]).not.toContain(added);
      plain.set(key, added);
      expect(table.hostAddressOf(added)).toEqual(address);
    } else if (chance(rng, 0.5)) {
      table.remove(row);
      plain.delete(key);
    }
    expect(table.size).toBe(plain.size);
  }
  // An IPv4 address and its mapped form are one.
  const row = table.add(0x7f000001);
  expect(table.find([0, 0, 0xffff, 0x7f000001])).toBe(row);
});
