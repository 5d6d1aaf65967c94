// Rings and queues against a plain map of arrays, under random operations.

import { describe, expect, it } from 'vitest';
import { itForSeeds } from '../../../test/support/seeds.ts';
import { below, SeededRng } from '../../base/rng.ts';
import { PIECE_LAST, PIECE_LENGTH_MASK } from '../../packet/pieces.ts';
import { FlowQueues } from './flow-queues.ts';
import { RING_RECORDS, RingPool } from './ring-pool.ts';

const FLOWS = 40;
const RINGS = 300;

type Piece = readonly [offset: number, word: number];

interface Twin {
  readonly pool: RingPool;
  readonly queues: FlowQueues;
  readonly model: Map<number, Piece[]>;
}

function newTwin(rings = RINGS): Twin {
  const pool = new RingPool(rings);
  const queues = new FlowQueues(pool);
  queues.reach(FLOWS - 1);
  return { pool, queues, model: new Map(Array.from({ length: FLOWS }, (_, flow) => [flow, []])) };
}

function check({ pool, queues, model }: Twin): void {
  let rings = 0;
  for (const [flow, pieces] of model) {
    const seen: Piece[] = [];
    queues.each(flow, (offset, word) => seen.push([offset, word]));
    expect(seen).toEqual(pieces);
    expect(queues.framesOf(flow)).toBe(pieces.filter(([, word]) => word >= PIECE_LAST).length);
    expect(queues.bytesOf(flow)).toBe(pieces.reduce((sum, [, word]) => sum + (word & PIECE_LENGTH_MASK), 0));
    if (pieces.length === 0) expect(queues.ringsOf(flow)).toBe(0);
    // A ring at either end may be partly used.
    else expect(queues.ringsOf(flow)).toBeLessThanOrEqual(Math.ceil((pieces.length - 2) / RING_RECORDS) + 2);
    rings += queues.ringsOf(flow);
  }
  expect(pool.free).toBe(RINGS - rings);
}

itForSeeds('queues do as arrays do, and rings are nobody’s or one queue’s', 5, (seed) => {
  const rng = new SeededRng(seed);
  const twin = newTwin();
  const { queues, model, pool } = twin;
  for (let step = 0; step < 400; step++) {
    const flow = below(rng, FLOWS);
    const pieces = model.get(flow)!;
    const times = below(rng, 150);
    const kind = below(rng, 5);
    for (let i = 0; i < times; i++) {
      const piece = [64 * (1 + below(rng, 1000)), 1 + below(rng, 1500) + below(rng, 2) * PIECE_LAST] as const;
      if (kind < 2) {
        const pushed = queues.push(flow, ...piece);
        if (pushed) pieces.push(piece);
        else expect(pool.free).toBe(0);
      } else if (kind === 2) {
        if (queues.pushFront(flow, ...piece)) pieces.unshift(piece);
        else expect(pool.free).toBe(0);
      } else if (pieces.length > 0) {
        expect([queues.frontOffset(flow), queues.frontWord(flow)]).toEqual(pieces[0]);
        queues.shift(flow);
        pieces.shift();
      }
    }
    if (step % 40 === 0) check(twin);
  }
  check(twin);
});

describe('a queue', () => {
  it('says how many more rings a frame of many pieces takes', () => {
    const { queues, pool } = newTwin();
    for (const pieces of [1, RING_RECORDS - 1, 5, 3 * RING_RECORDS, RING_RECORDS, 1]) {
      const expected = queues.ringsFor(0, pieces);
      const before = pool.free;
      for (let i = 0; i < pieces; i++) queues.push(0, 64, 10);
      expect(before - pool.free).toBe(expected);
    }
  });

  it('takes and gives one ring over and over, and memory is allocated for what was needed at once', () => {
    const { queues, pool } = newTwin();
    for (let i = 0; i < 10_000; i++) {
      queues.push(i % FLOWS, 64, PIECE_LAST + 10);
      queues.shift(i % FLOWS);
    }
    expect(pool.free).toBe(RINGS);
    expect(pool.save().slabs.length).toBe(1);
  });

  it('goes on from a state', () => {
    const twin = newTwin();
    for (let i = 0; i < 500; i++) {
      const piece = [64 * i, PIECE_LAST + i] as const;
      twin.queues.push(i % 3, ...piece);
      twin.model.get(i % 3)!.push(piece);
    }
    const pool = new RingPool(RINGS, twin.pool.save());
    check({ ...twin, pool, queues: new FlowQueues(pool, twin.queues.save()) });
  });
});
