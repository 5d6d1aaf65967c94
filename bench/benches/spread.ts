// Does a slow receiver slow down others, over a network (Backdraft §6.3, figures 13 and 15, table 3): from one host to another go a
// flow to a slow receiver and a victim, to another vNIC of the same host. The fabric is lossy. Then the receiver doubles its
// speed: how soon does it get what it can take?
import { pause } from '../../lab/process.ts';
import { type Topology, topologyOf } from '../../lab/topology.ts';
import type { BenchOptions, BenchOutcome, Column, Series } from '../harness/bench.ts';
import { inTurns } from '../harness/in-turns.ts';
import { Measurements } from '../harness/measurements.ts';
import type { Contender, PeerName } from '../peers/peer.ts';
import { BACKDRAFT, BACKPRESSURE, LOSSY_PER_VNIC, type QueueMode } from '../peers/queue-modes.ts';
import { type Testbed, withTestbed } from '../testbed.ts';
import type { ReceiveSpec, SendSpec, Told, Vnic } from '../workloads/datagram-flows/cases.ts';
import { droppedByAgents, droppedBySockets } from '../workloads/datagram-flows/drops.ts';
import { type EndpointVnic, endpointOf, withEndpoints } from '../workloads/datagram-flows/endpoint-vnics.ts';
import { FED, FED_WINDOW_MILLIS, fedAfterMillis } from '../workloads/datagram-flows/fed-after.ts';
import { DatagramProgram } from '../workloads/datagram-flows/program.ts';

const HOSTS = ['host1', 'host2'] as const;
const endpointVnic = (name: string, host: string, byte: number): EndpointVnic => ({
  name,
  host,
  mac: `02:00:00:00:95:0${byte}`,
  address: `192.168.77.21${byte}`,
});
const VICTIM = [endpointVnic('victim-a', HOSTS[0], 1), endpointVnic('victim-b', HOSTS[1], 2)] as const;
const SLOW = [endpointVnic('slow-a', HOSTS[0], 3), endpointVnic('slow-b', HOSTS[1], 4)] as const;

/** Of IP packets. */
const PACKET_BYTES = 1000;
const VICTIM_RATE = 20_000;
/** What is sent to the slow receiver, and what it takes at first. */
const SLOW_OFFERED = 30_000;
const SLOW_RATE = 8000;
const SLOW_BATCH = 16;

const FULL = { rounds: 5, warmUpMillis: 3000, aloneMillis: 4000, besideMillis: 6000, fasterMillis: 3000 };
const QUICK = { rounds: 1, warmUpMillis: 1500, aloneMillis: 2000, besideMillis: 3000, fasterMillis: 1500 };
type Times = Omit<typeof QUICK, 'rounds'>;

const columns: readonly Column[] = [
  { metric: 'alone', title: 'victim alone, packets/s' },
  { metric: 'beside', title: 'beside the slow flow' },
  { metric: 'kept', title: 'kept' },
  { metric: 'slow', title: 'slow flow, packets/s' },
  { metric: 'drops', title: 'drops' },
  { metric: 'fedAfterMillis', title: 'fed after ms' },
];

const KERNEL_VXLAN: Contender = {
  name: 'kernelVxlan',
  title: 'kernel VXLAN',
  settings: 'datagrams by UDP sockets with buffers of 8 MB, sendmmsg and recvmmsg',
};

type Competitor = QueueMode | typeof KERNEL_VXLAN;

export function spread({ quick, progress }: BenchOptions): Promise<BenchOutcome> {
  const { rounds, ...times } = quick ? QUICK : FULL;
  return withTestbed(
    progress,
    async (testbed) => {
      await testbed.lab.attachKernelVxlan();
      const measured = new Measurements();
      const series = new Map<PeerName, Series>();
      const peers: readonly Competitor[] = [
        { ...LOSSY_PER_VNIC, settings: `${LOSSY_PER_VNIC.settings}; plain VXLAN between the hosts` },
        BACKPRESSURE,
        BACKDRAFT,
        KERNEL_VXLAN,
      ];
      await inTurns(peers, rounds, progress, async (peer) => {
        const ways = 'queues' in peer ? await agentWays(testbed, peer) : kernelWays(testbed);
        const { curve, ...values } = await measure(testbed, ways, times);
        measured.record(peer.name, CASE, values);
        series.set(peer.name, { chart: 'feeding', name: peer.title, points: curve });
        await ways.remove();
      });
      const of = (metric: string) => measured.median('selvage', CASE, metric);
      const ratios = {
        victimKept: of('kept'),
        drops: measured.total('selvage', CASE, 'drops'),
        fedAfterMillis: of('fedAfterMillis'),
      };
      return { rounds, peers, columns, measured, ratios, notes: notes(times), series: [...series.values()] };
    },
    topology(),
  );
}

const CASE = 'victim and slow flow';

/** For sockets: a tenant each for both ends of both flows. */
const SOCKETS = { victim: ['tenant1', 'tenant3'], slow: ['tenant2', 'tenant4'] } as const;

function topology(): Topology {
  const racks = HOSTS.map((host, i) => ({ name: `rack${i + 1}`, leaf: `leaf${i + 1}`, hosts: [host] }));
  const tenants = ['tenant1', 'tenant2', 'tenant3', 'tenant4'].map((name, i) => ({
    name,
    host: HOSTS[i >> 1]!,
  }));
  return topologyOf({ racks, spines: ['spine1', 'spine2'], tenants });
}

interface End extends Vnic {
  readonly node: string;
}

interface Flow {
  readonly from: End;
  readonly to: End;
  readonly address: string;
}

