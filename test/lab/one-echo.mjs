// Sends one record through a session and prints what came of it: `one-echo.mjs SOCKET`.
import { connect } from '../../src/client/dist/index.js';

try {
  const session = await connect({ service: 'echo', socket: process.argv[2], recordBytes: 4 });
  const record = Uint32Array.of(4711);
  session.push(record, 1);
  record[0] = 0;
  await session.wait();
  session.pop(record, 1);
  session.close();
  console.log(JSON.stringify({ echoed: record[0] }));
} catch ({ code, message, hint }) {
  console.log(JSON.stringify({ code, message, hint }));
}
