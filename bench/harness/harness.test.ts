// From values of several rounds to a table, ratios and a line of JSON.
import { describe, expect, test } from 'vitest';
import { SelvageError } from '../../src/base/errors.ts';
import type { Peer, PeerName } from '../peers/peer.ts';
import { attachPeers } from './attach.ts';
import type { BenchOutcome } from './bench.ts';
import { inTurns } from './in-turns.ts';
import { Measurements } from './measurements.ts';
import { quotient, worstRate, worstTime } from './ratios.ts';
import { outcomeJson, renderOutcome } from './report.ts';
import { summarize } from './statistics.ts';

function peer(name: PeerName, title: string, rest: Partial<Peer> = {}): Peer {
  return { name, title, settings: `as ${title} comes`, serverAddress: '192.0.2.1', ...rest };
}

const selvage = peer('selvage', 'Selvage');
const kernel = peer('kernelVxlan', 'kernel VXLAN');

function measurements(): Measurements {
  const measured = new Measurements();
  for (const [round, rate] of [9, 7, 8].entries()) {
    measured.record('kernelVxlan', '1 flow', { rate: rate * 1000, failed: round });
    measured.record('selvage', '1 flow', { rate: rate * 900, failed: 0 });
    measured.record('kernelVxlan', '4 flows', { rate: rate * 1000 });
    measured.record('selvage', '4 flows', { rate: rate * 500 });
  }
  return measured;
}

test.each([
  [[3], { median: 3, min: 3, max: 3 }],
  [[5, 1, 4], { median: 4, min: 1, max: 5 }],
  [[5, 1, 4, 2], { median: 3, min: 1, max: 5 }],
])('the summary of %j', (values, summary) => {
  expect(summarize(values)).toEqual(summary);
});

describe('ratios', () => {
  const flows = ['1 flow', '4 flows'];

  test('of rates are Selvage’s ÷ the peer’s, of times the peer’s ÷ Selvage’s, the worst of several cases', () => {
    expect(worstRate(measurements(), 'kernelVxlan', 'rate', flows)).toBeCloseTo(0.5);
    expect(worstTime(measurements(), 'kernelVxlan', 'rate', flows)).toBeCloseTo(1 / 0.9);
    expect(quotient(measurements(), 'selvage', 'kernelVxlan', 'rate', '1 flow')).toBeCloseTo(0.9);
  });

  test('are unknown without one of the peers', () => {
    expect(worstRate(measurements(), 'ovsUserspace', 'rate', flows)).toBeUndefined();
    expect(worstTime(measurements(), 'kernelVxlan', 'rate', ['1 flow', '16 flows'])).toBeUndefined();
  });
});

describe('a report', () => {
  const outcome: BenchOutcome = {
    rounds: 3,
    peers: [kernel, selvage],
    columns: [
      { metric: 'rate', title: 'requests/s' },
      { metric: 'failed', title: 'failed', total: true },
    ],
    measured: measurements(),
    ratios: { worst: 0.5, unknown: undefined },
    notes: ['A note.'],
  };

  test('shows cases together, medians with their spread, and what is known of the ratios', () => {
    expect(renderOutcome('throughput', false, outcome)).toBe(`throughput, 3 rounds: median (smallest–largest)

case     peer                   requests/s  failed
1 flow   kernel VXLAN  8,000 (7,000–9,000)       3
1 flow   Selvage       7,200 (6,300–8,100)       0
4 flows  kernel VXLAN  8,000 (7,000–9,000)       –
4 flows  Selvage       4,000 (3,500–4,500)       –

worst = 0.500

kernel VXLAN: as kernel VXLAN comes.
Selvage: as Selvage comes.
A note.`);
  });

  test('says when it is a quick one', () => {
    expect(renderOutcome('throughput', true, { ...outcome, rounds: 1 })).toMatch(
      /^throughput \(quick: a rough figure, not a result\), one round\n/,
    );
    expect(JSON.parse(outcomeJson('throughput', true, outcome)).quick).toBe(true);
  });

  test('is one line of JSON with the agreed fields', () => {
    const line = outcomeJson('throughput', false, outcome);
    expect(line).not.toContain('\n');
    const { peers, ...rest } = JSON.parse(line);
    expect(rest).toEqual({ bench: 'throughput', ratios: { worst: 0.5 }, rounds: 3 });
    expect(Object.keys(peers)).toEqual(['kernelVxlan', 'selvage']);
    expect(peers.kernelVxlan['1 flow'].rate).toEqual({ median: 8000, min: 7000, max: 9000 });
  });
});

test('peers take turns, each round begins with another, and who polls rests in the turns of others', async () => {
  const seen: string[] = [];
  const polling = peer('ovsAfXdp', 'polling', {
    rest: () => seen.push('rests'),
    wake: () => seen.push('wakes'),
  });
  await inTurns(
    [selvage, polling],
    2,
    () => {},
    async ({ title }, round) => {
      seen.push(`${title} ${round}`);
    },
  );
  const [begin, end] = [['rests'], ['wakes']];
  const turns = ['Selvage 0', 'wakes', 'polling 0', 'rests', 'wakes', 'polling 1', 'rests', 'Selvage 1'];
  expect(seen).toEqual([...begin, ...turns, ...end]);
});

test('who rests is woken when a turn fails', async () => {
  const seen: string[] = [];
  const polling = peer('ovsAfXdp', 'polling', {
    rest: () => seen.push('rests'),
    wake: () => seen.push('wakes'),
  });
  const failing = inTurns(
    [selvage, polling],
    1,
    () => {},
    () => Promise.reject(new Error('broken')),
  );
  await expect(failing).rejects.toThrow('broken');
  expect(seen.at(-1)).toBe('wakes');
});

test('a peer whose program cannot be had is left out and said; any other failure is one', async () => {
  const noProgram = new SelvageError('no-program', 'There is no ovs-vswitchd.', { hint: 'Install it.' });
  const attached = await attachPeers(
    [
      ['Selvage', async () => selvage],
      ['Open vSwitch', () => Promise.reject(noProgram)],
    ],
    () => {},
  );
  expect(attached).toEqual({
    peers: [selvage],
    missing: ['Without Open vSwitch: There is no ovs-vswitchd. Install it.'],
  });
  const broken = attachPeers([['Selvage', () => Promise.reject(new Error('broken'))]], () => {});
  await expect(broken).rejects.toThrow('broken');
});
