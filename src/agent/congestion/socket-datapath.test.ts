// The flows of a datapath behind the socket, while algorithms go and come back.
import { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import { afterEach, expect, it, vi } from 'vitest';
import type { FlowInfo } from '../../congestion/algorithm.ts';
import { readFromDatapath } from '../../congestion/plane/message-reader.ts';
import { MAX_MESSAGE_BYTES, MessageRing, newRingMemory } from '../../congestion/plane/message-ring.ts';
import { MessageWriter } from '../../congestion/plane/message-writer.ts';
import { Progress } from '../../congestion/plane/progress.ts';
import { newBellMemory } from './bell.ts';
import type { Joining } from './running.ts';
import { SocketDatapath } from './socket-datapath.ts';

afterEach(() => void vi.useRealTimers());

class FakeSocket extends EventEmitter {
  destroyed = false;
  writableLength = 0;

  destroy(): void {
    this.destroyed = true;
    process.nextTick(() => this.emit('close'));
  }
}

function host(ringBytes?: number) {
  const [toAlgorithm, fromAlgorithm, bell] = [newRingMemory(ringBytes), newRingMemory(), newBellMemory()];
  const ring = new MessageRing(toAlgorithm);
  const message = new Uint8Array(MAX_MESSAGE_BYTES);
  const joining: Joining = {
    progress: new Progress(),
    attach: (wake) => ({ id: 1, toAlgorithm, fromAlgorithm, wake, bell }),
    detach() {},
    stop: async () => {},
  };
  const heard = () => {
    const all: string[] = [];
    for (let length = ring.pop(message); length > 0; length = ring.pop(message)) {
      const said = readFromDatapath(message, length)!;
      all.push(
        `${said.kind} ${said.kind === 'create' ? said.flow.id : said.kind === 'close' ? said.flow : ''}`,
      );
    }
    return all;
  };
  return { joining, heard };
}

/** More than a ring has room for. */
const MANY = 5000;

const settled = () => new Promise((resolve) => setImmediate(resolve));

function datapathOver(algorithms: Map<string, Joining>) {
  const socket = new FakeSocket();
  const counts = { bad: 0, closed: 0 };
  let asked = 0;
  const running = (name: string) => algorithms.get(name);
  const hostOf = async (name: string) => {
    asked++;
    return running(name) ?? Promise.reject(new Error('none'));
  };
  const datapath = new SocketDatapath(socket as unknown as Socket, counts, { running, hostOf });
  const writer = new MessageWriter();
  const flow: Omit<FlowInfo, 'id'> = {
    mssBytes: 1448,
    initialCwndBytes: 14_480,
    protocol: 'tcp',
    source: '10.0.0.1',
    sourcePort: 1,
    destination: '10.0.0.2',
    destinationPort: 2,
  };
  const create = async (sid: number, algorithm: string) => {
    datapath.take(writer.bytes, writer.create(sid, { ...flow, id: sid }, algorithm, 0));
    await settled();
  };
  const close = (sid: number) => datapath.take(writer.bytes, writer.close(sid));
  const report = (sid: number) =>
    datapath.take(writer.bytes, writer.report(sid, 1, 1, 0, new Float64Array(1), 1));
  return { datapath, socket, counts, create, close, report, asked: () => asked };
}

it('are introduced again when an algorithm comes back, which nobody starts for them', async () => {
  const first = host();
  const algorithms = new Map([['one', first.joining]]);
  const { datapath, create, asked } = datapathOver(algorithms);
  await create(5, 'one');
  await create(6, 'one');
  expect(first.heard()).toEqual(['create 5', 'create 6']);
  algorithms.delete('one');
  datapath.changed();
  const again = host();
  algorithms.set('one', again.joining);
  datapath.changed();
  datapath.changed();
  expect(again.heard()).toEqual(['create 5', 'create 6']);
  expect(first.heard()).toEqual([]);
  expect(asked()).toBe(1);
});

it('are over at the first algorithm when their numbers are given to another', async () => {
  const [first, second] = [host(), host()];
  const { create } = datapathOver(
    new Map([
      ['one', first.joining],
      ['two', second.joining],
    ]),
  );
  await create(5, 'one');
  await create(5, 'two');
  expect(first.heard()).toEqual(['create 5', 'close 5']);
  expect(second.heard()).toEqual(['create 5']);
});

it('all are introduced, once each, and all end, however many at once, and the connection stays', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  const first = host();
  const algorithms = new Map([['one', first.joining]]);
  const { datapath, create, close, report, socket, counts } = datapathOver(algorithms);
  const sids = Array.from({ length: MANY }, (_, i) => i + 1);
  for (const sid of sids) await create(sid, 'one');
  const again = host();
  algorithms.set('one', again.joining);
  datapath.changed();
  const heard = again.heard();
  expect(heard.length).toBeLessThan(MANY);
  const hear = () => {
    while (vi.getTimerCount() > 0) {
      vi.runOnlyPendingTimers();
      heard.push(...again.heard());
    }
    return heard.splice(0);
  };
  expect(hear()).toEqual(sids.map((sid) => `create ${sid}`));
  for (const sid of sids) report(sid);
  expect(counts.bad).toBe(0);
  for (const sid of sids) report(sid);
  expect(counts.bad).toBeGreaterThan(0);
  for (const sid of sids) close(sid);
  expect(hear().filter((said) => said.startsWith('close'))).toEqual(sids.map((sid) => `close ${sid}`));
  expect([socket.destroyed, counts.closed]).toEqual([false, 0]);
  socket.destroy();
  await settled();
  expect(vi.getTimerCount()).toBe(0);
});
