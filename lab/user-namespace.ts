// A lab without root: the whole command again in a user namespace of its own, where it may make network namespaces.
// What it makes is gone when it ends, whatever ends it, so this is for commands that live as long as their lab.
import { spawn, spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { followChild } from './execute.ts';
import { findProgram } from './programs.ts';
import { isPrivileged, TOOLS } from './tools.ts';

/** Also a network namespace: the caller's cannot be returned to once it is left. */
const UNSHARE = ['--user', '--map-root-user', '--mount', '--net', '--'];

/** `ip netns` keeps namespaces in /run, which an ordinary user cannot write: ours is empty. */
const ENTER = 'mount -t tmpfs selvage /run && exec "$@"';

/** Whether this user may have a user namespace with the rights that a lab needs, and TAPs in it. */
export function isUserNamespaceAllowed(): boolean {
  try {
    accessSync('/dev/net/tun', constants.R_OK | constants.W_OK);
  } catch {
    return false;
  }
  return (
    spawnSync('unshare', [...UNSHARE, 'mount', '-t', 'tmpfs', 'selvage', '/run'], { timeout: 5000 })
      .status === 0
  );
}

/**
 * Where a lab needs it, runs this process's command again in a user namespace; its exit status, or undefined where it
 * is not needed or not allowed. Programs are fetched beforehand: in there is no network.
 */
export async function reenterUnprivileged(programs: readonly string[]): Promise<number | undefined> {
  if (isPrivileged() || !isUserNamespaceAllowed()) return undefined;
  for (const program of [...TOOLS, ...programs]) await findProgram(program);
  const again = [process.execPath, ...process.execArgv, ...process.argv.slice(1)];
  return followChild(spawn('unshare', [...UNSHARE, 'sh', '-c', ENTER, 'sh', ...again], { stdio: 'inherit' }));
}
