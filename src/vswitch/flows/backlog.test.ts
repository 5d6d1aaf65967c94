// What waits, against a plain map of arrays: whatever comes and goes, also when the pool of rings is used up, each flow's
// frames leave in their order, and nothing appears or is lost.

import { describe, expect, it } from 'vitest';
import { itForSeeds } from '../../../test/support/seeds.ts';
import { below, chance, type Rng, SeededRng } from '../../base/rng.ts';
import { FLOW_WORDS, NATIVE_FLOW } from '../../packet/device.ts';
import { PIECE_LAST } from '../../packet/pieces.ts';
import { localMemory, Region } from '../../packet/region.ts';
import type { SchedulerName } from '../scheduling/scheduler.ts';
import { ADMITTED, Backlog, NO_RING, OVER_SHARE } from './backlog.ts';
import { QueueMemory } from './queue-memory.ts';

const NOW = 1000;
const LINKS = 3;

function keyOf(flow: number): Uint32Array {
  const key = new Uint32Array(FLOW_WORDS);
  key[NATIVE_FLOW] = flow + 1;
  return key;
}

interface Twin {
  backlog: Backlog;
  memory: QueueMemory;
  readonly region: Region;
  readonly rings: number;
  /** Offsets of the frames that wait, by link and flow. */
  readonly model: Map<string, number[]>;
  readonly flowOf: Map<number, string>;
  next: number;
}

function newTwin(rings: number, scheduler: SchedulerName = 'drr', chunks = 8): Twin {
  const region = new Region(localMemory(chunks));
  const memory = new QueueMemory(region, undefined, rings);
  const backlog = new Backlog(memory, 7, scheduler);
  return { backlog, memory, region, rings, model: new Map(), flowOf: new Map(), next: 1 };
}

const nameOf = (link: number, flow: number) => `${link}/${flow}`;

/** True when it was admitted. */
function push(twin: Twin, link: number, flow: number): boolean {
  const { backlog, model } = twin;
  const row = backlog.flowFor(link, keyOf(flow));
  const admission = row < 0 ? NO_RING : backlog.admits(row, 100, 1);
  if (admission !== ADMITTED) {
    if (row >= 0) backlog.endIfIdle(row);
    return false;
  }
  backlog.push(NOW, row, twin.next, 100 + PIECE_LAST);
  const name = nameOf(link, flow);
  if (!model.has(name)) model.set(name, []);
  model.get(name)!.push(twin.next);
  twin.flowOf.set(twin.next++, name);
  return true;
}

/** Takes the frame whose turn it is: it must be the first one of its flow. */
function take({ backlog, model, flowOf }: Twin, link: number): void {
  const row = backlog.next(link);
  if (row < 0) return;
  const offset = backlog.frontOffset(row);
  const name = flowOf.get(offset)!;
  const frames = model.get(name)!;
  expect(name.startsWith(`${link}/`)).toBe(true);
  expect(offset).toBe(frames[0]);
  frames.shift();
  if (frames.length === 0) model.delete(name);
  backlog.shift(row);
  backlog.served(NOW, row, 100);
}

function check({ backlog, model }: Twin): void {
  const held: number[] = [];
  backlog.eachHeld((offset) => held.push(offset));
  expect(held.sort((a, b) => a - b)).toEqual([...model.values()].flat().sort((a, b) => a - b));
  expect(backlog.frames).toBe(held.length);
  for (let link = 0; link < LINKS; link++) {
    const frames = [...model].filter(([name]) => name.startsWith(`${link}/`)).flatMap(([, each]) => each);
    expect(backlog.framesOf(link)).toBe(frames.length);
    expect(backlog.bytesOf(link)).toBe(frames.length * 100);
  }
}

function step(twin: Twin, rng: Rng, flows: number): void {
  const link = below(rng, LINKS);
  const flow = below(rng, flows);
  switch (below(rng, 6)) {
    case 0:
      for (let i = below(rng, 200); i > 0; i--) push(twin, link, flow);
      return;
    case 1:
      for (let i = 0; i < flows; i++) push(twin, link, i);
      return;
    case 2: {
      const row = twin.backlog.find(link, keyOf(flow));
      if (row >= 0) twin.backlog.stop(row);
      return;
    }
    case 3: {
      const row = twin.backlog.find(link, keyOf(flow));
      if (row >= 0 && twin.backlog.isStopped(row)) twin.backlog.start(NOW, row);
      return;
    }
    default:
      for (let i = below(rng, 150); i > 0; i--) take(twin, link);
  }
}

