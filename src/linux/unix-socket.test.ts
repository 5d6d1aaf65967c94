// What a socket's end said before it closed is heard, also when it left something unread and so reset the connection.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { close, fcntl } from './libc.ts';
import {
  acceptUnix,
  connectUnix,
  LONGEST_MESSAGE,
  listenUnix,
  peerCredentials,
  receiveMessage,
  sendMessage,
} from './unix-socket.ts';

const F_GETFD = 1;
const FD_CLOEXEC = 1;

let folder: string;
let listener: number;
let client: number;
let server: number;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'selvage-socket-'));
  listener = listenUnix(join(folder, 'socket'));
  client = connectUnix(join(folder, 'socket'));
  server = acceptUnix(listener);
});
afterEach(() => {
  for (const fd of [listener, client, server]) close(fd);
  rmSync(folder, { recursive: true });
});

test('messages keep their bounds and carry descriptors', () => {
  expect(receiveMessage(server)).toBe('none');
  sendMessage(client, 'one', [client, listener]);
  sendMessage(client, 'zwölf');
  const received = receiveMessage(server);
  if (typeof received === 'string') throw new Error(received);
  expect(received).toEqual({ text: 'one', fds: [expect.any(Number), expect.any(Number)] });
  for (const fd of received.fds) {
    expect(fcntl(fd, F_GETFD, 0)).toBe(FD_CLOEXEC);
    close(fd);
  }
  expect(receiveMessage(server)).toEqual({ text: 'zwölf', fds: [] });
  expect(receiveMessage(server)).toBe('none');
});

test('a refusal is heard though the hello was not', () => {
  sendMessage(client, 'hello');
  sendMessage(server, 'refused');
  close(server);
  server = -1;
  expect(receiveMessage(client)).toEqual({ text: 'refused', fds: [] });
  expect(receiveMessage(client)).toBe('gone');
  expect(sendMessage(client, 'again')).toBe(false);
});

test('a message that is too long is not sent', () => {
  expect(sendMessage(client, 'é'.repeat(LONGEST_MESSAGE / 2))).toBe(true);
  expect(sendMessage(client, `a${'é'.repeat(LONGEST_MESSAGE / 2)}`)).toBe(false);
  expect(receiveMessage(server)).toMatchObject({ text: 'é'.repeat(LONGEST_MESSAGE / 2) });
  expect(receiveMessage(server)).toBe('none');
});

test('the kernel says who connected', () => {
  expect(peerCredentials(server)).toMatchObject({
    pid: process.pid,
    uid: process.getuid!(),
    gid: process.getgid!(),
  });
});

test('nobody listens', () => {
  expect(connectUnix(join(folder, 'nothing'))).toBe(-2);
});
