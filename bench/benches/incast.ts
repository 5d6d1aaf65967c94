// Eight senders to one receiver whose host loses packets inside, between the wire and the tenant (BIFROST §6.1.3,
// figure 19): how many of the losses reach the tenants' TCP? Selvage's host loses packets before its transport sees
// them, and its vNIC refuses writes as often on top; the kernel's VXLAN loses as many before decapsulation.
import { topologyOf } from '../../lab/topology.ts';
import { SeededRng } from '../../src/base/rng.ts';
import type { BenchOptions, BenchOutcome, Column, Series } from '../harness/bench.ts';
import { inTurns } from '../harness/in-turns.ts';
import { Measurements } from '../harness/measurements.ts';
import { quotient } from '../harness/ratios.ts';
import { attachKernelVxlan } from '../peers/kernel-vxlan.ts';
import type { Peer, PeerName } from '../peers/peer.ts';
import { attachSelvage } from '../peers/selvage.ts';
import { type Testbed, withTestbed } from '../testbed.ts';
import { loseInHost } from '../workloads/in-host-loss.ts';
import { INTERVAL_SECONDS, IPERF_PORT, runIperf, startIperfServer } from '../workloads/iperf.ts';

const SENDERS = 8;
const LINK_BITS_PER_SECOND = 400e6;
const QUEUE_PACKETS = 1024;
const MOST_PPM = 20_000;
const FAULTS = 'loss=0-2%,refuse=0-2%,seed=';

const FULL = { rounds: 3, seconds: 60 };
const QUICK = { rounds: 1, seconds: 12 };

const WARM_UP_SECONDS = 1;
const CASE = '8 to 1';

const columns: readonly Column[] = [
  { metric: 'retransmissions', title: 'TCP retransmissions' },
  { metric: 'retransmissionsPerGB', title: 'a GB' },
  { metric: 'mbitPerSecond', title: 'Mbit/s' },
];

export function incast({ quick, progress }: BenchOptions): Promise<BenchOutcome> {
  const { rounds, seconds } = quick ? QUICK : FULL;
  const senders = Array.from({ length: SENDERS }, (_, index) => `host${index + 1}`);
  const receiver = `host${SENDERS + 1}`;
  const racks = [
    { name: 'rack1', leaf: 'leaf1', hosts: senders },
    { name: 'rack2', leaf: 'leaf2', hosts: [receiver] },
  ];
  return withTestbed(
    progress,
    async (testbed) => {
      const { lab, server } = testbed;
      const peers = [await attachKernels(testbed), await attachAgents(testbed)];
      const slow = { rateBitsPerSecond: LINK_BITS_PER_SECOND, queuePackets: QUEUE_PACKETS };
      await lab.setLink(`${receiver}-leaf2`, slow);
      for (let sender = 0; sender < SENDERS; sender++)
        await startIperfServer(lab, server.name, IPERF_PORT + sender);
      for (const peer of peers) await sendFromAll(testbed, peer, WARM_UP_SECONDS, 0);
      const measured = new Measurements();
      const curves = new Map<PeerName, Series>();
      let lostOfKernel = 0;
      await inTurns(peers, rounds, progress, async (peer, round) => {
        const { curve, lost, ...values } = await sendFromAll(testbed, peer, seconds, round);
        lostOfKernel += peer.name === 'kernelVxlan' ? lost : 0;
        measured.record(peer.name, CASE, values);
        curves.set(peer.name, { chart: 'cumulative retransmissions', name: peer.title, points: curve });
      });
      // A gigabyte, since who carries less sends less again.
      const left = quotient(measured, 'selvage', 'kernelVxlan', 'retransmissionsPerGB', CASE);
      const ratios = {
        retransmissionsFall: left !== undefined && Number.isFinite(left) ? 1 - left : undefined,
      };
      return {
        rounds,
        peers,
        columns,
        measured,
        ratios,
        notes: notes(seconds, lostOfKernel),
        series: [...curves.values()],
      };
    },
    topologyOf({ racks }),
  );
}

async function attachKernels(testbed: Testbed): Promise<Peer> {
  await testbed.lab.attachKernelVxlan();
  return attachKernelVxlan(testbed);
}

async function attachAgents(testbed: Testbed): Promise<Peer> {
  const { lab, server } = testbed;
  const others = lab.tenants.map(({ host }) => host).filter((host) => host !== server.host);
  await attachSelvage(testbed, {}, others);
  return attachSelvage(testbed, { args: ['--fault', `${FAULTS}1`] }, [server.host]);
}

async function sendFromAll({ lab, server }: Testbed, peer: Peer, seconds: number, round: number) {
  // Selvage's losses are its agent's own all the time; each peer's packets have another port.
  const loss = await loseInHost(lab, server.host, MOST_PPM, new SeededRng(round + 1));
  try {
    const senders = lab.tenants.filter(({ name }) => name !== server.name);
    const runs = await Promise.all(
      senders.map(({ name }, index) =>
        runIperf(lab, name, { host: peer.serverAddress, flows: 1, seconds, port: IPERF_PORT + index }),
      ),
    );
    const sum = (pick: (run: (typeof runs)[number]) => number) =>
      runs.reduce((total, run) => total + pick(run), 0);
    const retransmissions = sum((run) => run.retransmissions);
    let soFar = 0;
    const curve = Array.from({ length: seconds / INTERVAL_SECONDS }, (_, index) => {
      soFar += sum(({ intervals }) => intervals[index]?.retransmissions ?? 0);
      return [(index + 1) * INTERVAL_SECONDS, soFar] as const;
    });
    return {
      retransmissions,
      retransmissionsPerGB: retransmissions / (sum((run) => run.bytes) / 1e9),
      mbitPerSecond: sum((run) => run.bitsPerSecond) / 1e6,
      curve,
      lost: await loss.lostPackets(),
    };
  } finally {
    await loss.heal();
  }
}

function notes(seconds: number, lostOfKernel: number): string[] {
  return [
    `iperf3, one flow from each of ${SENDERS} senders for ${seconds} s, after ${WARM_UP_SECONDS} s not counted; the receiver’s access link carries ` +
      `${LINK_BITS_PER_SECOND / 1e6} Mbit/s and queues up to ${QUEUE_PACKETS} packets.`,
    'Inside the receiver’s host a share of all packets between 0 and 2 % is lost, drawn anew every second: of the ' +
      'kernel’s VXLAN before decapsulation, of Selvage between socket and connection (selvage agent --fault); and its ' +
      `vNIC refuses as large a share of writes on top. The kernel lost ${lostOfKernel.toLocaleString('en-US')} packets so.`,
  ];
}
