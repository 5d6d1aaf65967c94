// A program that sees a device's packets before anything else does. It goes with the device.

import { SelvageError } from '../../base/errors.ts';
import { errnoName } from '../libc.ts';
import { libbpf } from './libbpf.ts';

/** In the device's driver, or not at all. */
const XDP_FLAGS_DRV_MODE = 1 << 2;

/** The device is one of the caller's namespace. */
export function attachXdp(device: number, program: number): void {
  const code = libbpf().attachXdp(device, program, XDP_FLAGS_DRV_MODE, 0);
  if (code < 0) {
    throw new SelvageError('failed', `An XDP program could not be attached: ${errnoName(-code)}.`);
  }
}
