// Opening a session with an agent that answers otherwise than it should: nothing is kept of it, and the reason is said.
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { EventFd } from '../linux/eventfd.ts';
import { close } from '../linux/libc.ts';
import { createShared } from '../linux/shared-memory.ts';
import { acceptUnix, listenUnix, sendMessage } from '../linux/unix-socket.ts';
import { layoutOf } from '../runtime/shm/layout.ts';
import { Opening } from './opening.ts';

const SHAPE = { flows: 1, recordWords: 4, records: 8 };
const options = { service: 'echo', recordBytes: 16, records: 8 };

let folder: string;
let socket: string;
let listener: number;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'selvage-opening-'));
  socket = join(folder, 'socket');
  listener = listenUnix(socket);
});
afterEach(() => {
  close(listener);
  rmSync(folder, { recursive: true });
});

function openFds(): number {
  return readdirSync('/proc/self/fd').length;
}

/** Answers with a welcome, and gives its own side up. */
function welcome(opening: Opening, version: number, halves: readonly number[]): () => void {
  const server = acceptUnix(listener);
  const bells = [new EventFd().fd, new EventFd().fd];
  sendMessage(server, JSON.stringify({ type: 'welcome', version, ...SHAPE }), [...halves, ...bells]);
  for (const fd of [server, ...halves, ...bells]) close(fd);
  return () => opening.finish(0);
}

function halves(): number[] {
  const { halfBytes } = layoutOf(SHAPE);
  return (['us', 'them'] as const).map((writer) => {
    const { fd, mapping } = createShared('selvage-test', halfBytes, writer);
    mapping.unmap();
    return fd;
  });
}

test.each(['', 'a b', 'a'.repeat(5000)])(
  'a service that cannot be is refused before anything is opened',
  (service) => {
    const before = openFds();
    expect(() => new Opening({ ...options, service, socket })).toThrow(
      'A session cannot be so: service is not a name of 1 to 64 letters, digits, dots, dashes and underscores.',
    );
    expect(openFds()).toBe(before);
  },
);

test.each([0, 2, 1.5])(
  'an agent that picks version %d, which it was not offered, is not understood',
  (version) => {
    const before = openFds();
    const finish = welcome(new Opening({ ...options, socket }), version, halves());
    expect(finish).toThrow('speaks another protocol');
    expect(openFds()).toBe(before);
  },
);

test('memory that cannot be mapped leaves nothing open', () => {
  const before = openFds();
  const bad = [new EventFd().fd, new EventFd().fd];
  const finish = welcome(new Opening({ ...options, socket }), 1, bad);
  expect(finish).toThrow('Could not map');
  expect(openFds()).toBe(before);
});

test('a session that is opened and closed leaves nothing open', () => {
  const before = openFds();
  const opening = new Opening({ ...options, socket });
  const server = acceptUnix(listener);
  const fds = [...halves(), new EventFd().fd, new EventFd().fd];
  sendMessage(server, JSON.stringify({ type: 'welcome', version: 1, ...SHAPE }), fds);
  for (const fd of [server, ...fds]) close(fd);
  const session = opening.finish(0);
  session.close();
  session.close();
  expect(() => session.heap.alloc(1)).toThrow('This session was closed.');
  expect(openFds()).toBe(before);
});
