import { expect, test } from 'vitest';
import type { CongestionStatus } from '../agent/congestion/congestion-status.ts';
import { renderCongestion, renderEnd, renderLinux, renderOutcome } from './cc-text.ts';
import { curvesOf, renderTrace, traceSvg } from './trace-chart.ts';

const counters = { fallbacks: 0, reportsRefused: 0, commandsBad: 0 };
const gentle: CongestionStatus['algorithms'][number] = {
  name: 'gentle',
  from: '/tmp/gentle.ts',
  state: 'running',
  controlled: 4,
  fallback: 1,
  reports: 812,
  commands: 1630,
  badMessages: 0,
  restarts: 0,
};

test('the list says who decides, what is set, and what went wrong', () => {
  const trouble = 'it crashed: boom';
  const text = renderCongestion({
    algorithms: [gentle, { ...gentle, name: 'reno', from: 'built in', state: 'ended', trouble }],
    rules: [{ algorithm: 'gentle', governs: 'VNI 77 to 10.0.2.1' }],
    counters: { ...counters, fallbacks: 3 },
  });
  expect(text).toBe(`ALGORITHM  STATE    CONTROLS  ON THEIR OWN  REPORTS  COMMANDS  RESTARTS  FROM
gentle     running         4             1      812      1630         0  /tmp/gentle.ts
reno       ended           4             1      812      1630         0  built in

reno had trouble last: it crashed: boom

Set, the last that fits decides:
ALGORITHM  GOVERNS
gentle     VNI 77 to 10.0.2.1

Since the agent started: 3 × a slot fell back to the built-in Reno.`);
});

test('nothing and outcomes are sentences', () => {
  expect(renderCongestion({ algorithms: [], rules: [], counters })).toMatch(
    /^No algorithm of the control plane runs/,
  );
  expect(renderOutcome({ algorithm: 'reno', governs: ['VNI 77'], flows: 4 })).toBe(
    'reno governs VNI 77, 4 slots in use now.',
  );
  expect(renderOutcome({ algorithm: 'mine', governs: [], flows: 0 })).toMatch(/governs nothing yet/);
  expect(renderEnd({ algorithm: 'mine', governed: [] })).toBe('mine has ended.');
  expect(renderEnd({ algorithm: 'mine', governed: ['VNI 77', 'to 10.0.2.1'] })).toBe(
    'mine has ended. What it governed is governed by others now: VNI 77, to 10.0.2.1.',
  );
});

test('connections of Linux’s TCP are listed, those with the most reports first, and no more than can be read', () => {
  const counts = { reports: 1, stale: 0, missed: 0, unserved: 0 };
  expect(renderLinux({ connections: [], counts })).toBe('0 connections, 1 report');
  const few = [
    { connection: '10.0.0.1:40000 → 10.0.0.2:443', decides: 'Reno', reports: 3, trouble: 'it threw' },
    { connection: '10.0.0.1:40001 → 10.0.0.2:443', decides: 'algorithm', reports: 812 },
  ] as const;
  expect(
    renderLinux({ connections: few, counts: { ...counts, reports: 815, unserved: 2 } }),
  ).toBe(`2 connections, 815 reports; 2 connections had no room and were left to Reno
CONNECTION                     DECIDES    REPORTS  LAST TROUBLE
10.0.0.1:40001 → 10.0.0.2:443  algorithm      812
10.0.0.1:40000 → 10.0.0.2:443  Reno             3  it threw`);
  const many = Array.from({ length: 60 }, () => few[0]);
  expect(renderLinux({ connections: many, counts }).split('\n')).toHaveLength(52);
});

const samples = Array.from({ length: 50 }, (_, i) => ({
  atSeconds: i / 10,
  cwndBytes: 10_000 * (1 + (i % 10)),
  sentBytes: i * 1_250_000,
  rttMicros: 900 + i,
  fabricMicros: 400 + 10 * i,
}));

test('a trace has window, rate, round trip and queueing', () => {
  const curves = curvesOf(samples);
  expect(curves.map(({ name, points, format }) => `${name} ${format(points.at(-1)![1])}`)).toEqual([
    'window 100 KB',
    'rate 100.0 Mbit/s',
    'round trip 949 µs',
    'queueing 490 µs',
  ]);
  const text = renderTrace('0012ab3f under reno', curves);
  for (const line of text.split('\n')) expect(line.length).toBeLessThanOrEqual(80);
  expect(text).toContain('rate: 100.0 Mbit/s at the end, 100.0 Mbit/s at most');
  const svg = traceSvg('a<b', curves);
  expect(svg.match(/<polyline/g)).toHaveLength(4);
  expect(svg).not.toContain('a<b');
});

test('a trace of one sample, of nothing that moves, is drawn, or told where nothing can be drawn', () => {
  const curves = curvesOf([{ atSeconds: 0, cwndBytes: 0, sentBytes: 0, rttMicros: 0, fabricMicros: 0 }]);
  expect(renderTrace('x', curves)).toContain('Nothing was sent');
  expect(traceSvg('x', curves)).not.toContain('NaN');
});
