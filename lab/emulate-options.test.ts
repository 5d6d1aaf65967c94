import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { parseSeed, readLink } from './emulate-options.ts';

const folder = mkdtempSync(join(tmpdir(), 'selvage-traces-'));
afterAll(() => rmSync(folder, { recursive: true }));

function traceFile(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

// A packet of 1504 bytes each millisecond: 12.032 Mbit/s.
const steady = traceFile('steady', '1\n2\n3\n4\n');

describe('a link is what was written', () => {
  test('the same in both directions, or one after the other', () => {
    const both = { delayMicros: 20_000, rateBitsPerSecond: 5e6, discipline: 'fifo', queuePackets: 256 };
    expect(readLink({ rate: '5mbit', delay: '20ms' }, 0)).toEqual({ up: both, down: both });
    expect(readLink({ rate: 'none,5mbit', delay: '1ms,20ms', loss: '0.01%,0%' }, 0)).toEqual({
      up: { delayMicros: 1000, lossPpm: 100 },
      down: both,
    });
  });

  test('with a queue where there is a rate, given for that or for both', () => {
    const down = { delayMicros: 0, rateBitsPerSecond: 5e6, discipline: 'red', queuePackets: 20 };
    const wanted = { up: { delayMicros: 0 }, down };
    expect(readLink({ rate: 'none,5mbit', queue: '20', qdisc: 'red' }, 0)).toEqual(wanted);
    expect(readLink({ rate: 'none,5mbit', queue: 'none,20', qdisc: 'none,red' }, 0)).toEqual(wanted);
  });

  test('with marks where its queue would drop early', () => {
    const { up, down } = readLink({ rate: '1mbit', qdisc: 'codel,fifo', ecn: true }, 0);
    expect(up).toMatchObject({ discipline: 'codel', ecn: true });
    expect(down).not.toHaveProperty('ecn');
  });

  test.each([
    ['20', { markAbovePackets: 20 }],
    ['30kB', { markAboveBytes: 30_000 }],
    // 48 Mbit/s for 40 ms are 240 kB.
    ['0.2bdp', { markAboveBytes: 48_000 }],
  ])('with marks above %s of queue', (mark, wanted) => {
    const { up, down } = readLink({ rate: '48mbit', delay: '20ms', mark: `${mark},none` }, 0);
    expect(up).toMatchObject(wanted);
    expect(Object.keys(down).filter((name) => name.startsWith('mark'))).toEqual([]);
  });

  test('without anything an unlimited one', () => {
    expect(readLink({}, 0)).toEqual({ up: { delayMicros: 0 }, down: { delayMicros: 0 } });
  });

  test('with a trace for one direction and a rate for the other', () => {
    const { up, down } = readLink({ trace: `${steady},none`, rate: 'none,50mbit' }, 0);
    expect(up).toMatchObject({ traceMillis: [1, 2, 3, 4] });
    expect(up).not.toHaveProperty('rateBitsPerSecond');
    expect(down).toMatchObject({ rateBitsPerSecond: 50e6 });
    expect(down).not.toHaveProperty('traceMillis');
  });

  test.each([
    ['100', { queuePackets: 100 }],
    ['64kB', { queueBytes: 64_000 }],
    ['unlimited', {}],
    // 48 Mbit/s for 40 ms are 240 kB.
    ['1bdp', { queueBytes: 240_000 }],
    ['2.5bdp', { queueBytes: 600_000 }],
  ])('with a queue of %s', (queue, limit) => {
    const { up } = readLink({ rate: '48mbit', delay: '15ms,25ms', queue }, 0);
    expect(up).toEqual({ delayMicros: 15_000, rateBitsPerSecond: 48e6, discipline: 'fifo', ...limit });
  });

  test('with a queue that counts the links around it, and a trace’s mean rate', () => {
    const { up } = readLink({ trace: steady, delay: '5ms', queue: '2bdp' }, 40_000);
    expect(up.queueBytes).toBe((12_032_000 / 8) * 0.05 * 2);
  });

  test('with as long a queue as Linux gives a discipline that keeps it short', () => {
    expect(readLink({ rate: '1mbit', qdisc: 'fq_codel,red' }, 0)).toMatchObject({
      up: { discipline: 'fq_codel', queuePackets: 1000 },
      down: { discipline: 'red', queuePackets: 256 },
    });
  });
});

describe('a link that cannot be is refused with a sentence', () => {
  const broken = traceFile('letters', '1\nx\n');
  const backwards = traceFile('backwards', '5\n4\n');
  const empty = traceFile('empty', '');
  test.each([
    [{ queue: '10' }, 'A queue without a rate would never fill.'],
    [{ qdisc: 'codel' }, 'A queue without a rate would never fill.'],
    [{ rate: 'none,1mbit', queue: '10,20' }, '--queue 10,20: the way up has no rate'],
    [{ rate: '1mbit,none', qdisc: 'red,fifo' }, '--qdisc red,fifo: the way down has no rate'],
    [{ queue: '10,20' }, '--queue 10,20: the way up has no rate'],
    [{ rate: '1mbit', ecn: true as const }, 'No queue here drops packets early'],
    [{ delay: '1ms', mark: '20' }, 'A queue without a rate would never fill.'],
    [{ rate: '1mbit', mark: 'unlimited' }, '“unlimited” is not a length of a queue.'],
    [{ rate: '1mbit', mark: '0' }, '“0” is not a number of packets.'],
    [{ delay: '1ms', ecn: true as const }, 'No queue here drops packets early'],
    [{ rate: '1mbit', queue: '0' }, '“0” is not a number of packets.'],
    [{ rate: '1mbit', queue: '0kB' }, 'A queue of 0kB is 0 bytes: no packet would ever fit.'],
    [{ rate: '1mbit', queue: '100p' }, '“100p” is not a length of a queue.'],
    [{ rate: '1mbit', queue: '2bdp' }, 'A queue of 2bdp needs a delay to be a multiple of.'],
    [{ rate: '1mbit', delay: '1ms', queue: '1bdp' }, 'A queue of 1bdp is 250 bytes'],
    [{ rate: '1mbit', qdisc: 'pie' }, 'There is no queue discipline pie.'],
    [{ rate: '1mbit', qdisc: 'red', queue: 'unlimited' }, 'red needs a queue with a limit'],
    [{ rate: '1mbit,2mbit,3mbit' }, '--rate has 3 values'],
    [{ rate: '1mbit', trace: steady }, 'A link has either a rate or a trace.'],
    [{ trace: join(folder, 'absent') }, 'cannot be read.'],
    [{ trace: empty }, 'The trace empty is empty.'],
    [{ trace: broken }, 'Line 2 of the trace letters is no time in milliseconds: “x”.'],
    [{ trace: backwards }, 'Line 2 of the trace backwards goes back in time, from 5 to 4 ms.'],
    [{ loss: '2' }, '“2” is not a share.'],
    [{ delay: '10' }, '“10” is not a delay.'],
  ])('%j', (texts, sentence) => {
    expect(() => readLink(texts, 0)).toThrow(sentence);
  });

  test.each(['', '-1', '1.5', 'seven', '4294967296'])('seed “%s”', (text) => {
    expect(() => parseSeed(text)).toThrow('is not a seed');
  });
});
