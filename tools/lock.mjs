// A lock between processes on one machine that nobody has to clean up: a socket in Linux's abstract namespace, which is
// gone the moment its holder is. Who waits is connected to the holder, and is woken by its end.
import { createHash } from 'node:crypto';
import { connect, createServer } from 'node:net';

/** Runs `work` while this process holds the lock of that name; `onWait` is called when another holds it. */
export async function withLock(name, onWait, work) {
  // A name of any length becomes one that a socket may have.
  const path = `\0selvage-${createHash('sha256').update(name).digest('hex').slice(0, 32)}`;
  let server = await listen(path);
  if (server === undefined) onWait();
  while (server === undefined) {
    await ended(path);
    server = await listen(path);
  }
  const waiting = new Set();
  server.on('connection', (socket) => {
    waiting.add(socket.on('error', () => {}).on('close', () => waiting.delete(socket)));
  });
  try {
    return await work();
  } finally {
    server.close();
    for (const socket of waiting) socket.destroy();
  }
}

/** The server, or undefined where there is one already. */
function listen(path) {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', (error) => (error.code === 'EADDRINUSE' ? resolve(undefined) : reject(error)));
    server.listen(path, () => resolve(server));
  });
}

/** Resolves when whoever listens there does so no more. */
function ended(path) {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.on('error', () => {}).on('close', resolve);
  });
}
