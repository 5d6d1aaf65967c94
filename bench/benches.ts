// The benchmarks there are, and which programs each needs. Light, so that `--help` can list them.
import type { Bench } from './harness/bench.ts';

export interface NamedBench {
  readonly name: string;
  readonly about: string;
  readonly programs: readonly string[];
  readonly load: () => Promise<Bench>;
}

const REDIS = ['redis-server', 'redis-benchmark'];
const OPEN_VSWITCH = ['ovs-vswitchd', 'ovsdb-server', 'ovsdb-tool', 'ovs-vsctl', 'ping'];

export const BENCHES: readonly NamedBench[] = [
  {
    name: 'throughput',
    about: 'iperf3, 1 and 4 flows, beside kernel VXLAN and Open vSwitch',
    programs: ['iperf3', ...OPEN_VSWITCH],
    load: async () => (await import('./benches/throughput.ts')).throughput,
  },
  {
    name: 'latency',
    about: 'redis-benchmark GET, 1 and 50 clients, beside kernel VXLAN',
    programs: REDIS,
    load: async () => (await import('./benches/latency.ts')).latency,
  },
  {
    name: 'redis-loss',
    about: 'redis-benchmark with 0 to 1 % loss each way, beside kernel VXLAN',
    programs: REDIS,
    load: async () => (await import('./benches/redis-loss.ts')).redisLoss,
  },
  {
    name: 'nginx-loss',
    about: 'short connections with 0 to 2 % loss each way, beside kernel VXLAN',
    programs: ['nginx', 'ab'],
    load: async () => (await import('./benches/nginx-loss.ts')).nginxLoss,
  },
  {
    name: 'elephant',
    about: 'two long flows over slow spine links, beside kernel VXLAN and MPTCP',
    programs: ['iperf3', 'mptcpize'],
    load: async () => (await import('./benches/elephant.ts')).elephant,
  },
  {
    name: 'failover',
    about: 'a spine in use loses packets, then falls silent, beside kernel VXLAN and MPTCP',
    programs: [...REDIS, 'iperf3', 'mptcpize'],
    load: async () => (await import('./benches/failover.ts')).failover,
  },
  {
    name: 'outage',
    about: 'a campaign of faults, several systems on one fabric at the same time',
    programs: [...REDIS, 'mptcpize'],
    load: async () => (await import('./benches/outage.ts')).outage,
  },
  {
    name: 'middlebox',
    about: 'connections through stateful balancers while source ports change',
    programs: ['nginx'],
    load: async () => (await import('./benches/middlebox.ts')).middlebox,
  },
  {
    name: 'swap',
    about: 'the switch is replaced under load: the longest time without a packet',
    programs: [],
    load: async () => (await import('./benches/swap.ts')).swap,
  },
  {
    name: 'incast',
    about: 'eight senders to one host that loses packets inside, beside kernel VXLAN',
    programs: ['iperf3'],
    load: async () => (await import('./benches/incast.ts')).incast,
  },
  {
    name: 'reorder',
    about: 'spraying over unequal paths, with packets put in order and without',
    programs: ['iperf3'],
    load: async () => (await import('./benches/reorder.ts')).reorder,
  },
  {
    name: 'cc',
    about: 'Redis with many clients, with congestion control and without',
    programs: REDIS,
    load: async () => (await import('./benches/cc.ts')).cc,
  },
  {
    name: 'state',
    about: 'memory of 100,000 connections, idle and active',
    programs: [],
    load: async () => (await import('./benches/state.ts')).state,
  },
  {
    name: 'idle',
    about: 'processor time of agents with nothing to do',
    programs: [],
    load: async () => (await import('./benches/idle.ts')).idle,
  },
  {
    name: 'ccp-fidelity',
    about: 'our Reno and Cubic on Linux’s TCP beside the kernel’s own, on emulated links',
    programs: ['iperf3'],
    load: async () => (await import('./benches/ccp-fidelity.ts')).ccpFidelity,
  },
  {
    name: 'ccp-overhead',
    about: 'processor time and throughput of Linux’s TCP under our algorithms and the kernel’s own',
    programs: ['iperf3'],
    load: async () => (await import('./benches/ccp-overhead.ts')).ccpOverhead,
  },
  {
    name: 'ccp-incast',
    about: 'many senders to one in virtual time, with ever fewer reports to the algorithm',
    programs: [],
    load: async () => (await import('./benches/ccp-incast.ts')).ccpIncast,
  },
  {
    name: 'ccp-nimbus',
    about: 'Nimbus tells elastic cross traffic from inelastic, in virtual time',
    programs: [],
    load: async () => (await import('./benches/ccp-nimbus.ts')).ccpNimbus,
  },
  {
    name: 'ccp-aggregate',
    about: 'connections of Linux’s TCP that come and go, under one window and under Reno for each',
    programs: ['iperf3', 'ss'],
    load: async () => (await import('./benches/ccp-aggregate.ts')).ccpAggregate,
  },
  {
    name: 'ccp-anywhere',
    about: 'Copa and Cubic on three datapaths: the transport, Linux’s TCP, the simulator’s',
    programs: ['iperf3', 'ss'],
    load: async () => (await import('./benches/ccp-anywhere.ts')).ccpAnywhere,
  },
  {
    name: 'ipc',
    about: 'records between two processes: shared memory beside sockets and MessagePort',
    programs: [],
    load: async () => (await import('./benches/ipc.ts')).ipc,
  },
  {
    name: 'endpoint',
    about: 'packets from endpoint to endpoint, beside AF_PACKET, UDP sockets and MessagePort',
    programs: [],
    load: async () => (await import('./benches/endpoint.ts')).endpoint,
  },
  {
    name: 'slow-receiver',
    about:
      'Redis beside 50 flows to a slow receiver: shared queues, queues a flow, doorbells, pauses, kernel VXLAN, Open vSwitch',
    programs: [...REDIS, ...OPEN_VSWITCH],
    load: async () => (await import('./benches/slow-receiver.ts')).slowReceiver,
  },
  {
    name: 'bursts',
    about: 'bursts to a receiver that takes many at a time: short, long and growing queues',
    programs: [],
    load: async () => (await import('./benches/bursts.ts')).bursts,
  },
  {
    name: 'queues',
    about: '16 to 16,384 active flows: throughput, collisions and memory of a queue a flow',
    programs: [],
    load: async () => (await import('./benches/queues.ts')).queues,
  },
  {
    name: 'spread',
    about: 'a victim beside a flow to a slow receiver, over two hosts, beside kernel VXLAN',
    programs: [],
    load: async () => (await import('./benches/spread.ts')).spread,
  },
  {
    name: 'probe-scale',
    about: 'probes of regions of 10,000 to 100,000 VTEPs, step by step beside a full mesh',
    programs: [],
    load: async () => (await import('./benches/probe-scale.ts')).probeScale,
  },
  {
    name: 'path-table',
    about: 'memory of the fast path’s table, by form, beside hash entries for each port',
    programs: [],
    load: async () => (await import('./benches/path-table.ts')).pathTable,
  },
  {
    name: 'path-update',
    about: 'the states of 50,000 destinations into the kernel’s fast path, by each way there is',
    programs: [],
    load: async () => (await import('./benches/path-update.ts')).pathUpdate,
  },
  {
    name: 'reroute-overhead',
    about: 'bulk TCP and Redis over kernel VXLAN, with selvage reroute and without',
    programs: [...REDIS, 'iperf3'],
    load: async () => (await import('./benches/reroute-overhead.ts')).rerouteOverhead,
  },
];
