// Why a slot was left, when, and how often: told by the path table through what happens to it.
import { describe, expect, it } from 'vitest';
import { SeededRng } from '../base/rng.ts';
import { PathTable, SLOTS } from './path-table.ts';
import { LEFT_NEVER, LEFT_PROBE, LEFT_SILENCE } from './slot-history.ts';

const BEGIN = 1_000_000;

function table(): PathTable {
  const made = new PathTable(BEGIN);
  made.addPeer();
  return made;
}

/** Lets probes be sent until a time. */
function probe(paths: PathTable, untilMicros: number): void {
  for (let next = paths.nextTimeout(); next <= untilMicros; next = paths.nextTimeout())
    paths.probe(next, () => true);
}

describe('the history of a slot', () => {
  it('is empty while nothing happens to it', () => {
    expect(table().storyOf(0, 3)).toEqual({
      since: BEGIN,
      leftAt: 0,
      suspectedBy: LEFT_NEVER,
      failedBy: LEFT_NEVER,
      timeouts: 0,
      probes: 0,
      answers: 0,
      suspected: 0,
      failed: 0,
      recovered: 0,
      rebound: 0,
    });
  });

  it('says that a connection’s silence was followed by an unanswered probe, and keeps it when the slot is back', () => {
    const paths = table();
    const silentAt = BEGIN + 500;
    paths.onTimeout(0, 3, BEGIN, silentAt);
    probe(paths, silentAt + 6000);
    const bad = paths.storyOf(0, 3);
    expect(bad).toMatchObject({ leftAt: silentAt, suspectedBy: LEFT_SILENCE, failedBy: LEFT_PROBE });
    expect(bad.since - silentAt).toBeGreaterThan(4000);
    expect(bad.since - silentAt).toBeLessThan(6000);
    paths.onProbeAnswered(0, 3, 100, silentAt + 7000);
    paths.onProbeAnswered(0, 3, 100, silentAt + 7100);
    const { probes, ...back } = paths.storyOf(0, 3);
    expect(back).toEqual({
      since: silentAt + 7100,
      leftAt: silentAt,
      suspectedBy: LEFT_SILENCE,
      failedBy: LEFT_PROBE,
      timeouts: 1,
      answers: 2,
      suspected: 1,
      failed: 1,
      recovered: 1,
      rebound: 0,
    });
    expect(probes).toBe(2);
    expect(paths.storyOf(0, 2)).toMatchObject({ since: BEGIN, suspected: 0, probes: 0 });
  });

  it('says that an idle slot did not answer when it was asked for its round trip', () => {
    const paths = table();
    for (let slot = 0; slot < SLOTS; slot++) paths.onSample(0, slot, 100 + slot * 100);
    paths.selection(0, BEGIN);
    expect(paths.isSprayed(0, 0)).toBe(true);
    expect(paths.isSprayed(0, 7)).toBe(false);
    probe(paths, BEGIN + 200_000);
    expect(paths.storyOf(0, 7)).toMatchObject({ timeouts: 0, suspectedBy: LEFT_PROBE, failedBy: LEFT_PROBE });
    expect(paths.storyOf(0, 0)).toMatchObject({ suspectedBy: LEFT_NEVER });
  });

  it('begins anew with the next time: what only made it suspect is not said to have been bad', () => {
    const paths = table();
    paths.onTimeout(0, 3, BEGIN, BEGIN + 500);
    paths.onTimeout(0, 3, BEGIN + 600, BEGIN + 1000);
    expect(paths.storyOf(0, 3)).toMatchObject({ failedBy: LEFT_SILENCE });
    for (let i = 0; i < 2; i++) paths.onProbeAnswered(0, 3, 100, BEGIN + 2000 + i);
    paths.onTimeout(0, 3, BEGIN + 3000, BEGIN + 4000);
    paths.onRoundTrip(0, 3, BEGIN + 4000, BEGIN + 4100);
    expect(paths.storyOf(0, 3)).toMatchObject({
      since: BEGIN + 4100,
      leftAt: BEGIN + 4000,
      suspectedBy: LEFT_SILENCE,
      failedBy: LEFT_NEVER,
      suspected: 2,
      failed: 1,
      recovered: 2,
    });
  });

  it('adds up to what the table counts of all slots, and is kept with peers that are added', () => {
    const rng = new SeededRng(7);
    const paths = new PathTable(BEGIN);
    for (let peer = 0; peer < 9; peer++) {
      paths.addPeer();
      for (let i = 0; i < 60; i++) {
        const slot = rng.u32() % SLOTS;
        const at = BEGIN + peer * 100_000 + i * 1000;
        if (rng.u32() % 9 === 0) paths.rebind(peer, slot, 9, 1, at);
        else if (rng.u32() % 3 === 0) paths.onProbeAnswered(peer, slot, 100, at);
        else paths.onTimeout(peer, slot, at - 10, at);
      }
    }
    const sum = { suspected: 0, failed: 0, recovered: 0, rebound: 0 };
    for (let at = 0; at < 9 * SLOTS; at++) {
      const { suspected, failed, recovered, rebound } = paths.storyOf(Math.floor(at / SLOTS), at % SLOTS);
      sum.suspected += suspected;
      sum.failed += failed;
      sum.recovered += recovered;
      sum.rebound += rebound;
    }
    expect(sum).toEqual(paths.changes);
    expect(sum.recovered).toBeGreaterThan(9);
  });
});

it('the parts of a round trip are smoothed together', () => {
  const paths = table();
  expect([paths.fabricMicros(0, 1), paths.endpointMicros(0, 1)]).toEqual([0, 0]);
  paths.onDelays(0, 1, 100, 40, 3);
  expect([paths.fabricMicros(0, 1), paths.endpointMicros(0, 1), paths.hopsOf(0, 1)]).toEqual([100, 40, 3]);
  paths.onDelays(0, 1, 180, 0, 2);
  expect([paths.fabricMicros(0, 1), paths.endpointMicros(0, 1), paths.hopsOf(0, 1)]).toEqual([110, 35, 2]);
});
