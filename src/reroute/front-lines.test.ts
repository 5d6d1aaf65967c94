// Lines belong to one destination at a time, and a packet that looks for another finds nothing there.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { FrontLines } from './front-lines.ts';
import { front } from './layout.ts';

const keys = fc.uint8Array({ minLength: 16, maxLength: 16 });
const operations = fc.array(
  fc.record({ key: fc.nat(40), entry: fc.bigInt({ min: 1n, max: 2n ** 63n - 1n }), removes: fc.boolean() }),
  { maxLength: 200 },
);

test('a destination has its line until it is removed, and no other has it meanwhile', () => {
  const property = fc.property(
    fc.array(keys, { minLength: 41, maxLength: 41 }),
    operations,
    (some, operations) => {
      const buffer = new ArrayBuffer(front.bytes << front.bits);
      const view = new DataView(buffer);
      const lines = new FrontLines(buffer);
      // Many of them meet in one line: all but two words are alike.
      const all = some.map((key, i) => (i % 2 === 0 ? key : key.fill(0, 0, 15).fill(i % 8, 15)));
      const owners = new Map<number, string>();
      for (const { key: i, entry, removes } of operations) {
        const key = all[i]!;
        const name = key.join();
        if (removes) {
          lines.remove(key);
          expect(lines.find(key)).toBeUndefined();
          for (const [word, owner] of owners) if (owner === name) owners.delete(word);
          continue;
        }
        const word = lines.write(key, entry);
        if (word === undefined) {
          expect(lines.find(key)).toBeUndefined();
          continue;
        }
        expect(owners.get(word) ?? name).toBe(name);
        owners.set(word, name);
        expect(lines.find(key)).toBe(word);
        const at = word * 4 - front.activityAt;
        expect(view.getBigInt64(at + front.entryAt, true)).toBe(entry);
        expect(new Uint8Array(buffer, at + front.addressAt, 16).join()).toBe(name);
      }
      const written = Array.from({ length: 1 << front.bits }, (_, line) =>
        view.getBigInt64(line * front.bytes + front.entryAt, true),
      ).filter((entry) => entry !== 0n);
      expect(written).toHaveLength(owners.size);
    },
  );
  fc.assert(property);
});
