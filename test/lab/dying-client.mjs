// A client that does everything there is to do once: `dying-client.mjs SOCKET`. Loaded behind die-at-step.mjs it gets as
// far as that lets it; it prints a line when it gets to its end.
import { connectSync } from '../../src/client/dist/index.js';

const session = connectSync({
  service: 'echo',
  socket: process.argv[2],
  flows: 2,
  recordBytes: 8,
  records: 4,
  blocks: true,
});
const { heap } = session;
const records = new Uint32Array(8);
const echoed = new Uint32Array(8);

/** More than fits, on both flows, with blocks; what comes back is given back. */
for (let round = 0; round < 2; round++) {
  for (const flow of session.flows) {
    for (let i = 0; i < 4; i++) {
      records[2 * i] = heap.alloc(100);
      records[2 * i + 1] = 100;
    }
    let [sent, received] = [0, 0];
    while (received < 4) {
      sent += flow.push(records.subarray(2 * sent), 4 - sent);
      const count = flow.pop(echoed, 4);
      for (let i = 0; i < count; i++) heap.giveBack(echoed[2 * i]);
      received += count;
      if (count === 0) session.waitSync();
    }
  }
}
session.close();
console.log('done');
