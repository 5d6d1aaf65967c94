// Streams numbered records through a session and wants each back once, whole and in order: `streaming-client.mjs SOCKET
// RECORD_BYTES FLOWS`. A line on standard input is answered with how many came back; at its end it stops when all have.
import { connect } from '../../src/client/dist/index.js';

const [, , socket, recordBytes, flows] = process.argv;
const words = Number(recordBytes) / 4;
const MOST = 64;
const session = await connect({
  service: 'echo',
  socket,
  recordBytes: words * 4,
  flows: Number(flows),
  records: 256,
});
const buffer = new Uint32Array(words * MOST);
const sent = session.flows.map(() => 0);
const received = session.flows.map(() => 0);
const total = () => received.reduce((sum, count) => sum + count, 0);
let isEnding = false;
process.stdin.on('data', () => console.log(total()));
process.stdin.on('end', () => {
  isEnding = true;
});
console.log('streaming');

while (!isEnding || received.some((count, flow) => count < sent[flow])) {
  for (const [flow, queue] of session.flows.entries()) {
    if (!isEnding) {
      for (let i = 0; i < MOST; i++) buffer.fill(sent[flow] + i, i * words, (i + 1) * words);
      sent[flow] += queue.push(buffer, MOST);
    }
    const count = queue.pop(buffer, MOST);
    for (let i = 0; i < count * words; i++) {
      const expected = received[flow] + Math.floor(i / words);
      if (buffer[i] !== expected % 2 ** 32)
        throw new Error(`flow ${flow}: ${buffer[i]} came for ${expected}`);
    }
    received[flow] += count;
  }
  if (sent.some((count, flow) => count > received[flow])) await session.wait();
  // Whoever never sleeps answers nobody.
  await new Promise((resolve) => setImmediate(resolve));
}
session.close();
console.log(JSON.stringify({ sent, received }));
