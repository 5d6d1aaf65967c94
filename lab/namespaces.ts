// The named network namespaces of a lab: making them, finding what runs in them, removing them with it.
import { readdirSync, readlinkSync, statSync } from 'node:fs';
import { endProcess, type ProcessId, processId } from './process.ts';
import { batch } from './tools.ts';

const FOLDER = '/run/netns';

export function namespacesWithPrefix(prefix: string): string[] {
  try {
    return readdirSync(FOLDER).filter((name) => name.startsWith(prefix));
  } catch {
    return [];
  }
}

/** Ends every process in the namespaces, except the caller, and removes them. */
export async function removeNamespaces(names: readonly string[]): Promise<void> {
  if (names.length === 0) return;
  await Promise.all(processesIn(names).map((process) => endProcess(process)));
  await batch(
    'ip',
    undefined,
    names.map((name) => `netns delete ${name}`),
  );
}

function processesIn(names: readonly string[]): ProcessId[] {
  const inodes = new Set(names.map((name) => `net:[${statSync(`${FOLDER}/${name}`).ino}]`));
  return readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry) && Number(entry) !== process.pid && inodes.has(networkOf(entry)))
    .map((entry) => processId(Number(entry)))
    .filter((found) => found !== undefined);
}

function networkOf(pid: string): string {
  try {
    return readlinkSync(`/proc/${pid}/ns/net`);
  } catch {
    return '';
  }
}
