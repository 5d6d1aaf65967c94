// The process behind an emulated link. It makes the two TAPs, says "ready", and moves frames between them until it is
// ended; the TAPs go with it. Parameters are read again whenever their file changes, counts are written beside it.
// It blocks in epoll: a signal ends it at once. When its input ends, whoever started it is done or gone: then it writes
// what is left of its log, and its report.
import { readFileSync, renameSync, statSync, writeFileSync, writeSync } from 'node:fs';
import { Epoll } from '../../src/linux/epoll.ts';
import { useShortTimerSlack } from '../../src/linux/scheduling.ts';
import { openTap } from '../../src/linux/tap.ts';
import { transmitDrops } from '../../src/linux/transmit-drops.ts';
import { type BothDirections, EmulatedWire } from './link.ts';
import { LinkLog, LOG_INTERVAL_MICROS } from './log.ts';
import { Punctual } from './model/punctual.ts';
import { reportOf } from './report.ts';
import {
  type EmulatorSpec,
  toParameters,
  type WrittenCounts,
  type WrittenParameters,
  type WrittenReports,
} from './spec.ts';

const HOUSEKEEPING_MICROS = 50_000;
const LAST_TURNS = 1000;
const INPUT = 0;

const spec: EmulatorSpec = JSON.parse(process.argv[2]!);
const clock = () => performance.now() * 1000;
const epoll = new Epoll();
const punctual = new Punctual();
const [a, b] = spec.ends.map(
  ({ netns, tap: name }) => openTap({ name, netns, persistent: false, offloads: false }).fd,
);
const wire = new EmulatedWire([a!, b!], spec.mtu, readParameters(), spec.seed);
const log = spec.log && new LinkLog(spec.log.file, spec.log.names, wire.directions);
wire.watch(epoll);
if (spec.endsWithInput) epoll.add(INPUT, INPUT);
useShortTimerSlack();
writeSync(1, 'ready\n');
run();

function run(): never {
  let read = parametersChangedAt();
  let written = '';
  let housekeepingAt = 0;
  let logAt = log === undefined ? Number.POSITIVE_INFINITY : 0;
  for (;;) {
    const idleMicros = wire.turn(clock);
    const now = clock();
    if (now >= logAt) {
      log!.write(now);
      logAt = Math.max(logAt, now - LOG_INTERVAL_MICROS) + LOG_INTERVAL_MICROS;
    }
    if (now >= housekeepingAt) {
      housekeepingAt = now + HOUSEKEEPING_MICROS;
      const changedAt = parametersChangedAt();
      if (changedAt !== read) wire.configure(readParameters(), now);
      read = changedAt;
      written = writeCounts(written);
    }
    const waitMicros = Math.min(idleMicros, housekeepingAt - now, logAt - now);
    const sleepMicros = punctual.sleepMicros(waitMicros);
    const ready = epoll.wait(sleepMicros);
    if (ready === 0) punctual.slept(waitMicros, clock() - now - sleepMicros);
    for (let i = 0; i < ready; i++) if (epoll.tag(i) === INPUT) finish();
  }
}

function finish(): never {
  // What was sent before the end is in the TAPs, and counts.
  for (let i = 0; i < LAST_TURNS && wire.turn(clock) === 0; i++);
  const now = clock();
  for (const direction of wire.directions) direction.advance(now);
  log?.write(now);
  log?.close();
  if (spec.reportFile !== undefined) {
    const [there, back] = wire.directions;
    const reports: WrittenReports = [reportOf(there, missed(0)), reportOf(back, missed(1))];
    writeFileSync(spec.reportFile, JSON.stringify(reports));
  }
  process.exit(0);
}

/** Frames that found the TAP's queue full: they came faster than they were read. */
function missed(end: 0 | 1): number {
  const { netns, tap } = spec.ends[end];
  return transmitDrops(netns).get(tap) ?? 0;
}

function parametersChangedAt(): number {
  return statSync(spec.parametersFile, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}

function readParameters(): BothDirections {
  const [there, back]: WrittenParameters = JSON.parse(readFileSync(spec.parametersFile, 'utf8'));
  return [toParameters(there), toParameters(back)];
}

function writeCounts(before: string): string {
  const counted: WrittenCounts = wire.counts();
  const counts = JSON.stringify(counted);
  if (counts !== before) {
    writeFileSync(`${spec.countsFile}.new`, counts);
    renameSync(`${spec.countsFile}.new`, spec.countsFile);
  }
  return counts;
}
