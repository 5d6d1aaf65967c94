// Bundles the command line, the threads and engines it starts, and what they import into dist/, and @selvage/client into
// src/client/dist. Plain JavaScript with no dependency but esbuild, because Node 20 runs no TypeScript.
import { chmodSync, copyFileSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = dirname(dirname(fileURLToPath(import.meta.url)));

const options = {
  absWorkingDir: root,
  bundle: true,
  platform: 'node',
  target: 'node20',
  format: 'esm',
  packages: 'external',
  sourcemap: true,
  logLevel: 'warning',
};

export async function buildDist() {
  const client = await buildClient();
  const fresh = join(root, `dist.${process.pid}`);
  await build({
    ...options,
    entryPoints: {
      selvage: 'src/cli/main.ts',
      'data-thread': 'src/agent/threads/data-thread.ts',
      'engine-trial': 'src/agent/upgrades/engine-trial.ts',
      'switch-engine': 'src/agent/switch-engine.ts',
      congestion: 'src/congestion/public.ts',
      'algorithm-thread': 'src/agent/congestion/algorithm-thread.ts',
      'algorithm-trial': 'src/agent/congestion/algorithm-trial.ts',
      'services-thread': 'src/agent/threads/services-thread.ts',
      'clients-engine': 'src/agent/clients/clients-engine.ts',
      'link-emulator': 'lab/emulator/main.ts',
      'packet-probe': 'bench/workloads/packet-probe/main.ts',
      'load-client': 'bench/workloads/load-client/main.ts',
      'http-rounds': 'bench/workloads/http-rounds/main.ts',
      'probe-and-switch': 'bench/peers/probe-and-switch/main.ts',
      'stand-in-server': 'bench/workloads/stand-in-server/main.ts',
      'ipc-peer': 'bench/workloads/ipc-peer/main.ts',
      'ipc-agent': 'bench/workloads/ipc-agent/main.ts',
      'connection-state': 'bench/workloads/connection-state/main.ts',
      'packet-stream': 'bench/workloads/packet-stream/main.ts',
      'datagram-flows': 'bench/workloads/datagram-flows/main.ts',
      'wake-pair': 'bench/workloads/wake-pair/main.ts',
      'flow-completion': 'bench/workloads/flow-completion/main.ts',
      ...measuredAlgorithms(),
    },
    outdir: fresh,
    splitting: true,
  });
  chmodSync(join(fresh, 'selvage.js'), 0o755);
  for (const object of ['congestion', 'reroute'])
    copyFileSync(join(root, `bpf/built/${object}.bpf.o`), join(fresh, `${object}.bpf.o`));
  putInPlace(client, join(root, 'src/client/dist'));
  putInPlace(fresh, join(root, 'dist'));
}

/** Files for `selvage cc run`, one by one. */
function measuredAlgorithms() {
  const folder = 'bench/algorithms';
  const names = readdirSync(join(root, folder)).map((file) => file.replace(/\.ts$/, ''));
  return Object.fromEntries(names.map((name) => [`algorithms/${name}`, `${folder}/${name}.ts`]));
}

/** Two parts, and their types: they are written by hand, in files that have nothing else. */
async function buildClient() {
  const fresh = join(root, `src/client/dist.${process.pid}`);
  // What both parts have is there once: an error of either is the same class.
  const entryPoints = { index: 'src/client/index.ts', endpoint: 'src/client/endpoint/index.ts' };
  await build({ ...options, entryPoints, splitting: true, outdir: fresh, sourcemap: false });
  copyFileSync(join(root, 'src/client/api.ts'), join(fresh, 'index.d.ts'));
  copyFileSync(join(root, 'src/client/endpoint/api.ts'), join(fresh, 'endpoint.d.ts'));
  return fresh;
}

function putInPlace(fresh, dist) {
  // Two renames: a command that starts meanwhile finds the old one or the new one but for a moment, and never a part.
  const old = `${fresh}.old`;
  try {
    renameSync(dist, old);
  } catch (error) {
    if (error.code !== 'ENOENT') throw error;
  }
  try {
    renameSync(fresh, dist);
  } catch (error) {
    // Another build was quicker by a moment.
    if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error;
    rmSync(fresh, { recursive: true });
  }
  rmSync(old, { recursive: true, force: true });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await buildDist();
