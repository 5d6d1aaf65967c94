// Multipath TCP (RFC 8684) over the kernel's own VXLAN: what a tenant can do for itself. Programs are not changed: a
// library that Debian's mptcpize loads before them makes their sockets MPTCP's. The client gets more addresses, and with
// each a subflow, whose other source address makes the fabric hash it anew.
import { readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { KERNEL_INTERFACE, VXLAN_OVERHEAD_BYTES } from '../../lab/addressing.ts';
import { requireProgram } from '../../lab/programs.ts';
import { batch } from '../../lab/tools.ts';
import { SelvageError } from '../../src/base/errors.ts';
import type { Testbed } from '../testbed.ts';
import type { Peer } from './peer.ts';

/** With the first one as many as Selvage has path slots. */
const MORE_SUBFLOWS = 7;
const FIRST_ADDRESS = 241;

export async function attachKernelMptcp({ lab, client, server }: Testbed): Promise<Peer> {
  const library = wrapLibrary((await requireProgram('mptcpize')).path);
  await lab.attachKernelVxlan([client.name, server.name]);
  const subnet = client.kernel.address.replace(/\d+$/, '');
  const addresses = Array.from({ length: MORE_SUBFLOWS }, (_, index) => `${subnet}${FIRST_ADDRESS + index}`);
  const limits = `mptcp limits set subflows ${MORE_SUBFLOWS} add_addr_accepted 0`;
  const netns = (tenant: string) => lab.node(tenant).netns;
  await batch('ip', netns(client.name), [
    limits,
    ...addresses.map((address) => `address add ${address}/24 dev ${KERNEL_INTERFACE}`),
    ...addresses.map((address) => `mptcp endpoint add ${address} dev ${KERNEL_INTERFACE} subflow`),
  ]);
  await batch('ip', netns(server.name), [
    limits,
    ...addresses.map(
      (address) =>
        `neighbour replace ${address} lladdr ${client.kernel.mac} dev ${KERNEL_INTERFACE} nud permanent`,
    ),
  ]);
  return {
    name: 'kernelMptcp',
    title: 'MPTCP',
    settings: `over kernel VXLAN, MTU ${lab.topology.mtu - VXLAN_OVERHEAD_BYTES}, ${MORE_SUBFLOWS + 1} subflows a connection`,
    serverAddress: server.kernel.address,
    env: { LD_PRELOAD: library },
  };
}

/** It lies beside the program, installed or unpacked. */
function wrapLibrary(program: string): string {
  const libraries = join(dirname(program), '..', 'lib');
  const found = readdirSync(libraries, { recursive: true, encoding: 'utf8' }).find((file) =>
    /mptcpize\/libmptcpwrap\.so[.\d]*$/.test(file),
  );
  if (found !== undefined) return join(libraries, found);
  throw new SelvageError('no-program', `There is no libmptcpwrap.so below ${libraries}.`, {
    hint: "Install Debian's package mptcpize: apt-get install mptcpize",
  });
}
