import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RowSet } from './row-set.ts';

describe('RowSet', () => {
  it('gives rows back in the order they were added, each once', () => {
    const operation = fc.oneof(fc.record({ add: fc.nat(300) }), fc.constant({ remove: true }));
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 400 }), (operations) => {
        const set = new RowSet();
        const model: number[] = [];
        for (const one of operations) {
          if ('add' in one) {
            set.add(one.add);
            if (!model.includes(one.add)) model.push(one.add);
          } else if (model.length > 0) {
            set.remove(model.shift()!);
          }
          expect(set.first()).toBe(model[0] ?? -1);
        }
      }),
    );
  });
});
