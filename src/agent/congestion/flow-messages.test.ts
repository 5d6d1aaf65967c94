// Flows begin and end for an algorithm even when it has no room to hear of them at the time.
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { FlowInfo } from '../../congestion/algorithm.ts';
import { readFromDatapath } from '../../congestion/plane/message-reader.ts';
import { MAX_MESSAGE_BYTES, MessageRing, newRingMemory } from '../../congestion/plane/message-ring.ts';
import { MessageWriter } from '../../congestion/plane/message-writer.ts';
import { FlowMessages } from './flow-messages.ts';

const FLOWS = 30;

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const info: Omit<FlowInfo, 'id'> = {
  mssBytes: 1448,
  initialCwndBytes: 14_480,
  protocol: 'tcp',
  source: '10.0.0.1',
  sourcePort: 40_000,
  destination: '10.0.0.2',
  destinationPort: 443,
};

/** With room for a few messages. */
function start() {
  const memory = newRingMemory(2048);
  const [ring, reader] = [new MessageRing(memory), new MessageRing(memory)];
  const writer = new MessageWriter();
  const messages = new FlowMessages(ring, () => {});
  const open = (id: number) => messages.open(id, writer.bytes, writer.create(id, { ...info, id }, 'reno', 0));
  const report = (id: number) =>
    messages.report(id, writer.bytes, writer.report(id, 1, 1, 0, new Float64Array(1), 1));
  const message = new Uint8Array(MAX_MESSAGE_BYTES);
  /** What the algorithm reads. */
  const heard = () => {
    const all: string[] = [];
    for (let length = reader.pop(message); length > 0; length = reader.pop(message)) {
      const said = readFromDatapath(message, length)!;
      all.push(
        said.kind === 'ready' ? 'ready' : `${said.kind} ${said.kind === 'create' ? said.flow.id : said.flow}`,
      );
    }
    return all;
  };
  const heardInTime = () => {
    const all = heard();
    while (vi.getTimerCount() > 0) {
      vi.runOnlyPendingTimers();
      all.push(...heard());
    }
    return all;
  };
  return { messages, open, report, heard, heardInTime };
}

const numbers = Array.from({ length: FLOWS }, (_, i) => i + 1);

test('what has no room is told once there is some, ends first; a report of a flow not told of is not', () => {
  const { messages, open, report, heard, heardInTime } = start();
  for (const id of numbers) open(id);
  messages.close(1);
  const first = heard();
  expect(first.length).toBeLessThan(FLOWS);
  report(FLOWS);
  expect(heard()).toEqual([]);
  expect([...first, ...heardInTime()]).toEqual([
    ...numbers.slice(0, first.length).map((id) => `create ${id}`),
    'close 1',
    ...numbers.slice(first.length).map((id) => `create ${id}`),
  ]);
  expect(report(FLOWS)).toBe(true);
  expect(heard()).toEqual([`report ${FLOWS}`]);
});

test('a flow that is over before there was room is never told of, and its number can be another’s', () => {
  const { messages, open, heard, heardInTime } = start();
  for (const id of numbers) open(id);
  messages.close(1);
  open(1);
  messages.close(FLOWS);
  const first = heard();
  const rest = numbers.slice(first.length, -1).map((id) => `create ${id}`);
  expect(heardInTime()).toEqual(['close 1', ...rest, 'create 1']);
});

test('when all flows are over, nothing that waited is told', () => {
  const { messages, open, heard, heardInTime } = start();
  for (const id of numbers) open(id);
  messages.close(1);
  messages.closeAll();
  open(FLOWS + 1);
  heard();
  expect(heardInTime()).toEqual(['ready', `create ${FLOWS + 1}`]);
  expect(vi.getTimerCount()).toBe(0);
});
