// The sender alone, with a test in place of the network: what it sends at what time.
import { describe, expect, test } from 'vitest';
import { Clock } from '../clock.ts';
import { MIN_RTO_MICROS } from './rtt.ts';
import { SendStream } from './send-stream.ts';

const MSS = 1000;
const WINDOW = 1 << 20;
const RTT = 500;

interface Sent {
  readonly at: number;
  readonly offset: number;
  readonly length: number;
}

/** An open stream with a round trip known, and everything that it sends from then on. */
function openStream() {
  const clock = new Clock(0);
  const sent: Sent[] = [];
  const stream = new SendStream(clock, MSS, (offset, length) =>
    sent.push({ at: clock.nowMicros, offset, length }),
  );
  stream.rtt.sample(RTT);
  stream.open(WINDOW);
  const ack = (offset: number, isPure = true) => stream.acknowledge(offset, WINDOW, RTT, isPure);
  const take = () => sent.splice(0);
  return { clock, stream, ack, take };
}

const offsets = (sent: readonly Sent[]) => sent.map(({ offset }) => offset);
const segments = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => (from + i) * MSS);

describe('what may be sent', () => {
  test('ten segments at first, two more for each that is acknowledged', () => {
    const { stream, ack, take } = openStream();
    stream.write(100 * MSS);
    expect(offsets(take())).toEqual(segments(0, 10));
    ack(MSS);
    expect(offsets(take())).toEqual(segments(10, 12));
    ack(3 * MSS);
    expect(offsets(take())).toEqual(segments(12, 16));
  });

  test('no more than the peer takes', () => {
    const { stream, take } = openStream();
    stream.acknowledge(0, 2500, RTT, true);
    stream.write(100 * MSS);
    expect(take().map(({ length }) => length)).toEqual([MSS, MSS]);
  });

  test('a short write at once', () => {
    const { stream, take } = openStream();
    stream.write(40);
    stream.write(40);
    expect(take().map(({ length }) => length)).toEqual([40, 40]);
  });
});

describe('a segment that is lost', () => {
  test('is sent again on the third duplicate, and the window is halved', () => {
    const { stream, ack, take } = openStream();
    stream.write(100 * MSS);
    take();
    for (let i = 0; i < 2; i++) ack(0);
    // Limited transmit.
    expect(offsets(take())).toEqual(segments(10, 12));
    ack(0);
    expect(offsets(take())).toEqual([0]);
    expect(stream.counters).toMatchObject({ fastRetransmits: 1, timeouts: 0 });
    ack(12 * MSS);
    expect(stream.cwndBytes).toBe(6 * MSS);
  });

  test('a second one is found by a partial acknowledgement', () => {
    const { stream, ack, take } = openStream();
    stream.write(10 * MSS);
    for (let i = 0; i < 3; i++) ack(0);
    take();
    ack(4 * MSS);
    expect(offsets(take())).toEqual([4 * MSS]);
  });

  test('duplicates that carry data or another window are none', () => {
    const { stream, ack, take } = openStream();
    stream.write(10 * MSS);
    take();
    for (let i = 0; i < 5; i++) ack(0, false);
    for (let i = 0; i < 5; i++) stream.acknowledge(0, WINDOW + 128 * i, RTT, true);
    expect(take()).toEqual([]);
  });

  test('at the tail is probed for after two round trips', () => {
    const { clock, stream, take } = openStream();
    stream.write(3 * MSS);
    take();
    clock.runUntil(MIN_RTO_MICROS);
    expect(take()).toEqual([{ at: 2 * RTT + 2000, offset: 2 * MSS, length: MSS }]);
  });
});

describe('silence', () => {
  test('doubles the timeout each time', () => {
    const { clock, stream, take } = openStream();
    stream.write(40);
    take();
    clock.runUntil(7_000_000);
    const rto = stream.rtt.srttMicros + Math.max(MIN_RTO_MICROS, 2 * RTT);
    // The probe comes when the timeout would; the timeouts after it double.
    const waits = [1, 1, 2, 4, 8, 16];
    const expected = waits.map((_, i) => rto * waits.slice(0, i + 1).reduce((sum, wait) => sum + wait));
    const sent = take();
    expect(sent.map(({ at }) => at)).toEqual(expected.filter((at) => at <= 7_000_000));
    expect(sent.every(({ offset, length }) => offset === 0 && length === 40)).toBe(true);
    expect(stream.counters).toMatchObject({ probes: 1, timeouts: sent.length - 1 });
  });

  test('starts over from the oldest byte with one segment, and skips what arrived after all', () => {
    const { clock, stream, ack, take } = openStream();
    stream.write(10 * MSS);
    clock.runUntil(MIN_RTO_MICROS * 1.5);
    expect(offsets(take())).toEqual([...segments(0, 10), 9 * MSS, 0]);
    ack(8 * MSS);
    expect(offsets(take())).toEqual([8 * MSS, 9 * MSS]);
    ack(10 * MSS);
    clock.runUntil(1e9);
    expect(take()).toEqual([]);
  });

  test('after giving up is complete', () => {
    const { clock, stream, take } = openStream();
    stream.write(40);
    take();
    stream.abandon();
    clock.runUntil(1e9);
    expect(take()).toEqual([]);
  });
});
