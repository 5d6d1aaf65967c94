// Where and when something was measured.
import { execFileSync } from 'node:child_process';
import { cpus, release, totalmem } from 'node:os';
import { packageRoot } from '../../lab/package-root.ts';

export interface Machine {
  readonly processor: string;
  readonly cores: number;
  readonly memoryGB: number;
  readonly kernel: string;
  readonly node: string;
  /** Of the source; absent outside of a clone. */
  readonly commit: string | undefined;
  /** The day, as 2026-01-31. */
  readonly date: string;
}

export function describeMachine(): Machine {
  const processors = cpus();
  return {
    processor: processors[0]?.model.trim() ?? 'unknown',
    cores: processors.length,
    memoryGB: Math.round(totalmem() / 2 ** 30),
    kernel: release(),
    node: process.version,
    commit: commit(),
    date: new Date().toISOString().slice(0, 10),
  };
}

function commit(): string | undefined {
  try {
    const argv = ['-C', packageRoot(), 'rev-parse', '--short', 'HEAD'];
    return execFileSync('git', argv, { encoding: 'utf8', stdio: 'pipe' }).trim();
  } catch {
    return undefined;
  }
}