for (const scheduler of ['drr', 'edf'] as const) {
  itForSeeds(`each flow’s frames keep their order by ${scheduler}, and nothing is lost`, 5, (seed) => {
    const rng = new SeededRng(seed);
    // Few rings, so that flows have to share a queue most of the time, or enough for all.
    const twin = newTwin(chance(rng, 0.5) ? 24 : 4000, scheduler);
    for (let i = 0; i < 400; i++) {
      step(twin, rng, 30);
      if (i % 40 === 0) check(twin);
      if (chance(rng, 0.05)) {
        const other = twin.backlog.schedulerName === 'drr' ? 'edf' : 'drr';
        twin.backlog.schedule(NOW, other);
      }
      if (chance(rng, 0.05)) {
        twin.memory = new QueueMemory(twin.region, twin.memory.save(), twin.rings);
        twin.backlog = new Backlog(twin.memory, 0, scheduler, twin.backlog.save());
      }
    }
    for (let row = 0; row < twin.backlog.table.end; row++)
      if (twin.backlog.table.isUsed(row)) twin.backlog.start(NOW, row);
    for (let link = 0; link < LINKS; link++) while (twin.backlog.next(link) >= 0) take(twin, link);
    check(twin);
    expect(twin.backlog.table.count).toBe(0);
    expect(twin.memory.pool.free).toBe(twin.rings);
    if (twin.rings < 100) expect(twin.backlog.framesShared).toBeGreaterThan(0);
    else expect(twin.backlog.framesShared).toBe(0);
  });
}

describe('memory', () => {
  it('is one queue’s to the half, and all others still find some', () => {
    const twin = newTwin(320, 'drr', 64);
    while (push(twin, 0, 0));
    // A sixteenth is for what needs no queue of its own.
    const fair = (320 - 20) / 2;
    expect(Math.abs(320 - twin.memory.pool.free - fair)).toBeLessThanOrEqual(1);
    for (let flow = 1; flow < 140; flow++) expect(push(twin, 1, flow)).toBe(true);
    expect(twin.backlog.framesShared).toBe(0);
  });

  it('of a link does not shrink another’s to nothing', () => {
    const { backlog, region } = newTwin(4000);
    const large = 1 << 20;
    const row = backlog.flowFor(0, keyOf(0));
    expect(backlog.admits(row, 12 * large, 1)).toBe(OVER_SHARE);
    expect(backlog.admits(row, large, 1)).toBe(ADMITTED);
    // Chunks that are in use, by whomever, are not there to be shared.
    for (let chunk = 0; chunk < 4; chunk++) region.take();
    expect(backlog.admits(row, large, 1)).toBe(OVER_SHARE);
    expect(backlog.admits(row, 1000, 1)).toBe(ADMITTED);
  });

  it('that small frames would pin is given back when it becomes short', () => {
    const { backlog, region } = newTwin(100);
    const row = backlog.flowFor(0, keyOf(0));
    const far = region.take();
    backlog.push(NOW, row, far, 100 + PIECE_LAST);
    expect(backlog.frontOffset(row)).toBe(far);
    backlog.shift(row);
    const taken = [region.take(), region.take(), region.take()];
    region.bytes.u8.set([1, 2, 3], far);
    backlog.push(NOW, row, far, 100 + PIECE_LAST);
    const at = backlog.frontOffset(row);
    expect(at).not.toBe(far);
    expect([...region.bytes.u8.subarray(at, at + 3)]).toEqual([1, 2, 3]);
    expect(region.references(far)).toBe(0);
    expect(taken.every((chunk) => region.references(chunk) === 1)).toBe(true);
  });
});

it('a frame that a failed turn had in its hands leaves nothing behind', () => {
  const { backlog, memory } = newTwin(100);
  const [one, two] = [1, 2].map((flow) => backlog.flowFor(0, keyOf(flow)));
  for (const row of [one!, two!]) backlog.push(NOW, row, 64, 100 + PIECE_LAST);
  backlog.shift(backlog.next(0));
  const next = new Backlog(memory, 0, 'drr', backlog.save());
  next.mend();
  expect(next.next(0)).toBe(two);
  expect([next.flowsOf(0), next.activeOf(0), next.frames]).toEqual([1, 1, 1]);
});

it('a flow that is needed keeps its row though nothing waits', () => {
  const { backlog } = newTwin(100);
  const row = backlog.pin(2, keyOf(5));
  expect(backlog.flowFor(2, keyOf(5))).toBe(row);
  backlog.push(NOW, row, 64, 100 + PIECE_LAST);
  backlog.stop(row);
  expect(backlog.next(2)).toBe(-1);
  backlog.start(NOW, row);
  expect(backlog.next(2)).toBe(row);
  backlog.shift(row);
  backlog.served(NOW, row, 100);
  expect(backlog.flowsOf(2)).toBe(1);
  backlog.unpin(row);
  expect(backlog.flowsOf(2)).toBe(0);
});
