// Work to do before a signal ends this process: Ctrl-C must leave nothing behind. The signal then takes its course,
// so that whoever started us sees how we ended.
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
const pending = new Set<() => Promise<void>>();
let ending = false;

/** Registers `work`; the returned function takes it back. */
export function beforeInterrupt(work: () => Promise<void>): () => void {
  if (pending.size === 0) for (const signal of SIGNALS) process.on(signal, interrupted);
  pending.add(work);
  return () => {
    pending.delete(work);
    if (pending.size === 0) for (const signal of SIGNALS) process.off(signal, interrupted);
  };
}

/** Never resolves once a signal is ending this process: what fails then, fails because of that. */
export function unlessInterrupted(): Promise<void> {
  return ending ? new Promise(() => {}) : Promise.resolve();
}

function interrupted(signal: NodeJS.Signals): void {
  // A second Ctrl-C does not wait.
  if (ending) process.exit(1);
  ending = true;
  void Promise.allSettled([...pending].map((work) => work())).then(() => {
    for (const each of SIGNALS) process.off(each, interrupted);
    process.kill(process.pid, signal);
  });
}
