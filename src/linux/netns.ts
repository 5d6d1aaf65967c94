// Entering a network namespace for the length of one call. Only the calling thread moves (setns(2)), and it
// always returns to the namespace it came from.

import { SelvageError } from '../base/errors.ts';
import { close, ENOENT, errno, errnoName, open, setns, unshare } from './libc.ts';

const O_RDONLY_CLOEXEC = 0o2000000;
const CLONE_NEWNET = 0x40000000;

/** The file of a namespace given by name (as `ip netns` keeps them) or by absolute path. */
export function netnsPath(netns: string): string {
  return netns.startsWith('/') ? netns : `/run/netns/${netns}`;
}

export function inNetns<T>(netns: string | undefined, body: () => T): T {
  if (netns === undefined) return body();
  const home = openNamespace('/proc/thread-self/ns/net');
  const target = openNamespace(netnsPath(netns));
  try {
    if (setns(target, CLONE_NEWNET) < 0) throw notEntered(netns);
    try {
      return body();
    } finally {
      if (setns(home, CLONE_NEWNET) < 0) {
        // This thread is in a tenant's namespace and cannot leave: nothing it does from here on is right.
        process.abort();
      }
    }
  } finally {
    close(home);
    close(target);
  }
}

/** A namespace that has no name: it goes, with all devices in it, when it is closed or this process ends. */
export interface PrivateNetns {
  /** For `inNetns` and programs of this machine. */
  readonly path: string;
  close(): void;
}

export function makeNetns(): PrivateNetns {
  const fd = inNetns('/proc/thread-self/ns/net', () => {
    if (unshare(CLONE_NEWNET) < 0) {
      const hint = 'Run as root or with CAP_SYS_ADMIN.';
      throw new SelvageError('no-privilege', `Could not make a network namespace: ${errnoName(errno())}.`, {
        hint,
      });
    }
    return openNamespace('/proc/thread-self/ns/net');
  });
  return { path: `/proc/${process.pid}/fd/${fd}`, close: () => close(fd) };
}

function openNamespace(path: string): number {
  const fd = open(path, O_RDONLY_CLOEXEC, 0);
  if (fd >= 0) return fd;
  const code = errno();
  throw new SelvageError('bad-input', `Could not open the network namespace ${path}: ${errnoName(code)}.`, {
    hint:
      code === ENOENT
        ? `Create it first: ip netns add ${path.split('/').pop()}`
        : 'Run as root or with CAP_SYS_ADMIN.',
  });
}

function notEntered(netns: string): SelvageError {
  return new SelvageError(
    'no-privilege',
    `Could not enter the network namespace ${netns}: ${errnoName(errno())}.`,
    {
      hint: 'Run as root or with CAP_SYS_ADMIN.',
    },
  );
}
