// Messages there and back; those of libccp as its own sources lay them out; and anything at all, which is refused or a
// message, and never an exception.
import { expect, it } from 'vitest';
import { itForSeeds } from '../../../test/support/seeds.ts';
import { below, chance, SeededRng } from '../../base/rng.ts';
import type { FlowInfo } from '../algorithm.ts';
import { roundProgram } from '../algorithms/round.ts';
import type { Command } from '../commands.ts';
import { CWND, FIRST_VALUE, RATE } from '../language/instructions.ts';
import { readFromAlgorithm, readFromDatapath } from './message-reader.ts';
import { MessageWriter } from './message-writer.ts';

const writer = new MessageWriter();
const flow: FlowInfo = {
  id: 7,
  mssBytes: 1400,
  initialCwndBytes: 89_600,
  protocol: 'bifrost',
  source: '02:00:00:00:77:01',
  sourcePort: 3,
  destination: '02:00:00:00:77:03',
  destinationPort: 4789,
  overlay: { vni: 77, peer: '10.0.2.1' },
};

const commands: readonly Command[] = [
  {
    kind: 'install',
    generation: 3,
    bytes: roundProgram.bytes,
    values: [
      [CWND, 5000],
      [RATE, 0],
      [FIRST_VALUE + 4, 2 ** 52],
    ],
  },
  {
    kind: 'update',
    values: [
      [CWND, 2 ** 40],
      [FIRST_VALUE, 1],
    ],
  },
  { kind: 'answer', serial: 99 },
  { kind: 'abandon', why: 'out of ideas ☂' },
];

it.each(commands)('a command arrives as it left: $kind', (command) => {
  const length = writer.command(7, command);
  expect(readFromAlgorithm(writer.bytes, length)).toEqual({ kind: 'command', flow: 7, command });
});

it('what is no number stays none, so that the datapath can refuse it', () => {
  for (const value of [Number.NaN, -1, Number.POSITIVE_INFINITY]) {
    const length = writer.command(7, { kind: 'update', values: [[CWND, value]] });
    const said = readFromAlgorithm(writer.bytes, length);
    expect(said).toMatchObject({ command: { values: [[CWND, Number.NaN]] } });
  }
  const length = writer.command(7, { kind: 'update', values: [[3, 1]] });
  expect(readFromAlgorithm(writer.bytes, length)).toMatchObject({ command: { values: [[255, 1]] } });
});

it('what datapaths say arrives as it left', () => {
  const created = writer.create(7, flow, 'reno', 1e12);
  expect(readFromDatapath(writer.bytes, created)).toEqual({
    kind: 'create',
    flow,
    algorithm: 'reno',
    nowMicros: 1e12,
  });
  const values = Float64Array.of(1, 2 ** 53 - 1, 0);
  const reported = writer.report(7, 2, 11, 5e9, values, values.length);
  expect(readFromDatapath(writer.bytes, reported)).toEqual({
    kind: 'report',
    flow: 7,
    generation: 2,
    serial: 11,
    nowMicros: 5e9,
    values,
  });
  expect(readFromDatapath(writer.bytes, writer.close(7))).toEqual({ kind: 'close', flow: 7 });
  expect(readFromDatapath(writer.bytes, writer.ready(1))).toEqual({ kind: 'ready' });
});

/** As `write_create_msg` of libccp lays it out, and portus' `create::Msg` (its test_create_1). */
it('a CREATE of libccp is understood, and ours begins like one', () => {
  const theirs = new Uint8Array(96);
  const view = new DataView(theirs.buffer);
  [0x0060_0000, 15, 14_480, 1448, 0x0100_000a, 4242, 0x0200_000a, 4242].forEach((word, i) => {
    view.setUint32(i * 4, word, true);
  });
  theirs.set(new TextEncoder().encode('reno'), 32);
  expect(readFromDatapath(theirs, 96)).toEqual({
    kind: 'create',
    algorithm: 'reno',
    nowMicros: 0,
    flow: {
      id: 15,
      initialCwndBytes: 14_480,
      mssBytes: 1448,
      protocol: 'tcp',
      source: '10.0.0.1',
      sourcePort: 4242,
      destination: '10.0.0.2',
      destinationPort: 4242,
    },
  });
  writer.create(
    15,
    {
      ...flow,
      source: '10.0.0.1',
      destination: '10.0.0.2',
      protocol: 'tcp',
      mssBytes: 1448,
      initialCwndBytes: 14_480,
      sourcePort: 4242,
      destinationPort: 4242,
      overlay: { vni: 0, peer: '10.0.0.2' },
    },
    'reno',
    0,
  );
  expect(writer.bytes.slice(4, 96)).toEqual(theirs.slice(4));
});

/** `update_register` of libccp: cwnd is implicit register 4; a value takes the last 8 of 13 bytes. */
it('an update of the window is that of libccp', () => {
  const length = writer.command(15, { kind: 'update', values: [[CWND, 0x1_0000_0002]] });
  expect([...writer.bytes.slice(0, length)]).toEqual([
    3, 0, 25, 0, 15, 0, 0, 0, 1, 0, 0, 0, 2, 4, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0,
  ]);
});

itForSeeds('anything at all is a message or nothing', 50, (seed) => {
  const rng = new SeededRng(seed);
  let understood = 0;
  for (let i = 0; i < 400; i++) {
    const length = [
      () => writer.command(below(rng, 2 ** 32), commands[below(rng, commands.length)]!),
      () => writer.create(1, flow, 'x', 5),
      () => writer.report(1, 1, 1, 1, new Float64Array(5), 5),
    ][below(rng, 3)]!();
    const bytes = writer.bytes.slice(0, chance(rng, 0.8) ? length : below(rng, length + 1));
    for (let n = below(rng, 6); n > 0 && bytes.length > 0; n--)
      bytes[below(rng, Math.min(bytes.length, 60))] = below(rng, 256);
    const results = [readFromDatapath(bytes, bytes.length), readFromAlgorithm(bytes, bytes.length)];
    if (results.some((result) => result !== undefined)) understood++;
    const noise = Uint8Array.from({ length: below(rng, 100) }, () => below(rng, 256));
    readFromDatapath(noise, noise.length);
    readFromAlgorithm(noise, noise.length);
  }
  expect(understood).toBeGreaterThan(50);
});
