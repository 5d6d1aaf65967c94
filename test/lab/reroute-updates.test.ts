// Packets that update the fast table: what is stored by them is what is stored directly, and nothing else has an effect.
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { requireProgram } from '../../lab/programs.ts';
import { SeededRng } from '../../src/base/rng.ts';
import { runOnPacket } from '../../src/linux/bpf/test-run.testing.ts';
import { FastMaps } from '../../src/reroute/fast-maps.ts';
import { KernelHalf } from '../../src/reroute/kernel-half.ts';
import { UpdateCable } from '../../src/reroute/update-cable.ts';
import { eventually } from './eventually.ts';
import { needBpf, whyNoBpf } from './rights.ts';

needBpf();

const ELEMENTS = 20_000;
const XDP_DROP = 1;

let kernel: KernelHalf;
let maps: FastMaps;
beforeEach(() => {
  if (whyNoBpf !== undefined) return;
  kernel = new KernelHalf({
    devices: [],
    port: 4789,
    locals: [0x7f000001],
    maxElements: ELEMENTS,
    takesUpdates: true,
  });
  maps = new FastMaps(kernel, Number(process.hrtime.bigint() / 1000n));
});
afterEach(() => kernel?.close());

/** Ethernet, the header's first ten bytes and zeros, records. */
function packet(records: readonly (readonly [number, number, number])[], change = {}): Uint8Array {
  const {
    magic = 0xffeedd,
    type = 5,
    version = 1,
    length = 40 + 12 * records.length,
  } = change as Record<string, number>;
  const bytes = new Uint8Array(14 + 40 + 12 * records.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(14, magic * 256 + type);
  view.setUint8(18, version);
  view.setUint16(22, length);
  for (const [i, [element, low, high]] of records.entries()) {
    view.setUint32(54 + 12 * i, element);
    view.setUint32(58 + 12 * i, low, true);
    view.setUint32(62 + 12 * i, high, true);
  }
  return bytes;
}

const words = (element: number) => [...kernel.states.subarray(2 * element, 2 * element + 2)];

test('by a cable of its own, thousands of records arrive as they were stored', async ({ onTestFinished }) => {
  const cable = await UpdateCable.open(kernel, await requireProgram('ip'));
  onTestFinished(() => cable.close());
  const rng = new SeededRng(1);
  const wanted = Uint32Array.from({ length: 2 * ELEMENTS }, () => rng.u32());
  for (let i = 0; i < ELEMENTS; i++) cable.store(i, wanted[2 * i]!, wanted[2 * i + 1]!);
  cable.flush();
  await eventually('the updates', () => cable.taken === ELEMENTS);
  expect(cable.refused).toBe(0);
  expect(kernel.states.subarray(0, 2 * ELEMENTS)).toEqual(wanted);
  expect(kernel.states.subarray(2 * ELEMENTS).every((word) => word === 0)).toBe(true);
  expect(kernel.settings.counts.badUpdates).toBe(0);
});

describe('the program', () => {
  test('stores what records say', () => {
    const run = runOnPacket(
      kernel.updatesFd,
      packet([
        [3, 1, 2],
        [4, 0xffff_ffff, 0x8000_0000],
      ]),
    );
    expect(run.verdict).toBe(XDP_DROP);
    expect(words(3)).toEqual([1, 2]);
    expect(words(4)).toEqual([0xffff_ffff, 0x8000_0000]);
    expect(kernel.settings.counts).toMatchObject({ updates: 2, badUpdates: 0 });
  });

  test.each([
    ['another magic number', packet([[3, 1, 2]], { magic: 0xffeedc })],
    ['another type', packet([[3, 1, 2]], { type: 0x7f })],
    ['another version', packet([[3, 1, 2]], { version: 2 })],
    ['a length less than the header’s', packet([[3, 1, 2]], { length: 39 })],
    ['no room for the header', packet([]).subarray(0, 53)],
  ])('ignores %s', (_what, bytes) => {
    maps.store(3, 7, 7);
    expect(runOnPacket(kernel.updatesFd, bytes).verdict).toBe(XDP_DROP);
    expect(words(3)).toEqual([7, 7]);
    expect(kernel.settings.counts.updates).toBe(0);
  });

  test.each([
    [
      'a record that is cut',
      packet([
        [3, 1, 2],
        [4, 1, 2],
      ]).subarray(0, 14 + 40 + 20),
    ],
    ['more records than there are', packet([[3, 1, 2]], { length: 40 + 12 * 200 })],
    [
      'an element that does not exist',
      packet([
        [3, 1, 2],
        [2 * ELEMENTS, 1, 2],
      ]),
    ],
  ])('takes what comes before %s, and counts it', (_what, bytes) => {
    runOnPacket(kernel.updatesFd, bytes);
    expect(words(3)).toEqual([1, 2]);
    expect(words(4)).toEqual([0, 0]);
    expect(kernel.settings.counts).toMatchObject({ updates: 1, badUpdates: 1 });
  });
});
