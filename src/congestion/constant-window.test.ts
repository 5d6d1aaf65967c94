import { expect, it } from 'vitest';
import { CC_CONSTANT_WINDOW, CC_NONE } from '../wire/bifrost-types.ts';
import { constantWindow, noControl } from './constant-window.ts';

it.each([
  ['a constant window', constantWindow(512, 1400), CC_CONSTANT_WINDOW, 512 * 1400],
  ['none', noControl(), CC_NONE, Number.POSITIVE_INFINITY],
] as const)('%s is what it was, whatever happens, and paces nothing', (_, algorithm, ccType, cwnd) => {
  const controller = algorithm.create();
  controller.onLoss({ nowMicros: 1, slot: 0, lostBytes: 1400, inFlightBytes: 700_000 });
  controller.onTimeout(0, 2);
  expect(controller.cwndBytes(0)).toBe(cwnd);
  expect(controller.pacingBytesPerSecond(0)).toBe(Number.POSITIVE_INFINITY);
  expect(algorithm.ccType).toBe(ccType);
});
