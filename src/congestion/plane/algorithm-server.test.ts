// An algorithm whose datapath does not read: it waits for room, says so, and its memory does not grow.
import { expect, it } from 'vitest';
import { reno } from '../algorithms/reno.ts';
import { AlgorithmServer } from './algorithm-server.ts';
import { readFromAlgorithm } from './message-reader.ts';
import { MAX_MESSAGE_BYTES, MessageRing, newRingMemory } from './message-ring.ts';
import { MessageWriter } from './message-writer.ts';
import { Progress } from './progress.ts';

const FLOWS = 2000;

it('holds up a bounded part of its commands, and hands them on when there is room', () => {
  const progress = new Progress();
  const server = new AlgorithmServer(reno(), progress, { wake() {}, trouble() {} });
  const memories = { toAlgorithm: newRingMemory(1 << 20), fromAlgorithm: newRingMemory(8192) };
  server.attach({ id: 1, ...memories, wake: { fd: -1 } });
  const [toAlgorithm, fromAlgorithm] = [
    new MessageRing(memories.toAlgorithm),
    new MessageRing(memories.fromAlgorithm),
  ];
  const writer = new MessageWriter();
  const places = { source: '10.0.0.1', sourcePort: 1, destination: '10.0.0.2', destinationPort: 2 };
  for (let id = 1; id <= FLOWS; id++) {
    const flow = { id, mssBytes: 1448, initialCwndBytes: 14_480, protocol: 'tcp', ...places } as const;
    expect(toAlgorithm.push(writer.bytes, writer.create(id, flow, 'reno', 0))).toBe(true);
  }
  // There is nothing more to take, though commands wait.
  while (server.serve());
  expect(server.isHeldUp).toBe(true);
  expect(toAlgorithm.isEmpty).toBe(false);
  const message = new Uint8Array(MAX_MESSAGE_BYTES);
  let heard = 0;
  for (; !(toAlgorithm.isEmpty && fromAlgorithm.isEmpty); server.serve()) {
    for (let length = fromAlgorithm.pop(message); length > 0; length = fromAlgorithm.pop(message)) {
      expect(readFromAlgorithm(message, length)).toMatchObject({ flow: ++heard });
    }
  }
  expect([heard, progress.bad, server.isHeldUp]).toEqual([FLOWS, 0, false]);
});
