// Hearing from Node's event loop that a descriptor has something to read: whenever it has, or once. On the main thread
// only: a worker that ends while a poll handle lives takes the whole process with it.

import koffi from 'koffi';

export interface Watch {
  /** Calls nobody for a while, and then once in any case: whoever is called for each of many things takes several at once. */
  restFor(millis: number): void;
  close(): void;
}

/** Calls `onReadable`, which may not throw, whenever there is something to read; does not keep the process alive. */
export function watch(fd: number, onReadable: () => void): Watch {
  const handle = koffi.node.poll(fd, { readable: true }, onReadable);
  handle.unref();
  let isListening = true;
  let isClosed = false;
  let resting: NodeJS.Timeout | undefined;
  const look = () => {
    resting = undefined;
    onReadable();
    if (resting !== undefined || isClosed) return;
    isListening = true;
    handle.start(onReadable);
  };
  return {
    restFor: (millis) => {
      if (resting !== undefined) return;
      if (isListening) handle.stop();
      isListening = false;
      resting = setTimeout(look, millis);
      resting.unref();
    },
    close: () => {
      isClosed = true;
      clearTimeout(resting);
      handle.close();
    },
  };
}

/**
 * Resolves when `fd` is readable or `timeoutMillis` have passed. A descriptor waited for keeps the process alive as a
 * socket does.
 */
export class Readiness {
  private readonly handle: ReturnType<typeof koffi.node.poll>;
  private settle: (() => void) | undefined;

  constructor(fd: number) {
    this.handle = koffi.node.poll(fd, () => this.done());
    this.handle.stop();
  }

  wait(timeoutMillis = Number.POSITIVE_INFINITY): Promise<void> {
    return new Promise((resolve) => {
      const timer =
        timeoutMillis === Number.POSITIVE_INFINITY ? undefined : setTimeout(() => this.done(), timeoutMillis);
      this.settle = () => {
        clearTimeout(timer);
        resolve();
      };
      this.handle.start(() => this.done());
    });
  }

  /** A wait that is under way ends. */
  close(): void {
    this.done();
    this.handle.close();
  }

  private done(): void {
    this.handle.stop();
    const { settle } = this;
    this.settle = undefined;
    settle?.();
  }
}
