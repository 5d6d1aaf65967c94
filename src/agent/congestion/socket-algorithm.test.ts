import { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import { expect, test, vi } from 'vitest';
import { MessageRing } from '../../congestion/plane/message-ring.ts';
import { MessageWriter } from '../../congestion/plane/message-writer.ts';
import { newBellMemory } from './bell.ts';
import { SocketAlgorithm } from './socket-algorithm.ts';
import { wakeUp } from './wake.ts';

test('counts the reports that it passes on, and not what else datapaths say', async () => {
  const sent: number[] = [];
  const write = (message: Uint8Array) => sent.push(message.length);
  const socket = Object.assign(new EventEmitter(), { writableLength: 0, destroyed: false, write });
  const algorithm = new SocketAlgorithm(socket as unknown as Socket);
  const { toAlgorithm, bell } = algorithm.attach({ bell: newBellMemory() });
  const ring = new MessageRing(toAlgorithm);
  const writer = new MessageWriter();
  ring.push(writer.bytes, writer.ready(0));
  for (let serial = 1; serial <= 3; serial++)
    ring.push(writer.bytes, writer.report(7, 1, serial, 0, new Float64Array([5]), 1));
  ring.push(writer.bytes, writer.close(7));
  wakeUp({ bell });
  await vi.waitFor(() => expect(sent).toHaveLength(5));
  expect(algorithm.progress.reports).toBe(3);
  socket.destroyed = true;
  socket.emit('close');
});
