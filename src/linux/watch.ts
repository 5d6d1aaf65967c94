// Hearing from Node's event loop that a descriptor has something to read. On the main thread only: a worker that ends
// with such a watch takes the process with it.

import koffi from 'koffi';

export interface Watch {
  close(): void;
}

/** Calls `onReadable`, which may not throw, whenever there is something to read; does not keep the process alive. */
export function watch(fd: number, onReadable: () => void): Watch {
  const handle = koffi.node.poll(fd, { readable: true }, onReadable);
  handle.unref();
  return { close: () => handle.close() };
}
