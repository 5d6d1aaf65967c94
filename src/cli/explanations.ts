// Asks whoever on this host decides about paths: its agent, and processes that reroute a VXLAN device. Where neither runs,
// that is the error.
import { fetchFlows, fetchPaths } from '../agent/agent-client.ts';
import type { PathStatus } from '../agent/status.ts';
import { SelvageError } from '../base/errors.ts';
import { fetchDecisions, fetchReroutePaths, fetchReroutes } from '../reroute/client.ts';
import type { RerouteDecision, ReroutePath } from '../reroute/status.ts';
import { parseIpv4, parseIpv6 } from '../wire/address.ts';

/** The agent's slots and source ports of rerouting, to one peer or to all. */
export async function knownPaths(
  runtimeDir: string,
  to: string | undefined,
): Promise<{ slots: readonly PathStatus[]; ports: readonly ReroutePath[] }> {
  const [slots, ports] = await both(
    runtimeDir,
    () => fetchPaths(runtimeDir, { to }),
    () => fetchReroutePaths(runtimeDir, to),
  );
  return { slots, ports };
}

/** `what` is a peer's address or a CID. */
export async function explanations(
  runtimeDir: string,
  what: string | undefined,
): Promise<{ slots: readonly PathStatus[]; decisions: readonly RerouteDecision[] }> {
  const peer = what === undefined || isAddress(what) ? what : await peerOf(runtimeDir, what);
  const [slots, decisions] = await both(
    runtimeDir,
    () => fetchPaths(runtimeDir, { to: peer }),
    () => fetchDecisions(runtimeDir, peer),
  );
  return { slots, decisions };
}

/** One of them need not run. */
async function both<A, B>(
  runtimeDir: string,
  ofAgent: () => Promise<readonly A[]>,
  ofRerouting: () => Promise<readonly B[]>,
): Promise<[readonly A[], readonly B[]]> {
  const rerouted = await ofRerouting();
  try {
    return [await ofAgent(), rerouted];
  } catch (error) {
    const isAbsent = error instanceof SelvageError && error.code === 'not-running';
    if (isAbsent && (await fetchReroutes(runtimeDir)).length > 0) return [[], rerouted];
    throw error;
  }
}

function isAddress(text: string): boolean {
  return (parseIpv4(text) ?? parseIpv6(text)) !== undefined;
}

async function peerOf(runtimeDir: string, cid: string): Promise<string> {
  const [flow] = await fetchFlows(runtimeDir, { cid });
  if (flow !== undefined) return flow.vtep;
  throw new SelvageError('bad-input', `There is no connection ${cid}.`, {
    hint: 'Give the address of a peer, or a CID of `selvage flows`.',
  });
}
