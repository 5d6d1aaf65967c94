// What the core knew, kept in a file of the runtime folder, so that a process that starts after another was killed goes on
// where that one was. The folder is gone after a reboot, and so are the clock's times that the file has.

import { readFileSync } from 'node:fs';
import { rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readSaved, type SavedRerouting } from '../paths/reroute/saved.ts';

/** Whose state it is: that of another address, port or role says nothing of ours. */
export interface StateOwner {
  readonly address: string;
  readonly port: number;
  readonly basePort: number;
  readonly role: number;
}

/** Older, and paths are better looked at afresh. */
const MOST_AGE_MICROS = 300e6;

export class StateFile {
  private readonly path: string;
  private writing: Promise<void> | undefined;

  constructor(runtimeDir: string, dev: string) {
    this.path = join(runtimeDir, `reroute-${dev}.json`);
  }

  /** Undefined when there is none, or none of use. */
  read(owner: StateOwner, nowMicros: number): SavedRerouting | undefined {
    try {
      const { at, of, core } = JSON.parse(readFileSync(this.path, 'utf8')) as Record<string, unknown>;
      const age = nowMicros - Number(at);
      const isOurs = JSON.stringify(of) === JSON.stringify(owner);
      return isOurs && age >= 0 && age < MOST_AGE_MICROS ? readSaved(core) : undefined;
    } catch {
      return undefined;
    }
  }

  /** Whole or not at all; what is asked for while it is being written is left out. A failure loses knowledge only. */
  write(owner: StateOwner, core: SavedRerouting, nowMicros: number): Promise<void> {
    const text = () => JSON.stringify({ at: nowMicros, of: owner, core });
    this.writing ??= this.replace(text()).finally(() => {
      this.writing = undefined;
    });
    return this.writing;
  }

  private async replace(text: string): Promise<void> {
    const fresh = `${this.path}.new`;
    try {
      await writeFile(fresh, text, { mode: 0o600 });
      await rename(fresh, this.path);
    } catch {
      // A full or read-only folder: the next process begins afresh.
    }
  }
}
