// The lab that demo and benchmarks run in: a tenant's machine in each rack, a client and a server, joined by whatever
// peers are attached. It is taken down whatever happens, also on Ctrl-C. Client and server are the first tenants of the
// first two racks.

import type { TenantAddresses } from '../lab/addressing.ts';
import { unlessInterrupted } from '../lab/interrupt.ts';
import { Lab } from '../lab/lab.ts';
import type { Topology } from '../lab/topology.ts';

export type Progress = (line: string) => void;

export interface Testbed {
  readonly lab: Lab;
  readonly client: TenantAddresses;
  readonly server: TenantAddresses;
  /** The link of the client's host, which all of its traffic crosses. */
  readonly accessLink: string;
  /** The leaf of the client's rack, which spreads its traffic over the spines. */
  readonly clientLeaf: string;
}

export async function withTestbed<T>(
  progress: Progress,
  work: (testbed: Testbed) => Promise<T>,
  topology?: Topology,
): Promise<T> {
  let lab: Lab | undefined;
  try {
    lab = await Lab.up({ progress, ...(topology && { topology }) });
    return await work(describe(lab));
  } catch (thrown) {
    // Programs that the interrupt ended are no failures; the signal is about to end us as well.
    await unlessInterrupted();
    throw thrown;
  } finally {
    await lab?.down();
  }
}

function describe(lab: Lab): Testbed {
  const [clientRack, serverRack] = lab.topology.racks;
  const firstIn = (hosts: readonly string[]) => lab.tenants.find(({ host }) => hosts.includes(host))!;
  const client = firstIn(clientRack!.hosts);
  const server = firstIn(serverRack!.hosts);
  const { leaf } = clientRack!;
  return { lab, client, server, accessLink: `${client.host}-${leaf}`, clientLeaf: leaf };
}
