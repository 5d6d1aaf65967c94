// Flows begin and end for an algorithm even when it has no room to hear of them at the time.
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { FlowInfo } from '../../congestion/algorithm.ts';
import { MAX_MESSAGE_BYTES, MessageRing, newRingMemory } from '../../congestion/plane/message-ring.ts';
import { FlowMessages } from './flow-messages.ts';

const FLOWS = 30;

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const flow = (id: number): FlowInfo => ({
  id,
  mssBytes: 1448,
  initialCwndBytes: 14_480,
  protocol: 'tcp',
  source: '10.0.0.1',
  sourcePort: 40_000,
  destination: '10.0.0.2',
  destinationPort: 443,
});

/** What the algorithm reads: the type of each message and its flow. */
function read(ring: MessageRing): string[] {
  const message = new Uint8Array(MAX_MESSAGE_BYTES);
  const view = new DataView(message.buffer);
  const heard: string[] = [];
  while (ring.pop(message) > 0) heard.push(`${view.getUint16(0, true)} ${view.getUint32(4, true)}`);
  return heard;
}

test('what has no room is told once there is some, in order; a report of a flow not told of is not', () => {
  const memory = newRingMemory(2048);
  const [ring, reader] = [new MessageRing(memory), new MessageRing(memory)];
  const messages = new FlowMessages('reno', ring, () => {});
  const begun = Array.from({ length: FLOWS }, (_, i) => i + 1);
  for (const id of begun) messages.open(flow(id), 0);
  messages.close(1);
  const heard = read(reader);
  expect(heard.length).toBeLessThan(FLOWS);
  messages.report({ flow: FLOWS, generation: 1, serial: 1, nowMicros: 0, values: new Float64Array(1) });
  expect(read(reader)).toEqual([]);
  while (vi.getTimerCount() > 0) {
    vi.runOnlyPendingTimers();
    heard.push(...read(reader));
  }
  expect(heard).toEqual([...begun.map((id) => `0 ${id}`), '1 1']);
  messages.report({ flow: FLOWS, generation: 1, serial: 1, nowMicros: 0, values: new Float64Array(1) });
  expect(read(reader)).toEqual([`1 ${FLOWS}`]);
});
