// Bundles the command line, the threads and engines it starts, and what they import into dist/. Plain JavaScript with no
// dependency but esbuild, because Node 20 runs no TypeScript.
import { chmodSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = dirname(dirname(fileURLToPath(import.meta.url)));

export async function buildDist() {
  const dist = join(root, 'dist');
  const fresh = join(root, `dist.${process.pid}`);
  await build({
    absWorkingDir: root,
    entryPoints: {
      selvage: 'src/cli/main.ts',
      'data-thread': 'src/agent/data-thread.ts',
      'engine-trial': 'src/agent/engine-trial.ts',
      'switch-engine': 'src/agent/switch-engine.ts',
      'link-emulator': 'lab/emulator/main.ts',
      'packet-probe': 'bench/workloads/packet-probe/main.ts',
      'load-client': 'bench/workloads/load-client/main.ts',
      'stand-in-server': 'bench/workloads/stand-in-server/main.ts',
      'wake-pair': 'bench/workloads/wake-pair/main.ts',
    },
    outdir: fresh,
    bundle: true,
    splitting: true,
    platform: 'node',
    target: 'node20',
    format: 'esm',
    packages: 'external',
    sourcemap: true,
    logLevel: 'warning',
  });
  chmodSync(join(fresh, 'selvage.js'), 0o755);
  // Put in place whole: a command that starts meanwhile finds the old one or the new one.
  rmSync(dist, { recursive: true, force: true });
  try {
    renameSync(fresh, dist);
  } catch (error) {
    // Another build was quicker by a moment.
    if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error;
    rmSync(fresh, { recursive: true });
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await buildDist();
