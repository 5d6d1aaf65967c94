// What is measured of a link: one record there and back, and as many as it carries with a window of them under way.
import { LatencyHistogram } from '../latency-histogram.ts';
import type { Link } from './link.ts';

export interface Duration {
  readonly warmUpMillis: number;
  readonly millis: number;
}

export interface PingPong {
  readonly p50Micros: number;
  readonly p99Micros: number;
}

/** Clocks are read once in so many turns. */
const CLOCK_TURNS = 64;

export async function pingPong(link: Link, { warmUpMillis, millis }: Duration): Promise<PingPong> {
  const start = performance.now();
  const measureFrom = start + warmUpMillis;
  const histogram = new LatencyHistogram();
  for (let trip = 0, sentAt = start; sentAt < measureFrom + millis; trip++) {
    sentAt = performance.now();
    link.send(trip, 1);
    while (link.receive(trip) === 0) {
      const waited = link.wait();
      if (waited !== undefined) await waited;
    }
    // In nanoseconds, for the histogram's step of one is too coarse for microseconds here.
    if (sentAt >= measureFrom) histogram.record((performance.now() - sentAt) * 1e6);
  }
  return {
    p50Micros: histogram.percentileMicros(0.5) / 1000,
    p99Micros: histogram.percentileMicros(0.99) / 1000,
  };
}

/** Records a second, there and back. */
export async function stream(
  link: Link,
  window: number,
  { warmUpMillis, millis }: Duration,
): Promise<number> {
  let [sent, received] = [0, 0];
  let until = performance.now() + warmUpMillis;
  let [countedFrom, startedAt] = [-1, 0];
  for (let turn = 1; ; turn++) {
    const justSent = link.send(sent, window - (sent - received));
    sent += justSent;
    const came = link.receive(received);
    received += came;
    if (justSent === 0 && came === 0) {
      const waited = link.wait();
      if (waited !== undefined) await waited;
    }
    if (turn % CLOCK_TURNS > 0) continue;
    const now = performance.now();
    if (now < until) continue;
    if (countedFrom >= 0) return ((received - countedFrom) / (now - startedAt)) * 1000;
    [countedFrom, startedAt, until] = [received, now, now + millis];
  }
}
