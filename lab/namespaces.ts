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
  const inodes = new Set(names.map((name) => `net:[${statSync(`${FOLDER}/${name}`).ino}]`));
  await endProcessesIn(inodes);
  await batch(
    'ip',
    undefined,
    names.map((name) => `netns delete ${name}`),
  );
  // A namespace without its name lives on in whatever was being started in it meanwhile.
  await endProcessesIn(inodes);
}

/** Until there are none: one that is ending may have started another. */
async function endProcessesIn(inodes: ReadonlySet<string>): Promise<void> {
  for (let found = processesIn(inodes); found.length > 0; found = processesIn(inodes)) {
    await Promise.all(found.map((process) => endProcess(process)));
  }
}

function processesIn(inodes: ReadonlySet<string>): ProcessId[] {
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
