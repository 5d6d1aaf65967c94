// Two long flows over a fabric whose spine links are slow (BIFROST §6.1.1, figure 15): does their sum use all of it,
// whichever way they hash? Two spines stand for the two ports of the paper's servers, so that two flows of the kernel's
// overlay can use all of it too, when they do not collide.
import { topologyOf } from '../../lab/topology.ts';
import { attachPeers } from '../harness/attach.ts';
import type { BenchOptions, BenchOutcome, Column } from '../harness/bench.ts';
import { inTurns } from '../harness/in-turns.ts';
import { Measurements } from '../harness/measurements.ts';
import { ascending, percentileCase, recordPercentiles } from '../harness/percentiles.ts';
import { attachKernelMptcp } from '../peers/kernel-mptcp.ts';
import { attachKernelVxlan } from '../peers/kernel-vxlan.ts';
import type { PeerName } from '../peers/peer.ts';
import { attachSelvage } from '../peers/selvage.ts';
import { type Testbed, withTestbed } from '../testbed.ts';
import { iperfOver } from '../workloads/iperf-peers.ts';

const SPINES = ['spine1', 'spine2'];
const LINK_BITS_PER_SECOND = 200e6;
const CAPACITY = SPINES.length * LINK_BITS_PER_SECOND;
const FLOWS = 2;
const WARM_UP_SECONDS = 1;

const FULL = { starts: 20, seconds: 5 };
const QUICK = { starts: 5, seconds: 2 };

const columns: readonly Column[] = [{ metric: 'aggregateOverCapacity', title: 'aggregate ÷ capacity' }];

export function elephant({ quick, progress }: BenchOptions): Promise<BenchOutcome> {
  const { starts, seconds } = quick ? QUICK : FULL;
  return withTestbed(
    progress,
    async (testbed) => {
      const { lab } = testbed;
      const { peers, missing } = await attachPeers(attaching(testbed), progress);
      const iperf = await iperfOver(testbed, peers);
      for (const { name, a } of lab.topology.links) {
        if (!a.startsWith('leaf')) continue;
        await lab.setLink(name, { rateBitsPerSecond: LINK_BITS_PER_SECOND });
      }
      for (const peer of peers) await iperf(peer, { flows: FLOWS, seconds: WARM_UP_SECONDS });
      const aggregates = new Map<PeerName, number[]>(peers.map(({ name }) => [name, []]));
      await inTurns(peers, starts, progress, async (peer) => {
        const { bitsPerSecond } = await iperf(peer, { flows: FLOWS, seconds });
        aggregates.get(peer.name)!.push(bitsPerSecond / CAPACITY);
      });
      const measured = new Measurements();
      for (const [peer, values] of aggregates)
        recordPercentiles(measured, peer, 'aggregateOverCapacity', values);
      const series = peers.map(({ name, title }) => ({
        chart: 'percentiles',
        name: title,
        points: distribution(aggregates.get(name)!),
      }));
      const ratios = {
        aggregateOverCapacity: measured.median('selvage', percentileCase(0), 'aggregateOverCapacity'),
      };
      const notes = [
        `${starts} starts of iperf3 with ${FLOWS} flows, ${seconds} s each. A case is a percentile over the starts. ` +
          `Before them each peer ran for ${WARM_UP_SECONDS} s, not counted.`,
        `Capacity: ${SPINES.length} spines, each of whose links carries ${LINK_BITS_PER_SECOND / 1e6} Mbit/s each way, all ` +
          'headers counted; the aggregate is what the tenants’ programs received.',
        ...missing,
      ];
      return { rounds: starts, peers, columns, measured, ratios, notes, series };
    },
    topologyOf({ spines: SPINES }),
  );
}

/** The value by the share of starts, in percent, that did not exceed it. */
function distribution(values: readonly number[]): [percent: number, value: number][] {
  const sorted = ascending(values);
  return sorted.map((value, index) => [(100 * index) / Math.max(1, sorted.length - 1), value]);
}

function attaching(testbed: Testbed) {
  return [
    ['kernel VXLAN', () => attachKernelVxlan(testbed)],
    ['MPTCP', () => attachKernelMptcp(testbed)],
    ['Selvage', () => attachSelvage(testbed)],
  ] as const;
}
