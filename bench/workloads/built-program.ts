// Programs of this package that run in processes of their own are bundled beside the command line.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../../lab/package-root.ts';
import { SelvageError } from '../../src/base/errors.ts';

export type BuiltProgram =
  | 'connection-state'
  | 'load-client'
  | 'ipc-agent'
  | 'ipc-peer'
  | 'stand-in-server'
  | 'packet-stream'
  | 'datagram-flows'
  | 'wake-pair'
  | 'packet-probe'
  | 'flow-completion'
  | 'http-rounds'
  | 'probe-and-switch'
  | 'selvage';

export function builtProgram(name: BuiltProgram): string {
  const program = join(packageRoot(), 'dist', `${name}.js`);
  if (existsSync(program)) return program;
  throw new SelvageError('no-program', `There is no ${program}.`, { hint: 'Build it: npm run build' });
}
