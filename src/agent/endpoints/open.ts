// The sockets of a host's native endpoints, opened by the main thread beside that for clients, and what the data thread is
// told of each endpoint.

import { chmodSync, chownSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { SelvageError } from '../../base/errors.ts';
import { gidOf } from '../../linux/groups.ts';
import { close } from '../../linux/libc.ts';
import { listenUnix } from '../../linux/unix-socket.ts';
import { formatCidr, formatMac } from '../../wire/address.ts';
import type { ClientsAccess } from '../clients/given.ts';
import type { HostConfig, VnicConfig } from '../config.ts';
import type { VnicPlan } from '../vnics.ts';
import { endpointSocketName } from './socket-name.ts';

/** What the thread that has the vNIC is told. */
export interface EndpointStart {
  readonly vni: number;
  readonly name: string;
  readonly mac: string;
  readonly addresses: readonly string[];
  readonly mtu: number;
  /** A listening socket; closed by whoever opened it. */
  readonly listener: number;
  readonly access: ClientsAccess;
}

/** In the order of the configuration, nothing for interfaces; descriptors are added to `opened`. */
export function openEndpoints(
  { runtimeDir, clients, vnis }: HostConfig,
  plans: readonly VnicPlan[],
  opened: number[],
): (EndpointStart | undefined)[] {
  removeEndpointSockets(runtimeDir);
  return vnis
    .flatMap(({ vni, vnics }) => vnics.map((vnic) => ({ vni, vnic })))
    .map(({ vni, vnic }, i) => {
      if (!vnic.endpoint) return undefined;
      const access = accessOf(vnic, clients.group);
      const listener = openSocket(join(runtimeDir, endpointSocketName(vnic.name)), access);
      opened.push(listener);
      return {
        vni,
        name: vnic.name,
        mac: formatMac(vnic.mac),
        addresses: vnic.addresses.map(formatCidr),
        mtu: plans[i]!.mtu,
        listener,
        access,
      };
    });
}

/** Those of an agent that was killed, too. */
export function removeEndpointSockets(runtimeDir: string): void {
  for (const name of readdirSync(runtimeDir)) {
    if (/^endpoint-.*\.sock$/.test(name)) rmSync(join(runtimeDir, name), { force: true });
  }
}

function accessOf({ name, group: own }: VnicConfig, clientsGroup: string | undefined): ClientsAccess {
  const group = own ?? clientsGroup;
  const gid = group === undefined ? undefined : gidOf(group);
  if (group !== undefined && gid === undefined) {
    throw new SelvageError('bad-config', `The endpoint ${name}: this host has no group ${group}.`, {
      hint: `Create it (groupadd --system ${group}), or name another.`,
    });
  }
  return { gid, group, uid: process.getuid!(), sessionsPerUser: 1 };
}

function openSocket(path: string, { gid, group }: ClientsAccess): number {
  const listener = listenUnix(path);
  try {
    chmodSync(path, gid === undefined ? 0o600 : 0o660);
    if (gid !== undefined) chownSync(path, process.getuid!(), gid);
    return listener;
  } catch (cause) {
    close(listener);
    throw new SelvageError('no-privilege', `${path} cannot be given to the group ${group}.`, {
      hint: 'Run the agent as root or as a member of that group.',
      cause,
    });
  }
}
