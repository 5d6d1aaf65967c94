/** Lets whatever else this thread's event loop has to do go on first: a promise that is kept at once does not. */
export function nextEvents(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
