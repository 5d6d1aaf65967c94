// Registers a struct of functions with the kernel, through a link: it is registered as long as the link's descriptor is
// open, so that it goes with the process. What already uses the functions goes on using them.

import { SelvageError } from '../../base/errors.ts';
import { close, errno, errnoName } from '../libc.ts';
import { libbpf } from './libbpf.ts';
import type { BpfMap } from './object.ts';

/** For the map's flags, before its object is loaded. */
export const BPF_F_LINK = 1 << 13;
const BPF_STRUCT_OPS = 44;
const EEXIST = 17;

/** Ends the registration. */
export type Unregister = () => void;

export function registerStructOps(map: BpfMap, name: string): Unregister {
  const link = map.attachStructOps();
  if (link < 0) throw refused(-link, name);
  // libbpf before 1.2 knows no links for these: then what it returns stands for the map alone.
  const own =
    libbpf().linkFd(link) === map.fd ? libbpf().createLink(map.fd, 0, BPF_STRUCT_OPS, 0) : undefined;
  if (own !== undefined && own < 0) throw refused(errno(), name);
  return () => {
    if (own === undefined) libbpf().destroyLink(link);
    else close(own);
  };
}

function refused(code: number, name: string): SelvageError {
  if (code !== EEXIST) return new SelvageError('failed', `The kernel refused “${name}”: ${errnoName(code)}.`);
  const hint = 'Choose another name, or end the process that registered it.';
  return new SelvageError('in-use', `The name “${name}” is taken already.`, { hint });
}
