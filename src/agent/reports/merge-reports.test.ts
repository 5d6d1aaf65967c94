// One status of several threads: nothing of any thread is lost, and what they do not agree about is not made up.

import { expect, it } from 'vitest';
import type { SlotReport } from '../../paths/routes.ts';
import { mergePeers, mergeReports, UNSETTLED } from './merge-reports.ts';
import type { SwitchReport } from './switch-report.ts';

const slot = (state: number, rttMicros: number, candidate = 3, route = 1): SlotReport => ({
  state,
  rttMicros,
  candidate,
  route,
});
const rerouting = { moves: 0, badCandidates: 0 };
const peers = (...slots: SlotReport[]) => [{ vtep: 1, slots, rerouting }];

function report(framesIn: number, more: Partial<SwitchReport> = {}): SwitchReport {
  return { counters: { framesIn }, dropped: { spoofedMac: 1 }, peers: [], ...more };
}

it('counters are summed, also those that only one thread has', () => {
  const merged = mergeReports([report(3), report(4, { counters: { framesIn: 4, framesUpTo128: 9 } })]);
  expect(merged).toMatchObject({ counters: { framesIn: 7, framesUpTo128: 9 }, dropped: { spoofedMac: 2 } });
});

it('a slot is as bad as the thread says that has seen it at its worst, and as fast as it was measured', () => {
  const merged = mergePeers([peers(slot(0, 0), slot(2, 900)), peers(slot(1, 120), slot(0, 80))]);
  expect(merged).toEqual(peers(slot(1, 120), slot(2, 80)));
});

it('a slot that threads bound to different ports is not settled', () => {
  const merged = mergePeers([peers(slot(0, 0, 3, 1)), peers(slot(0, 0, 17, 2))]);
  expect(merged).toEqual(peers(slot(0, 0, UNSETTLED, 0)));
});

it('what one thread moved or knows to fail counts for all', () => {
  const found = (moves: number, badCandidates: number) => [
    { ...peers()[0]!, rerouting: { moves, badCandidates } },
  ];
  expect(mergePeers([found(2, 0b0101), found(3, 0b1001)])).toEqual(found(5, 0b1101));
});

it('the report of one thread stays what it is', () => {
  const only = report(5, { peers: peers(slot(1, 7)) });
  expect(mergeReports([only])).toEqual(only);
});
