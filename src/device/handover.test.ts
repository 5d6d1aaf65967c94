// Two threads' ends of a handover: what arrives is what was handed over, nothing waits without a bell, and no bell is rung
// for nothing.

import { expect, it } from 'vitest';
import { numbered } from '../../test/wire/frames.ts';
import { Inbox, RUN_HANDED_OVER, RUN_HOPS, RUN_WORDS } from '../packet/inbox.ts';
import { localMemory, Region } from '../packet/region.ts';
import { ChunkWriter } from '../packet/writer.ts';
import { Handover, newHandoverMemory } from './handover.ts';
import { MemoryUnderlay } from './memory.ts';

const SOURCE = 0x0a00_0102;

/** Threads whose clocks are a second apart, and the bells that were rung. */
function threads(count: number, inboxRuns = 64) {
  const memory = newHandoverMemory(count);
  const rung: number[] = [];
  const all = Array.from({ length: count }, (_, threadId) => {
    const region = new Region(localMemory(4));
    const writer = new ChunkWriter(region, 0);
    const socket = new MemoryUnderlay(region, writer, () => {}, 1 << 20);
    const bells = { ring: (thread: number) => rung.push(thread), heard: () => {} };
    const options = { threadId, memory, bells, region, writer, clockOffset: threadId * 1e6 };
    return { region, socket, inbox: new Inbox(inboxRuns), handover: new Handover(socket, options) };
  });
  return { all, rung };
}

type Thread = ReturnType<typeof threads>['all'][number];

/** The first thread receives a packet and hands it to another. */
function pass({ socket, inbox, handover }: Thread, to: number, bytes: Uint8Array): boolean {
  socket.arrive({ source: SOURCE, slot: 3, bytes, arrivedMicros: 5_000_000, hops: 4 });
  inbox.clear();
  handover.rx(inbox);
  return handover.handOver(to, inbox, 0, inbox.runs[0]!, inbox.runs[1]!);
}

const bytesOf = ({ region, inbox }: Thread, run: number) => {
  const [at, length] = inbox.runs.subarray(run * RUN_WORDS) as unknown as [number, number];
  return region.bytes.u8.slice(at, at + length);
};

it('a packet arrives with its source, its hops and its time on the other’s clock', () => {
  const { all, rung } = threads(3);
  const [first, second, third] = all as [Thread, Thread, Thread];
  const packet = numbered(200);
  expect(pass(first, 2, packet)).toBe(true);
  expect(rung).toEqual([2]);
  expect(second.handover.rx(second.inbox)).toBe(true);
  expect(second.inbox.count).toBe(0);
  expect(third.handover.rx(third.inbox)).toBe(true);
  expect(third.inbox.count).toBe(1);
  expect(bytesOf(third, 0)).toEqual(packet);
  expect(third.inbox.sourceOf(0)).toBe(SOURCE);
  expect([third.inbox.runs[RUN_HOPS], third.inbox.runs[RUN_HANDED_OVER]]).toEqual([4, 1]);
  expect(third.inbox.arrivedMicros[0]).toBe(3_000_000);
});

it('a bell is rung once until it is heard', () => {
  const { all, rung } = threads(2);
  const [first, second] = all as [Thread, Thread];
  for (let i = 0; i < 3; i++) pass(first, 1, numbered(20));
  expect(rung).toEqual([1]);
  second.handover.rx(second.inbox);
  expect(second.inbox.count).toBe(3);
  pass(first, 1, numbered(20));
  expect(rung).toEqual([1, 1]);
});

it('what the inbox has no room for rings again', () => {
  const { all, rung } = threads(2, 2);
  const [first, second] = all as [Thread, Thread];
  for (let i = 1; i <= 5; i++) pass(first, 1, numbered(i));
  const lengths: number[] = [];
  for (const left of [true, true, false]) {
    rung.length = 0;
    expect(second.handover.rx(second.inbox)).toBe(!left);
    expect(rung).toEqual(left ? [1] : []);
    for (let run = 0; run < second.inbox.count; run++) lengths.push(bytesOf(second, run).length);
    second.inbox.clear();
  }
  expect(lengths).toEqual([1, 2, 3, 4, 5]);
});

it('packets wait in the ring while there is no memory for them', () => {
  const { all, rung } = threads(2);
  const [first, second] = all as [Thread, Thread];
  pass(first, 1, numbered(20));
  const taken: number[] = [];
  for (let at = second.region.take(); at !== 0; at = second.region.take()) taken.push(at);
  expect(second.handover.rx(second.inbox)).toBe(false);
  expect([second.inbox.count, rung.length]).toEqual([0, 2]);
  for (const at of taken) second.region.release(at);
  expect(second.handover.rx(second.inbox)).toBe(true);
  expect(second.inbox.count).toBe(1);
});
