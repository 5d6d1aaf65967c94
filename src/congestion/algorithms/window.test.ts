import { expect, test } from 'vitest';
import type { FlowControl, FlowInfo, Values } from '../algorithm.ts';
import { reno } from './reno.ts';

const MSS = 1000;

/** Reno after a loss at 100 packets, and the windows it asks for. */
function afterLoss() {
  const windows: number[] = [];
  const flow = { id: 1, mssBytes: MSS, initialCwndBytes: 10 * MSS } as FlowInfo;
  const see = (values: Values = {}) => {
    if (values['Cwnd'] !== undefined) windows.push(values['Cwnd'] / MSS);
  };
  const control: FlowControl = { flow, install: (_, values) => see(values), update: see };
  const controller = reno().onCreate(control, 0);
  const report = (nowMicros: number, fields: Record<string, number>) =>
    controller.onReport({ control, nowMicros, field: (name) => fields[name] ?? 0 });
  report(0, { lost: 1, window: 100 * MSS, rtt: 1000 });
  return { windows, report };
}

test('a window that is used grows, one that is not stays as it is (RFC 7661)', () => {
  const { windows, report } = afterLoss();
  expect(windows.at(-1)).toBe(50);
  report(10_000, { acked: 50 * MSS, used: 50 * MSS, rtt: 1000 });
  expect(windows.at(-1)).toBe(51);
  for (let i = 2; i < 100; i++) report(i * 10_000, { acked: 5 * MSS, used: 20 * MSS, rtt: 1000 });
  expect(windows.at(-1)).toBe(51);
});
