import { describe, expect, it } from 'vitest';
import { noControl } from '../congestion/constant-window.ts';
import { ConnectionTable, firstPsn } from './connections.ts';

const control = () => noControl();

describe('ConnectionTable', () => {
  it('finds rows by pair and by CID, as it grows', () => {
    const table = new ConnectionTable(3, 512, 0xdead_beef, control);
    const rows = Array.from({ length: 100 }, (_, pair) => table.add(1000 + pair, pair % 7, 42));
    for (const [i, row] of rows.entries()) {
      expect(table.ofPair(1000 + i)).toBe(row);
      expect(table.ofCid(table.localCid[row]!)).toBe(row);
      expect(table.localCid[row]! >>> 24).toBe(3);
      expect([table.pair[row], table.peer[row], table.vni[row]]).toEqual([1000 + i, i % 7, 42]);
    }
    expect(new Set(table.localCid.subarray(0, 100)).size).toBe(100);
    expect(table.ofPair(5)).toBe(-1);
  });

  it('gives a row 64 CIDs in turn, of which it knows only the last, and never CID 0', () => {
    // With this salt generation 5 of row 0 on thread 0 would be CID 0.
    const table = new ConnectionTable(0, 512, 5 << 18, control);
    const row = table.add(0, 0, 0);
    const seen: number[] = [];
    for (let i = 0; i < 63; i++) {
      const cid = table.localCid[row]!;
      expect(seen).not.toContain(cid);
      expect(cid).not.toBe(0);
      for (const old of seen) expect(table.ofCid(old)).toBe(-1);
      seen.push(cid);
      table.renew(row);
    }
    expect(table.localCid[row]).toBe(seen[0]);
  });

  it('gives hosts with other salts other CIDs', () => {
    const cids = Array.from({ length: 1000 }, (_, salt) => {
      const table = new ConnectionTable(0, 512, Math.imul(salt, 0x9e37_79b1), control);
      return table.localCid[table.add(0, 0, 0)]!;
    });
    expect(new Set(cids).size).toBe(1000);
  });
});

describe('firstPsn', () => {
  it('is another one for CIDs that differ in any bit', () => {
    for (let bit = 0; bit < 32; bit++) {
      expect(firstPsn(0x0123_4567)).not.toBe(firstPsn((0x0123_4567 ^ (1 << bit)) >>> 0));
    }
  });
});
