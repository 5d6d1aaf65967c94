// The MTU of the interface that has the VTEP's address: what the overlay's packets must fit.

import { networkInterfaces } from 'node:os';
import { SelvageError } from '../base/errors.ts';
import { interfaceMtu } from '../linux/interfaces.ts';
import { formatHostAddress } from '../wire/address.ts';
import type { UnderlayConfig } from './config.ts';

export function underlayMtu({ address, mtu }: UnderlayConfig): number {
  if (mtu !== undefined) return mtu;
  const text = formatHostAddress(address.address);
  for (const [name, addresses] of Object.entries(networkInterfaces())) {
    if (!addresses?.some((own) => own.address === text)) continue;
    return interfaceMtu(name);
  }
  throw new SelvageError('bad-config', `No interface of this machine has the address ${text}.`, {
    hint: 'Set underlay.address to an address that `ip address` shows, with its interface up.',
  });
}
