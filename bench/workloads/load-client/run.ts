// A closed-loop load on a Redis server: so many connections, each with one request at a time, until it is told to stop
// or enough are answered. It measures what redis-benchmark does not tell: failures, and the longest gaps.
import { Connection } from './connection.ts';
import { type LoadEvent, type LoadSpec, PHASE, STOP } from './protocol.ts';
import { Tally } from './tally.ts';

const LOOK_FOR_LATE_MILLIS = 5;
const PROGRESS_MILLIS = 100;

export interface LoadRun {
  /** One line of standard input. */
  readonly command: (line: string) => void;
  /** After the report has been given. */
  readonly ended: Promise<void>;
}

/** Throws when the server cannot be reached. */
export async function startLoad(spec: LoadSpec, say: (event: LoadEvent) => void): Promise<LoadRun> {
  let finish = () => {};
  const tally = new Tally(spec.connections, spec.phase, performance.now(), spec.timeline);
  const connections = Array.from(
    { length: spec.connections },
    (_, index) =>
      new Connection(spec, ({ succeeded, startedAt, now }) => {
        if (!succeeded) return tally.fail(now);
        tally.complete(index, startedAt, now);
        if (tally.completed === spec.requests) finish();
      }),
  );
  await Promise.all(connections.map((connection) => connection.open()));
  say({ event: 'connected' });
  // Making the connections is not part of the first phase.
  tally.restart(performance.now());
  const timers = [
    setInterval(() => {
      const now = performance.now();
      for (const connection of connections) connection.failIfLate(now);
    }, LOOK_FOR_LATE_MILLIS),
    setInterval(() => {
      const { completed, failed } = tally;
      say({ event: 'progress', completed, failed, stalledMillis: tally.stalledMillis(performance.now()) });
    }, PROGRESS_MILLIS),
  ];
  const ended = new Promise<void>((resolve) => {
    finish = () => {
      finish = () => {};
      for (const timer of timers) clearInterval(timer);
      const phases = tally.finish(performance.now());
      for (const connection of connections) connection.close();
      const timeline = tally.timeline(performance.timeOrigin);
      say({ event: 'report', phases, ...(timeline && { timeline }) });
      resolve();
    };
  });
  for (const connection of connections) connection.start();
  const command = (line: string) => {
    if (line === STOP) finish();
    else if (line.startsWith(PHASE)) tally.enterPhase(line.slice(PHASE.length), performance.now());
  };
  return { command, ended };
}
