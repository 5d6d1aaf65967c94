// Asks whoever on this host decides about paths: its agent, and processes that reroute a VXLAN device. Where neither runs,
// that is the error.
import { fetchFlows, fetchPaths, fetchWhy } from '../agent/admin/agent-client.ts';
import type { FlowStatus, PathStatus } from '../agent/reports/status.ts';
import type { PeerCandidates, WhyStatus } from '../agent/reports/why-status.ts';
import { SelvageError } from '../base/errors.ts';
import { fetchDecisions, fetchReroutePaths, fetchReroutes } from '../reroute/client.ts';
import type { RerouteDecision, ReroutePath } from '../reroute/status.ts';
import { parseIpv4, parseIpv6 } from '../wire/address.ts';

const NOTHING: WhyStatus = { decisions: [], peers: [], pauses: [] };

/** The agent's slots and source ports of rerouting, to one peer or to all; of one also the agent's candidates. */
export async function knownPaths(
  runtimeDir: string,
  to: string | undefined,
): Promise<{
  slots: readonly PathStatus[];
  peers: readonly PeerCandidates[];
  ports: readonly ReroutePath[];
}> {
  const [[found], ports] = await both(
    runtimeDir,
    async () => [
      await Promise.all([
        fetchPaths(runtimeDir, { to }),
        to === undefined ? NOTHING : fetchWhy(runtimeDir, { to }),
      ]),
    ],
    () => fetchReroutePaths(runtimeDir, to),
  );
  const [slots, { peers }] = found ?? [[], NOTHING];
  return { slots, peers, ports };
}

/** `what` is a peer's address or a CID, of which the connection is told, too. */
export async function explanations(
  runtimeDir: string,
  what: string | undefined,
): Promise<{ flow: FlowStatus | undefined; agent: WhyStatus; decisions: readonly RerouteDecision[] }> {
  const flow = what === undefined || isAddress(what) ? undefined : await flowOf(runtimeDir, what);
  const peer = flow?.vtep ?? what;
  const [[agent = NOTHING], decisions] = await both(
    runtimeDir,
    async () => [await fetchWhy(runtimeDir, { to: peer })],
    () => fetchDecisions(runtimeDir, peer),
  );
  return { flow, agent, decisions };
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

async function flowOf(runtimeDir: string, cid: string): Promise<FlowStatus> {
  const [flow] = await fetchFlows(runtimeDir, { cid });
  if (flow !== undefined) return flow;
  throw new SelvageError('bad-input', `There is no connection ${cid}.`, {
    hint: 'Give the address of a peer, or a CID of `selvage flows`.',
  });
}
