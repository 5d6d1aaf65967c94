// iperf3 over any of several peers: those whose programs need an environment have a server of their own.
import type { Peer } from '../peers/peer.ts';
import type { Testbed } from '../testbed.ts';
import { IPERF_PORT, type IperfFigures, type IperfOptions, runIperf, startIperfServer } from './iperf.ts';

export type IperfLoad = Pick<IperfOptions, 'flows' | 'seconds'>;

const portOf = ({ env }: Peer) => (env === undefined ? IPERF_PORT : IPERF_PORT + 1);

export async function iperfOver(
  { lab, client, server }: Testbed,
  peers: readonly Peer[],
): Promise<(peer: Peer, load: IperfLoad) => Promise<IperfFigures>> {
  const started = new Set<number>();
  for (const peer of peers) {
    if (started.has(portOf(peer))) continue;
    started.add(portOf(peer));
    await startIperfServer(lab, server.name, portOf(peer), peer.env);
  }
  return (peer, load) => {
    const way = { host: peer.serverAddress, port: portOf(peer), ...(peer.env && { env: peer.env }) };
    return runIperf(lab, client.name, { ...way, ...load });
  };
}
