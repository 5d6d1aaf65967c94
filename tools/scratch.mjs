// A folder for everything that a test run leaves in temporary folders: it goes with the run, and what a run that was
// killed left goes with the next. Only a folder whose owner, named in a file in it, is known to be gone is removed.
import {
  chmodSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

// Short: Unix sockets below it have paths of at most 107 bytes.
const prefix = 'selvage-test-';
const ownerFile = 'owner.json';

export function makeScratch(folder = tmpdir()) {
  removeStale(folder);
  const scratch = mkdtempSync(join(folder, prefix));
  // Some tests are another user for a while.
  chmodSync(scratch, 0o755);
  writeFileSync(join(scratch, ownerFile), JSON.stringify(processIdentity(process.pid)));
  return scratch;
}

export function removeScratch(scratch) {
  // Programs of an interrupted run may still be writing.
  rmSync(scratch, { recursive: true, force: true, maxRetries: 5 });
}

function removeStale(folder) {
  for (const name of readdirSync(folder)) {
    if (!name.startsWith(prefix)) continue;
    try {
      const stale = join(folder, name);
      if (statSync(stale).uid === process.geteuid() && isAbandoned(stale)) removeScratch(stale);
    } catch {
      // Another run was quicker.
    }
  }
}

function isAbandoned(scratch) {
  const owner = JSON.parse(readFileSync(join(scratch, ownerFile), 'utf8'));
  // A pid of another container says nothing here.
  if (owner.namespace !== pidNamespace()) return false;
  return processIdentity(owner.pid)?.startTicks !== owner.startTicks;
}

/** A pid may be reused; with its start time (field 22 of /proc/PID/stat) it names one process. */
function processIdentity(pid) {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const startTicks = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
    return { pid, startTicks, namespace: pidNamespace() };
  } catch {
    return undefined;
  }
}

function pidNamespace() {
  return readlinkSync('/proc/self/ns/pid');
}