interface Ways {
  readonly victim: Flow;
  readonly slow: Flow;
  readonly drops: () => Promise<number>;
  readonly remove: () => Promise<void>;
}

async function agentWays(testbed: Testbed, { name, queues }: QueueMode): Promise<Ways> {
  const { lab } = testbed;
  const vtepOf = (host: string) => lab.tenants.find((tenant) => tenant.host === host)!.vtep;
  await lab.startAgents(HOSTS, {
    reliable: name !== 'lossyPerVnic',
    edit: (config) => ({ ...withEndpoints(config, [...VICTIM, ...SLOW], vtepOf), queues }),
  });
  const flow = ([from, to]: readonly [EndpointVnic, EndpointVnic]): Flow => ({
    from: { node: from.host, ...endpointOf(lab, from) },
    to: { node: to.host, ...endpointOf(lab, to) },
    address: to.address,
  });
  return {
    victim: flow(VICTIM),
    slow: flow(SLOW),
    drops: () => droppedByAgents(testbed, HOSTS),
    remove: () => lab.stopAgents(HOSTS),
  };
}

function kernelWays({ lab }: Testbed): Ways {
  const flow = ([from, to]: readonly [string, string]): Flow => ({
    from: { node: from },
    to: { node: to },
    address: lab.tenant(to).kernel.address,
  });
  const receivers = [SOCKETS.victim[1], SOCKETS.slow[1]];
  return {
    victim: flow(SOCKETS.victim),
    slow: flow(SOCKETS.slow),
    drops: () => droppedBySockets(lab, receivers),
    remove: async () => {},
  };
}

async function measure(testbed: Testbed, { victim, slow, drops }: Ways, times: Times) {
  const { warmUpMillis, aloneMillis, besideMillis, fasterMillis } = times;
  const victimEnd = await receive(testbed, victim, { microsPerPacket: 0 });
  const victimStart = await send(testbed, victim, VICTIM_RATE);
  const running = [victimStart, victimEnd];
  try {
    await pause(warmUpMillis);
    const dropsBefore = await drops();
    const alone = await rateOver(victimEnd, aloneMillis);
    const slowEnd = await receive(testbed, slow, {
      microsPerPacket: 1e6 / SLOW_RATE,
      twiceAsFastAfterMillis: warmUpMillis + besideMillis,
      batch: SLOW_BATCH,
    });
    running.unshift(slowEnd);
    running.unshift(await send(testbed, slow, SLOW_OFFERED));
    await pause(warmUpMillis);
    const slowFrom = Date.now();
    const beside = await rateOver(victimEnd, besideMillis);
    const slowRate = slowEnd.rate(slowFrom, slowFrom + besideMillis);
    await pause(fasterMillis);
    const { timeline } = slowEnd;
    return {
      alone,
      beside,
      kept: beside / alone,
      slow: slowRate,
      drops: (await drops()) - dropsBefore,
      fedAfterMillis: fedAfterMillis(timeline, 2 * SLOW_RATE),
      curve: curveOf(timeline),
    };
  } finally {
    for (const program of running) await program.stop();
  }
}

function receive(
  { lab }: Testbed,
  { to: { node, ...vnic } }: Flow,
  how: Omit<ReceiveSpec, 'role' | 'packetBytes' | keyof Vnic>,
): Promise<DatagramProgram> {
  const spec: ReceiveSpec = { role: 'receive', packetBytes: PACKET_BYTES, ...how, ...vnic };
  return DatagramProgram.start(lab, node, spec);
}

function send({ lab }: Testbed, { from, address }: Flow, packetsPerSecond: number): Promise<DatagramProgram> {
  const { node, ...vnic } = from;
  const spec: SendSpec = {
    role: 'send',
    address,
    flows: 1,
    packetBytes: PACKET_BYTES,
    packetsPerSecond,
    ...vnic,
  };
  return DatagramProgram.start(lab, node, spec);
}

async function rateOver(program: DatagramProgram, millis: number): Promise<number> {
  const from = Date.now();
  await pause(millis);
  return program.rate(from, from + millis);
}

/** What the slow receiver took around the moment when it became faster. */
function curveOf(timeline: readonly Told[]): [millis: number, packetsPerSecond: number][] {
  const since = timeline.find(({ fasterSinceMillis }) => fasterSinceMillis !== undefined)?.fasterSinceMillis;
  if (since === undefined) return [];
  const points: [number, number][] = [];
  let before: Told | undefined;
  for (const told of timeline) {
    if (before === undefined || told.atMillis < since - 1000) before = told;
    if (told.atMillis - before.atMillis < FED_WINDOW_MILLIS || told.atMillis > since + 1000) continue;
    const rate = ((told.packets - before.packets) / (told.atMillis - before.atMillis)) * 1000;
    points.push([Math.round(told.atMillis - since), Math.round(rate)]);
    before = told;
  }
  return points;
}

function notes({ aloneMillis, besideMillis }: Times): string[] {
  return [
    `Packets of ${PACKET_BYTES} bytes; the victim sends ${VICTIM_RATE.toLocaleString('en-US')} a second and is measured alone for ${aloneMillis / 1000} s, ` +
      `then for ${besideMillis / 1000} s beside a flow of ${SLOW_OFFERED.toLocaleString('en-US')} a second to a receiver that takes ${SLOW_RATE.toLocaleString('en-US')}. Drops are ` +
      'those of both switches, or in front of the sockets, over all of it.',
    `Then the slow receiver becomes twice as fast. It is fed when it gets ${FED * 100} % of what it can take over ${FED_WINDOW_MILLIS} ms.`,
  ];
}
