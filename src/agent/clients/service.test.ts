// Who connects and says nothing, and more than there is room for. The clock is the test's.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { close } from '../../linux/libc.ts';
import { connectUnix, receiveMessage, sendMessage } from '../../linux/unix-socket.ts';
import { ClientService, MAX_CONNECTIONS } from './service.ts';
import { clientSocketPath, openClientSocket } from './socket.ts';

let folder: string;
let listener: number;
let service: ClientService;
let clients: number[];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'selvage-service-'));
  const config = openClientSocket(folder, undefined);
  listener = config.listener;
  service = new ClientService(config);
  clients = [];
});
afterEach(() => {
  service.close();
  for (const fd of [listener, ...clients]) close(fd);
  rmSync(folder, { recursive: true });
});

function connect(): number {
  const fd = connectUnix(clientSocketPath(folder));
  clients.push(fd);
  return fd;
}

/** What the service last said to a client; undefined when it has hung up. */
function lastWord(fd: number): object | undefined {
  const received = receiveMessage(fd);
  return typeof received === 'string' ? undefined : JSON.parse(received.text);
}

const HELLO = {
  type: 'hello',
  versions: [1, 1],
  service: 'echo',
  blocks: false,
  flows: 1,
  recordWords: 1,
  records: 2,
};

test('who says no hello for five seconds goes', () => {
  const silent = connect();
  service.attend(1000);
  expect(service.report().greeting).toBe(1);
  expect(service.nextTimeout()).toBe(5_001_000);
  service.attend(5_000_999);
  expect(service.report().greeting).toBe(1);
  service.attend(5_001_000);
  expect(service.report()).toMatchObject({ greeting: 0, refused: 1 });
  expect(lastWord(silent)).toMatchObject({ message: 'No hello came.' });
  expect(service.nextTimeout()).toBe(Number.POSITIVE_INFINITY);
});

test('a session has no such end', () => {
  sendMessage(connect(), JSON.stringify(HELLO));
  service.attend(0);
  service.attend(0);
  service.attend(6_000_000);
  expect(service.report().sessions).toMatchObject([{ pid: process.pid, service: 'echo', records: 0 }]);
  expect(service.nextTimeout()).toBe(Number.POSITIVE_INFINITY);
});

test('there is room for so many and no more, until one goes', () => {
  for (let i = 0; i < MAX_CONNECTIONS; i++) {
    connect();
    service.attend(0);
  }
  const refused = connect();
  service.attend(0);
  expect(lastWord(refused)).toMatchObject({ code: 'in-use' });
  close(clients.shift()!);
  service.attend(0);
  const taken = connect();
  service.attend(0);
  sendMessage(taken, JSON.stringify(HELLO));
  service.attend(0);
  expect(lastWord(taken)).toMatchObject({ type: 'welcome' });
});
