// The three forms against a plain model, and what must hold for any of them: a packet never gets a port that is closed while
// another is open, and closing a port moves only the flows that were on it.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type FastEntry,
  FORM_BITMAP,
  FORM_GROUPS,
  FORM_STRIDES,
  homeOf,
  mixPort,
  selectPort,
  stateBytes,
  UNUSABLE,
} from './fast-select.ts';

const BASE = 10_000;
const kernelPort = fc.integer({ min: 0, max: 65_535 });
const homes = fc.constantFrom(32, 64);
const openSet = fc.uniqueArray(fc.integer({ min: 0, max: 63 }), { maxLength: 64 });

function bitmapOf(open: readonly number[], unit = 0): Uint8Array {
  const states = new Uint8Array(unit * 4 + 8);
  for (const port of open) states[unit * 4 + (port >> 3)]! |= 1 << (port & 7);
  return states;
}

/** Priority masks as the paper draws them: a list of ports in order of priority, the first open one is taken. */
function plainBitmap(open: readonly number[], count: number, hash: number): number {
  const home = hash % count;
  if (open.includes(home)) return home;
  const circle = open.some((port) => port >= 32) ? 64 : 32;
  const start = (hash >>> 8) % circle;
  const masks = Array.from({ length: circle }, (_, i) => (start + i) % circle);
  return masks.find((port) => open.includes(port)) ?? -1;
}

describe('a bitmap', () => {
  it('selects as priority masks do', () => {
    fc.assert(
      fc.property(openSet, homes, kernelPort, fc.nat(5), (open, count, port, half) => {
        const entry: FastEntry = { form: FORM_BITMAP, basePort: BASE, homes: count, unit: 2 * half };
        const chosen = selectPort(bitmapOf(open, 2 * half), entry, port);
        const expected = plainBitmap(open, count, mixPort(port));
        expect(chosen).toBe(expected < 0 ? 0 : BASE + expected);
      }),
      { numRuns: 3000 },
    );
  });

  it('moves only the flows of a port that is closed, while no others are added', () => {
    fc.assert(
      fc.property(
        openSet,
        homes,
        fc.array(kernelPort, { minLength: 50, maxLength: 50 }),
        (open, count, ports) => {
          fc.pre(
            open.length > 1 && open.slice(1).some((port) => port >= 32) === open.some((port) => port >= 32),
          );
          const entry: FastEntry = { form: FORM_BITMAP, basePort: BASE, homes: count, unit: 0 };
          const before = bitmapOf(open);
          const after = bitmapOf(open.slice(1));
          for (const port of ports) {
            const was = selectPort(before, entry, port);
            if (was !== BASE + open[0]!) expect(selectPort(after, entry, port)).toBe(was);
          }
        },
      ),
    );
  });

  it('spreads the flows of closed ports over all open ones', () => {
    const open = Array.from({ length: 16 }, (_, i) => i);
    const states = bitmapOf(open);
    const entry: FastEntry = { form: FORM_BITMAP, basePort: BASE, homes: 32, unit: 0 };
    const counts = new Array<number>(16).fill(0);
    for (let port = 32_768; port < 61_000; port++) counts[selectPort(states, entry, port) - BASE]!++;
    const mean = (61_000 - 32_768) / 16;
    // Half of the circle is closed behind port 15: its first open port gets those that start there.
    expect(Math.min(...counts)).toBeGreaterThan(mean * 0.6);
    for (const count of counts.slice(1)) expect(Math.abs(count - counts[1]!)).toBeLessThan(mean * 0.15);
  });
});

it('strides: an empty byte is home, another the port that it names for its whole group', () => {
  fc.assert(
    fc.property(
      homes,
      kernelPort,
      fc.array(fc.integer({ min: 0, max: 65 }), { minLength: 8, maxLength: 8 }),
      (count, port, bytes) => {
        const states = Uint8Array.from(bytes, (byte) => (byte === 65 ? UNUSABLE : byte));
        const entry: FastEntry = { form: FORM_STRIDES, basePort: BASE, homes: count, unit: 0 };
        const home = homeOf(port, count);
        const byte = states[home % (count / 8)]!;
        const expected = byte === 0 ? home : byte === UNUSABLE ? -1 : byte - 1;
        expect(selectPort(states, entry, port)).toBe(expected < 0 ? 0 : BASE + expected);
      },
    ),
  );
});

it('groups: a byte a home port', () => {
  fc.assert(
    fc.property(homes, kernelPort, fc.integer({ min: 0, max: 65 }), (count, port, value) => {
      const byte = value === 65 ? UNUSABLE : value;
      const states = new Uint8Array(stateBytes(FORM_GROUPS, count));
      const home = homeOf(port, count);
      states[home] = byte;
      const entry: FastEntry = { form: FORM_GROUPS, basePort: BASE, homes: count, unit: 0 };
      const expected = byte === 0 ? home : byte === UNUSABLE ? -1 : byte - 1;
      expect(selectPort(states, entry, port)).toBe(expected < 0 ? 0 : BASE + expected);
    }),
  );
});

it('the kernel’s ports are at home on all ports alike', () => {
  const counts = new Array<number>(32).fill(0);
  for (let port = 32_768; port < 61_000; port++) counts[homeOf(port, 32)]!++;
  const mean = (61_000 - 32_768) / 32;
  for (const count of counts) expect(Math.abs(count - mean)).toBeLessThan(mean * 0.1);
});
