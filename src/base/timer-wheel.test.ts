import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TimerWheel } from './timer-wheel.ts';

describe('TimerWheel', () => {
  it('fires each timer once, not early and at most a tick late, whatever the order of operations', () => {
    const operation = fc.oneof(
      fc.record({
        op: fc.constant('set' as const),
        id: fc.nat(40),
        delay: fc.integer({ min: 0, max: 40_000_000 }),
      }),
      fc.record({
        op: fc.constant('set' as const),
        id: fc.nat(40),
        delay: fc.integer({ min: 0, max: 20_000 }),
      }),
      fc.record({ op: fc.constant('cancel' as const), id: fc.nat(40) }),
      fc.record({ op: fc.constant('next' as const) }),
      fc.record({ op: fc.constant('advance' as const), by: fc.integer({ min: 0, max: 3_000_000 }) }),
    );
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 1e9 }),
        fc.array(operation, { maxLength: 60 }),
        (start, operations) => {
          let now = start;
          const wheel = new TimerWheel(now, 4);
          const model = new Map<number, number>();
          const expire = () => {
            const due = [...model].filter(([, at]) => at <= now - 64).map(([id]) => id);
            const fired: number[] = [];
            wheel.expire(now, (id) => {
              expect(model.get(id)).toBeLessThanOrEqual(now);
              model.delete(id);
              fired.push(id);
            });
            for (const id of due) expect(fired).toContain(id);
          };
          for (const step of operations) {
            if (step.op === 'set') {
              wheel.set(step.id, now + step.delay);
              model.set(step.id, now + step.delay);
            } else if (step.op === 'cancel') {
              wheel.cancel(step.id);
              model.delete(step.id);
            } else if (step.op === 'advance') {
              now += step.by;
              expire();
            } else {
              const next = wheel.nextTimeout();
              const first = Math.min(Number.POSITIVE_INFINITY, ...model.values());
              expect(next).toBeLessThanOrEqual(first === Number.POSITIVE_INFINITY ? first : first + 64);
              if (next < Number.POSITIVE_INFINITY) {
                now = Math.max(now, next);
                expire();
              }
            }
          }
        },
      ),
      { numRuns: 500 },
    );
  });

  it('reaches a distant deadline in few steps by following nextTimeout', () => {
    const wheel = new TimerWheel(123);
    wheel.set(3, 5_000_000);
    let steps = 0;
    let firedAt = 0;
    while (firedAt === 0) {
      const now = wheel.nextTimeout();
      wheel.expire(now, () => {
        firedAt = now;
      });
      steps++;
    }
    expect(firedAt).toBeGreaterThanOrEqual(5_000_000);
    expect(steps).toBeLessThan(6);
  });

  it('may set a timer again while it fires', () => {
    const wheel = new TimerWheel(0);
    let count = 0;
    wheel.set(1, 100);
    for (let now = 0; now <= 1000; now += 10) {
      wheel.expire(now, (id) => {
        count++;
        wheel.set(id, now + 100);
      });
    }
    expect(count).toBeGreaterThanOrEqual(6);
    expect(count).toBeLessThanOrEqual(9);
  });
});
