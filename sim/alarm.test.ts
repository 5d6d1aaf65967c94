// An alarm against the plain rule: it rings at its deadline, once, and at no other time.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Alarm } from './alarm.ts';
import { Clock } from './clock.ts';

type Step = { readonly wait: number } & (
  | { readonly action: 'set' | 'setEarlier'; readonly after: number }
  | { readonly action: 'cancel' }
);

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ wait: fc.nat(20), action: fc.constantFrom('set', 'setEarlier'), after: fc.nat(60) }),
  fc.record({ wait: fc.nat(20), action: fc.constant('cancel') }),
);

test('rings at its deadline whatever came before', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const clock = new Clock(0);
      const rung: number[] = [];
      const alarm = new Alarm(clock, () => rung.push(clock.nowMicros));
      const expected: number[] = [];
      let due = Number.POSITIVE_INFINITY;
      const pass = (until: number) => {
        clock.runUntil(until);
        if (due > until) return;
        expected.push(due);
        due = Number.POSITIVE_INFINITY;
      };
      for (const each of steps) {
        pass(clock.nowMicros + each.wait);
        if (each.action === 'cancel') {
          alarm.cancel();
          due = Number.POSITIVE_INFINITY;
          continue;
        }
        const at = clock.nowMicros + each.after;
        alarm[each.action](at);
        due = each.action === 'set' ? at : Math.min(due, at);
        expect(alarm.isSet).toBe(true);
      }
      pass(10_000);
      expect(rung).toEqual(expected);
      expect(alarm.isSet).toBe(false);
    }),
  );
});

test('a deadline that moves away leaves one event with the clock', () => {
  const clock = new Clock(0);
  const alarm = new Alarm(clock, () => {});
  for (let i = 0; i < 1000; i++) {
    clock.runUntil(i);
    alarm.set(i + 200);
    expect(clock.pending).toBe(1);
  }
});
