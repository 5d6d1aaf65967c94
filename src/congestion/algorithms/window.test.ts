import { describe, expect, test } from 'vitest';
import type { Algorithm, FlowControl, FlowInfo, Values } from '../algorithm.ts';
import { copa } from './copa.ts';
import { cubic } from './cubic.ts';
import { dctcp } from './dctcp.ts';
import { fairShare } from './fair-share.ts';
import { nimbus } from './nimbus.ts';
import { reno } from './reno.ts';
import { vegas } from './vegas.ts';

const MSS = 1000;
const RTT_MICROS = 10_000;

/** A flow on a path without a queue, the window it is given, in packets, and reports of it. */
function flowUnder(algorithm: Algorithm) {
  const seen = { window: 0 };
  const flow = { id: 1, mssBytes: MSS, initialCwndBytes: 10 * MSS } as FlowInfo;
  const see = (values: Values = {}) => {
    if (values['Cwnd'] !== undefined) seen.window = values['Cwnd'] / MSS;
  };
  const control: FlowControl = { flow, install: (_, values) => see(values), update: see };
  const controller = algorithm.onCreate(control, 0);
  let nowMicros = 0;
  const report = (fields: Record<string, number>) => {
    nowMicros += RTT_MICROS;
    controller.onReport({ control, nowMicros, field: (name) => fields[name] ?? 0 });
  };
  /** So many round trips, with no more than so many packets to send in each. */
  const send = (rounds: number, packets: number) => {
    for (let i = 0; i < rounds; i++) {
      const used = Math.min(seen.window, packets) * MSS;
      const rates = { sent: (used * 1e6) / RTT_MICROS, received: (used * 1e6) / RTT_MICROS };
      const times = { rtt: RTT_MICROS, standing: RTT_MICROS, longest: RTT_MICROS };
      report({ acked: used, used, ...rates, ...times });
    }
  };
  return { seen, report, send };
}

describe('a window that is used grows, one that is not stays as it is (RFC 7661):', () => {
  /** A loss ends the slow start that those two leave to the datapath. */
  const lose = { lost: 1, window: 30 * MSS, rtt: RTT_MICROS };
  const cases: readonly [Algorithm, Record<string, number>?][] = [
    [reno(), lose],
    [cubic(), lose],
    [dctcp],
    [vegas],
    [fairShare],
    [copa],
  ];
  test.each(cases.map(([algorithm, before]) => ({ algorithm, name: algorithm.name, before })))(
    '$name',
    ({ algorithm, before }) => {
      const { seen, report, send } = flowUnder(algorithm);
      if (before !== undefined) report(before);
      const first = seen.window;
      send(60, Number.POSITIVE_INFINITY);
      expect(seen.window).toBeGreaterThan(1.5 * first);
      const grown = seen.window;
      send(1000, grown / 4);
      expect(seen.window).toBeLessThanOrEqual(grown);
    },
  );

  test('however little is used from the beginning', () => {
    for (const algorithm of [dctcp, vegas, fairShare, copa, nimbus]) {
      const { seen, send } = flowUnder(algorithm);
      send(500, 20);
      // The last doubling, and Nimbus allows for twice its rate and for its pulses.
      expect(seen.window, algorithm.name).toBeLessThanOrEqual(20 * 2 * 2 * 1.5);
    }
  });
});

test('what is acknowledged while a loss is made good was sent before it, and lets nothing grow', () => {
  const { seen, report, send } = flowUnder(reno());
  report({ lost: 1, window: 100 * MSS, rtt: RTT_MICROS });
  send(1, Number.POSITIVE_INFINITY);
  expect(seen.window).toBe(50);
  send(1, Number.POSITIVE_INFINITY);
  expect(seen.window).toBe(51);
});
