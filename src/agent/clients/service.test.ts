// Who connects and says nothing, and more than there is room for. The clock is the test's.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { close } from '../../linux/libc.ts';
import { connectUnix, LONGEST_MESSAGE, receiveMessage, sendMessage } from '../../linux/unix-socket.ts';
import { LONGEST_MESSAGE_BYTES } from '../../runtime/shm/messages.ts';
import { MAX_CONNECTIONS } from './given.ts';
import { KernelResources } from './kernel-resources.ts';
import { MemoryResources } from './memory-resources.ts';
import { ClientService } from './service.ts';
import { clientSocketPath, openClientSocket } from './socket.ts';

let folder: string;
let listener: number;
let resources: KernelResources;
let service: ClientService;
let clients: number[];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'selvage-service-'));
  const start = openClientSocket(folder, { sessionsPerUser: MAX_CONNECTIONS });
  listener = start.listener;
  resources = new KernelResources(listener);
  service = new ClientService({ access: start.access, resources });
  clients = [];
});
afterEach(() => {
  resources.closeAll();
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
  expect(service.nextDeadline).toBe(5_001_000);
  service.attend(5_000_999);
  expect(service.report().greeting).toBe(1);
  service.attend(5_001_000);
  expect(service.report()).toMatchObject({ greeting: 0, refused: 1 });
  expect(lastWord(silent)).toMatchObject({ message: 'No hello came.' });
  expect(service.nextDeadline).toBe(Number.POSITIVE_INFINITY);
});

test('a session has no such end', () => {
  sendMessage(connect(), JSON.stringify(HELLO));
  service.attend(0);
  service.attend(0);
  service.attend(6_000_000);
  expect(service.report().sessions).toMatchObject([{ pid: process.pid, service: 'echo', records: 0 }]);
  expect(service.nextDeadline).toBe(Number.POSITIVE_INFINITY);
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

test('one user gets so many of them and no more, and others still get theirs', () => {
  const memory = new MemoryResources();
  const access = { gid: 100, group: 'users', uid: 0, sessionsPerUser: 2 };
  const limited = new ClientService({ access, resources: memory });
  const connectAs = (uid: number) => {
    const client = memory.connect({ pid: 1, uid, gid: 100, groups: [] });
    client.said.push(JSON.stringify(HELLO));
    for (let i = 0; i < 2; i++) limited.attend(0);
    return client;
  };
  const first = connectAs(1000);
  for (const uid of [1000, 1001, 1001, 0]) expect(connectAs(uid).isClosed).toBe(false);
  for (const uid of [1000, 1001]) {
    expect(JSON.parse(connectAs(uid).heard.at(-1)!)).toEqual({
      type: 'refusal',
      code: 'in-use',
      message: `The user ${uid} has 2 sessions with the agent already, as many as one user may have.`,
      hint: 'Close some, or raise clients.sessionsPerUser in the agent’s configuration.',
    });
  }
  first.hasHungUp = true;
  limited.attend(0);
  expect(connectAs(1000).isClosed).toBe(false);
  expect(limited.report()).toMatchObject({ opened: 6, refused: 2 });
});

test('what a client calls a service does not come back to it, however long', () => {
  expect(LONGEST_MESSAGE).toBe(LONGEST_MESSAGE_BYTES);
  const memory = new MemoryResources();
  const access = { gid: undefined, group: undefined, uid: 0, sessionsPerUser: 9 };
  const served = new ClientService({ access, resources: memory });
  const client = memory.connect({ pid: 1, uid: 0, gid: 0, groups: [] });
  client.said.push(JSON.stringify({ ...HELLO, service: 'x'.repeat(LONGEST_MESSAGE - 200) }));
  for (let i = 0; i < 2; i++) served.attend(0);
  expect(client.isClosed).toBe(true);
  expect(JSON.parse(client.heard.at(-1)!)).toMatchObject({
    code: 'bad-input',
    message: expect.stringContaining('service is not a name'),
  });
});

test('who does not read what it asked for is ended, also when its session sleeps', () => {
  const memory = new MemoryResources();
  const access = { gid: undefined, group: undefined, uid: 0, sessionsPerUser: 9 };
  const served = new ClientService({ access, resources: memory });
  const client = memory.connect({ pid: 1, uid: 0, gid: 0, groups: [] });
  client.said.push(JSON.stringify(HELLO));
  for (let i = 0; i < 2; i++) served.attend(0);
  expect([served.arm(), served.awakeSessions]).toEqual([true, 0]);
  client.isDeaf = true;
  client.said.push('{"type":"grow"}');
  served.attend(0);
  expect(client.isClosed).toBe(true);
  expect(served.report()).toMatchObject({ closed: 1, faults: { badMessage: 1 } });
});

test('when the system has no more, those who connect wait until it has, and a session says so', () => {
  const memory = new MemoryResources();
  const access = { gid: undefined, group: undefined, uid: 0, sessionsPerUser: 9 };
  const poor = new ClientService({ access, resources: memory });
  const client = memory.connect({ pid: 1, uid: 0, gid: 0, groups: [] });
  client.said.push(JSON.stringify(HELLO));
  memory.grants = 0;
  poor.attend(1000);
  expect([memory.isReady, poor.nextDeadline]).toEqual([false, 501_000]);
  memory.grants = 1;
  poor.attend(501_000);
  memory.grants = 0;
  poor.attend(501_000);
  expect(JSON.parse(client.heard.at(-1)!)).toMatchObject({
    code: 'failed',
    message: expect.stringContaining('no memory'),
  });
  expect(poor.nextDeadline).toBe(Number.POSITIVE_INFINITY);
});
