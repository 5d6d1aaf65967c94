import { expect, it } from 'vitest';
import { itForSeeds } from '../../../test/support/seeds.ts';
import { below, SeededRng } from '../../base/rng.ts';
import { Framer } from './framer.ts';
import { MessageWriter } from './message-writer.ts';

const writer = new MessageWriter();
const answer = (serial: number) => writer.bytes.slice(0, writer.command(1, { kind: 'answer', serial }));

itForSeeds('messages are found however the stream is cut', 20, (seed) => {
  const rng = new SeededRng(seed);
  const messages = Array.from({ length: 50 }, (_, i) =>
    i % 3 === 0
      ? answer(i)
      : writer.bytes.slice(0, writer.command(i, { kind: 'abandon', why: 'x'.repeat(below(rng, 300)) })),
  );
  const stream = Buffer.concat(messages);
  const found: Buffer[] = [];
  const framer = new Framer();
  for (let at = 0; at < stream.length; ) {
    const end = Math.min(stream.length, at + 1 + below(rng, 200));
    expect(
      framer.take(stream.subarray(at, end), (bytes, length) =>
        found.push(Buffer.from(bytes.slice(0, length))),
      ),
    ).toBe(true);
    at = end;
  }
  expect(Buffer.concat(found).equals(stream)).toBe(true);
  expect(found.length).toBe(messages.length);
});

it.each([0, 7, 4097, 65_535])('a message of %i bytes ends the stream', (length) => {
  const framer = new Framer();
  const bytes = new Uint8Array(16);
  new DataView(bytes.buffer).setUint16(2, length, true);
  const seen: number[] = [];
  expect(framer.take(bytes, (_, each) => seen.push(each))).toBe(false);
  expect(seen).toEqual([]);
});
