// Owners of two endpoints that do everything there is to do once: `dying-endpoint.mjs SOCKET_A SOCKET_B`. Loaded behind
// die-at-step.mjs it gets as far as that lets it; it prints a line when it gets to its end.
import { openEndpointSync } from '../../src/client/dist/endpoint.js';

const [a, b] = ['a', 'b'].map((vnic, i) => openEndpointSync({ vnic, socket: process.argv[2 + i] }));
const batch = a.newBatch(40);
for (let i = 0; i < 40; i++) batch.setPayload(i, new Uint8Array(100));
const received = b.newBatch(64);

/** More than a ring holds, on two flows, to an owner that reads late. */
for (const nativeId of [1, 2]) {
  const flow = a.openFlow({ to: '192.168.77.202:9', nativeId });
  let [sent, came] = [0, 0];
  while (came < 80) {
    if (sent < 80) sent += flow.send(batch, 0, Math.min(40, 80 - sent));
    if (sent < 80) a.waitSync(20);
    came += b.receive(received);
    if (received.count === 0) b.waitSync(20);
  }
  flow.close();
}
a.close();
b.close();
console.log('done');
