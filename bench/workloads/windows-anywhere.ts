// One flow under an algorithm on a link of its own, and its window over time, on each datapath that there is (CCP §4.7.4):
// the simulator's TCP, Linux's TCP, and a connection of the transport between two hosts of a lab.
import { join } from 'node:path';
import { Lab } from '../../lab/lab.ts';
import { pause } from '../../lab/process.ts';
import { topologyOf } from '../../lab/topology.ts';
import { Dumbbell } from '../../sim/congestion/dumbbell.ts';
import { type Flow, MSS_BYTES } from '../../sim/congestion/flow.ts';
import { fetchFlows } from '../../src/agent/admin/agent-client.ts';
import type { Algorithm } from '../../src/congestion/algorithm.ts';
import type { Progress } from '../testbed.ts';
import { runIperf, startIperfServer } from './iperf.ts';
import { runSampledFlows } from './sampled-flows.ts';

export interface AnywhereLink {
  readonly mbitPerSecond: number;
  readonly rttMillis: number;
  readonly queuePackets: number;
}

type Curve = readonly (readonly [atSeconds: number, packets: number])[];

export interface WindowsRun {
  readonly windows: Curve;
  /** Those that it is the sum of, where there are several; a slot's while packets are sprayed over it. */
  readonly parts?: readonly { readonly name: string; readonly windows: Curve }[];
  readonly mbitPerSecond: number;
}

const SAMPLE_MILLIS = 20;
const [HOST, PEER] = ['host1', 'host2'];
const LINK = 'host1-leaf1';
/** That asks for whatever it is given; the system's own may keep to a model of the path instead. */
const TENANT_CONGESTION = 'cubic';
/** What a full packet of the transport has of the tenant's frame. */
const TRANSPORT_PACKET_BYTES = 1400;

/** Of several flows the sum. */
export function simulatedWindows(
  algorithm: Algorithm,
  flows: number,
  { mbitPerSecond, rttMillis, queuePackets }: AnywhereLink,
  seconds: number,
  seed: number,
): WindowsRun {
  const bitsPerSecond = mbitPerSecond * 1e6;
  const conditions = { seed, bitsPerSecond, queueBytes: queuePackets * MSS_BYTES, reportDelayMicros: 30 };
  const setups = Array.from({ length: flows }, () => ({ algorithm, rttMicros: rttMillis * 1000 }));
  const network = new Dumbbell(conditions, setups);
  network.runUntil(0);
  const sum = (value: (flow: Flow) => number) =>
    network.flows.reduce((total, flow) => total + value(flow), 0);
  const samples = network.sampleUntil(seconds * 1e6, SAMPLE_MILLIS * 1000, () =>
    sum(({ datapath }) => datapath.cwndBytes / MSS_BYTES),
  );
  return {
    windows: samples.map((packets, i) => [((i + 1) * SAMPLE_MILLIS) / 1000, packets] as const),
    mbitPerSecond: (sum(({ deliveredBytes }) => deliveredBytes) * 8) / 1e6 / seconds,
  };
}

/** `congestion` is the name by which sockets choose the algorithm. */
export async function linuxWindows(
  congestion: string,
  { mbitPerSecond, rttMillis, queuePackets }: AnywhereLink,
  seconds: number,
  seed: number,
): Promise<WindowsRun> {
  const delay = ['--delay', `${rttMillis / 2}ms`];
  const link = ['--rate', `${mbitPerSecond}mbit`, ...delay, '--queue', String(queuePackets)];
  const sampling = { startSeconds: [0], sampleMillis: SAMPLE_MILLIS };
  const run = await runSampledFlows({ link, congestion, seconds, seed, ...sampling });
  const [flow] = run.flows;
  const last = flow!.at(-1)!;
  return {
    windows: flow!.map(({ atSeconds, packets }) => [atSeconds, packets] as const),
    mbitPerSecond: (last.ackedBytes * 8) / 1e6 / last.atSeconds,
  };
}

/** The algorithm is one of those built in. */
export async function transportWindows(
  algorithm: string,
  { mbitPerSecond, rttMillis, queuePackets }: AnywhereLink,
  seconds: number,
  progress: Progress,
): Promise<WindowsRun> {
  const racks = [{ name: 'rack1', leaf: 'leaf1', hosts: [HOST!, PEER!] }];
  const tenants = [HOST!, PEER!].map((host, index) => ({ name: `tenant${index + 1}`, host }));
  const topology = topologyOf({ mtu: 1500, racks, spines: ['spine1'], tenants });
  const lab = await Lab.up({ topology, progress });
  try {
    const [client, server] = tenants.map(({ name }) => lab.tenant(name));
    await lab.startAgents([HOST!, PEER!], { congestion: algorithm });
    await lab.setLink(LINK, {
      rateBitsPerSecond: mbitPerSecond * 1e6,
      delayMicros: (rttMillis * 1000) / 2,
      queuePackets,
    });
    await startIperfServer(lab, server!.name);
    const sampler = sampleWindows(join(lab.runFolder, HOST!));
    const host = server!.selvage.address;
    const load = { host, flows: 1, seconds, congestion: TENANT_CONGESTION };
    const { bitsPerSecond } = await runIperf(lab, client!.name, load);
    return { ...(await sampler.stop()), mbitPerSecond: bitsPerSecond / 1e6 };
  } finally {
    await lab.down();
  }
}

/** Of the slots that packets are sprayed over, together and one by one, from when there is traffic on. */
function sampleWindows(runtimeDir: string): { stop(): Promise<Omit<WindowsRun, 'mbitPerSecond'>> } {
  let stopped = false;
  const windows: [number, number][] = [];
  const slots = new Map<number, [number, number][]>();
  const sample = async () => {
    let beganAt: number | undefined;
    while (!stopped) {
      const [flow] = await fetchFlows(runtimeDir, {});
      const now = performance.now();
      const used = flow?.slots.filter(({ sprayed, cwndBytes }) => sprayed && cwndBytes !== undefined) ?? [];
      if (used.some(({ inFlightBytes }) => inFlightBytes > 0)) beganAt ??= now;
      if (beganAt !== undefined && used.length > 0) {
        const at = (now - beganAt) / 1000;
        const packets = used.map(({ cwndBytes }) => cwndBytes! / TRANSPORT_PACKET_BYTES);
        windows.push([at, packets.reduce((sum, each) => sum + each, 0)]);
        for (const [index, { slot }] of used.entries()) {
          if (!slots.has(slot)) slots.set(slot, []);
          slots.get(slot)!.push([at, packets[index]!]);
        }
      }
      await pause(SAMPLE_MILLIS);
    }
  };
  const sampling = sample();
  return {
    stop: async () => {
      stopped = true;
      await sampling;
      const parts = [...slots].sort(([a], [b]) => a - b);
      return { windows, parts: parts.map(([slot, curve]) => ({ name: `slot ${slot}`, windows: curve })) };
    },
  };
}

export const SAMPLING_NOTE =
  `Windows are looked at every ${SAMPLE_MILLIS} ms: in the simulator directly, on Linux by ss, of the transport by asking ` +
  'the agent as `selvage cc trace` does. The transport’s is the sum of its slots’: four at a time, of which each is a flow ' +
  'of the algorithm’s and has a window of its own.';
