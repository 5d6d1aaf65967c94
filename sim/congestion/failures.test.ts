// What becomes of traffic when its algorithm is silent, hangs, throws or talks nonsense: the datapath says so, goes on by
// itself, and the link stays in use (CCP §4.5.2).
import { describe, expect, test } from 'vitest';
import type { Algorithm, FlowControl } from '../../src/congestion/algorithm.ts';
import { reno } from '../../src/congestion/algorithms/reno.ts';
import { roundProgram } from '../../src/congestion/algorithms/round.ts';
import type { FallbackReason } from '../../src/congestion/datapath.ts';
import { compile } from '../../src/congestion/language/compiler.ts';
import { dumbbell, RTT_MICROS } from './bottleneck.testing.ts';

const seconds = 1e6;

/** Behaves for two seconds, then does this upon every report. */
const turning = (then: (control: FlowControl) => void): Algorithm => ({
  name: 'turning',
  onCreate: (control, startMicros) => {
    const { initialCwndBytes } = control.flow;
    control.install(roundProgram, { Cwnd: 4 * initialCwndBytes });
    return {
      onReport({ nowMicros }) {
        if (nowMicros > startMicros + 2 * seconds) then(control);
      },
    };
  },
});

function start(algorithm: Algorithm) {
  const network = dumbbell({}, [{ algorithm, rttMicros: RTT_MICROS }]);
  network.runUntil(1 * seconds);
  const flow = network.flows[0]!;
  expect(flow.datapath.control).toBe('algorithm');
  return { network, flow };
}

describe('the flow goes on by itself', () => {
  const notAProgram = { bytes: new Uint8Array(1808), reportNames: [], registers: new Map() };
  const foreign = { ...roundProgram, registers: new Map([['Cwnd', 3]]) };
  const cases: readonly [string, FallbackReason, RegExp, (control: FlowControl) => void][] = [
    [
      'throws',
      'failed',
      /out of ideas/,
      () => {
        throw new Error('out of ideas');
      },
    ],
    [
      'sets what its program does not have',
      'failed',
      /no `Speed`/,
      (control) => control.update({ Speed: 9 }),
    ],
    [
      'sets the window to what is no number',
      'absurd',
      /NaN/,
      (control) => control.update({ Cwnd: Number.NaN }),
    ],
    ['sets a negative rate', 'absurd', /-1/, (control) => control.update({ Rate: -1 })],
    ['installs no program', 'absurd', /magic/, (control) => control.install(notAProgram)],
    [
      'names a signal as a variable',
      'absurd',
      /register 3/,
      (control) => control.install(foreign, { Cwnd: 1 }),
    ],
  ];

  test.each(cases)('when the algorithm %s', (_, reason, detail, then) => {
    const { network, flow } = start(turning(then));
    network.runUntil(4 * seconds);
    expect(flow.datapath.control).toBe('fallback');
    const falls = flow.events.filter((event) => event.kind === 'fallback');
    expect(falls).toMatchObject([{ reason, detail: expect.stringMatching(detail) }]);
    expect(network.measureUntil(14 * seconds).utilisation).toBeGreaterThan(0.95);
  });

  test('when the algorithm hangs', () => {
    const algorithm = reno('algorithm');
    const { network, flow } = start(algorithm);
    network.agent(algorithm).hang();
    network.runUntil(2 * seconds);
    expect(flow.events.at(-1)).toMatchObject({ kind: 'fallback', reason: 'silent' });
    expect(network.measureUntil(12 * seconds).utilisation).toBeGreaterThan(0.95);
  });

  test('when there is no algorithm from the beginning', () => {
    const algorithm: Algorithm = { name: 'idle', onCreate: () => ({ onReport() {} }) };
    const network = dumbbell({}, [{ algorithm, rttMicros: RTT_MICROS }]);
    network.runUntil(5 * seconds);
    expect(network.flows[0]!.events).toMatchObject([{ kind: 'fallback', reason: 'silent' }]);
    expect(network.measureUntil(15 * seconds).utilisation).toBeGreaterThan(0.95);
  });
});

const silentProgram = compile('(when true (:= Cwnd 30000))');

test('a program that never reports is left alone, whatever it does', () => {
  const quiet: Algorithm = {
    name: 'quiet',
    onCreate: (control) => {
      control.install(silentProgram);
      return { onReport() {} };
    },
  };
  const { network, flow } = start(quiet);
  network.runUntil(5 * seconds);
  expect(flow.datapath.control).toBe('algorithm');
  expect(network.agent(quiet).reports).toBe(0);
});
