import { expect, it } from 'vitest';
import { constantWindow } from './constant-window.ts';

it('is as many packets as it was told, whatever happens, and paces nothing', () => {
  const controller = constantWindow(512, 1400);
  controller.onLoss({ nowMicros: 1, lostBytes: 1400, inFlightBytes: 700_000 });
  controller.onTimeout(2);
  controller.onAck({ nowMicros: 3, ackedBytes: 1400, rttMicros: 100, inFlightBytes: 0 });
  expect(controller.cwndBytes()).toBe(512 * 1400);
  expect(controller.pacingBytesPerSecond()).toBe(Number.POSITIVE_INFINITY);
});
