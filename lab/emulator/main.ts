// The process behind an emulated link. It makes the two TAPs, says "ready", and moves frames between them until it is
// ended; the TAPs go with it. Parameters are read again whenever their file changes, counts are written beside it.
// It blocks in epoll: a signal ends it at once, which is all that it needs.
import { readFileSync, renameSync, statSync, writeFileSync, writeSync } from 'node:fs';
import { Epoll } from '../../src/linux/epoll.ts';
import { openTap } from '../../src/linux/tap.ts';
import type { LinkParameters } from './delay-line.ts';
import { EmulatedWire } from './link.ts';
import type { EmulatorSpec, WrittenParameters } from './spec.ts';

const HOUSEKEEPING_MICROS = 50_000;
const INPUT = 0;

const spec: EmulatorSpec = JSON.parse(process.argv[2]!);
const clock = () => performance.now() * 1000;
const epoll = new Epoll();
const [a, b] = spec.ends.map(
  ({ netns, tap: name }) => openTap({ name, netns, persistent: false, offloads: false }).fd,
);
const wire = new EmulatedWire([a!, b!], spec.mtu, readParameters(), epoll);
if (spec.endsWithInput) epoll.add(INPUT, INPUT);
writeSync(1, 'ready\n');
run();

function run(): never {
  let read = parametersChangedAt();
  let written = '';
  let housekeepingAt = 0;
  for (;;) {
    const idleMicros = wire.turn(clock);
    const now = clock();
    if (now >= housekeepingAt) {
      housekeepingAt = now + HOUSEKEEPING_MICROS;
      const changedAt = parametersChangedAt();
      if (changedAt !== read) wire.configure(readParameters());
      read = changedAt;
      written = writeCounts(written);
    }
    const ready = epoll.wait(Math.min(idleMicros, housekeepingAt - now));
    // Whoever started us holds the other end of our input: when that closes, they are gone.
    for (let i = 0; i < ready; i++) if (epoll.tag(i) === INPUT) process.exit(0);
  }
}

function parametersChangedAt(): number {
  return statSync(spec.parametersFile, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}

function readParameters(): LinkParameters {
  const written: WrittenParameters = JSON.parse(readFileSync(spec.parametersFile, 'utf8'));
  return { ...written, rateBitsPerSecond: written.rateBitsPerSecond ?? Number.POSITIVE_INFINITY };
}

function writeCounts(before: string): string {
  const counts = JSON.stringify(wire.counts());
  if (counts !== before) {
    writeFileSync(`${spec.countsFile}.new`, counts);
    renameSync(`${spec.countsFile}.new`, spec.countsFile);
  }
  return counts;
}
