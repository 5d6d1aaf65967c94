// One host whose switch carries 50 flows of datagrams to a receiver that may be slow, and Redis: by native endpoints and an
// agent, or by sockets and whatever joins the tenants' machines.
import { pause } from '../../../lab/process.ts';
import { type Topology, topologyOf } from '../../../lab/topology.ts';
import { SelvageError } from '../../../src/base/errors.ts';
import { attachOpenVswitchBridge } from '../../peers/open-vswitch-bridge.ts';
import type { Contender } from '../../peers/peer.ts';
import type { QueueMode } from '../../peers/queue-modes.ts';
import type { Progress, Testbed } from '../../testbed.ts';
import { requireFigures, runRedisBenchmark } from '../redis-benchmark.ts';
import { startRedis } from '../redis-server.ts';
import type { Server } from '../server.ts';
import type { Vnic } from './cases.ts';
import { droppedByAgents } from './drops.ts';
import { type EndpointVnic, endpointOf, withEndpoints } from './endpoint-vnics.ts';
import { DatagramProgram } from './program.ts';

const HOST = 'host1';
const TENANTS = { client: 'tenant1', server: 'tenant2', sender: 'tenant3', receiver: 'tenant4' } as const;
const SENDER: EndpointVnic = {
  name: 'flows',
  host: HOST,
  mac: '02:00:00:00:93:01',
  address: '192.168.77.201',
};
const RECEIVER: EndpointVnic = {
  name: 'slow',
  host: HOST,
  mac: '02:00:00:00:93:02',
  address: '192.168.77.202',
};

export const FLOWS = 50;
/** Of IP packets. */
export const PACKET_BYTES = 64;
export const CLIENTS = 10;
const WARM_UP_REQUESTS = 1000;
const RUN_TIMEOUT_MILLIS = 300_000;

/** Datagrams and Redis by sockets, in a tenant's machine each. */
interface SocketPeer extends Contender {
  readonly addressOf: (tenant: string) => string;
}

export type Competitor = QueueMode | SocketPeer;

const SOCKETS = 'UDP sockets with buffers of 8 MB, sendmmsg and recvmmsg';

/** All on one host; the other one is there because fabrics have two. */
export function oneHostTopology(): Topology {
  const racks = [
    { name: 'rack1', leaf: 'leaf1', hosts: [HOST] },
    { name: 'rack2', leaf: 'leaf2', hosts: ['host2'] },
  ];
  const tenants = [
    ...Object.values(TENANTS).map((name) => ({ name, host: HOST })),
    { name: 'tenant5', host: 'host2' },
  ];
  return topologyOf({ racks, spines: ['spine1'], tenants });
}

export interface Setting {
  measure(microsPerPacket: number, requests: number, warmUpMillis: number): Promise<Record<string, number>>;
  remove(): Promise<void>;
}

export async function attachSocketPeers({ lab }: Testbed, progress: Progress) {
  await lab.attachKernelVxlan();
  const bridge: SocketPeer = {
    name: 'kernelBridge',
    title: 'kernel bridge',
    settings: `veth pairs in one bridge; ${SOCKETS}`,
    addressOf: (tenant) => lab.tenant(tenant).kernel.address,
  };
  const missing: string[] = [];
  const openVswitch = async (): Promise<SocketPeer[]> => {
    progress('Attaching Open vSwitch …');
    const tenants: readonly string[] = Object.values(TENANTS);
    try {
      const addresses = await attachOpenVswitchBridge(lab, HOST, tenants);
      const addressOf = (tenant: string) => addresses[tenants.indexOf(tenant)]!;
      const settings = `userspace datapath on packet sockets; ${SOCKETS}`;
      return [{ name: 'ovsUserspace', title: 'Open vSwitch', settings, addressOf }];
    } catch (thrown) {
      if (!(thrown instanceof SelvageError) || thrown.code !== 'no-program') throw thrown;
      missing.push(`Without Open vSwitch: ${thrown.message} ${thrown.hint ?? ''}`.trimEnd());
      return [];
    }
  };
  return { peers: [bridge, ...(await openVswitch())], missing };
}

export async function settingOf(testbed: Testbed, peer: Competitor): Promise<Setting> {
  return 'queues' in peer ? agentSetting(testbed, peer) : socketSetting(testbed, peer);
}

async function agentSetting(testbed: Testbed, { queues }: QueueMode): Promise<Setting> {
  const { lab } = testbed;
  await lab.startAgents([HOST], {
    edit: (config) => ({ ...withEndpoints(config, [SENDER, RECEIVER], () => ''), queues }),
  });
  const ways: Ways = {
    sender: { node: HOST, ...endpointOf(lab, SENDER) },
    receiver: { node: HOST, ...endpointOf(lab, RECEIVER) },
    address: RECEIVER.address,
    redis: lab.tenant(TENANTS.server).selvage.address,
    drops: () => droppedByAgents(testbed, [HOST]),
  };
  return { measure: measureBy(testbed, ways), remove: () => lab.stopAgents([HOST]) };
}

function socketSetting(testbed: Testbed, { addressOf }: SocketPeer): Setting {
  const ways: Ways = {
    sender: { node: TENANTS.sender },
    receiver: { node: TENANTS.receiver },
    address: addressOf(TENANTS.receiver),
    redis: addressOf(TENANTS.server),
  };
  return { measure: measureBy(testbed, ways), remove: async () => {} };
}

interface Ways {
  readonly sender: Vnic & { readonly node: string };
  readonly receiver: Vnic & { readonly node: string };
  readonly address: string;
  readonly redis: string;
  /** Frames dropped so far; absent: what was sent and did not come. */
  readonly drops?: () => Promise<number>;
}

function measureBy(testbed: Testbed, ways: Ways): Setting['measure'] {
  return (microsPerPacket, requests, warmUpMillis) =>
    besideFlows(testbed, ways, microsPerPacket, async (receiver, sender) => {
      const options = {
        host: ways.redis,
        test: 'get',
        clients: CLIENTS,
        requests,
        timeoutMillis: RUN_TIMEOUT_MILLIS,
      } as const;
      // With the victim, too: an agent’s first seconds with traffic have turns of milliseconds, later ones hardly any.
      const warmAt = Date.now() + warmUpMillis;
      do await runRedisBenchmark(testbed.lab, TENANTS.client, { ...options, requests: WARM_UP_REQUESTS });
      while (Date.now() < warmAt);
      const dropsBefore = await ways.drops?.();
      const from = Date.now();
      const found = await runRedisBenchmark(testbed.lab, TENANTS.client, options);
      const to = Date.now();
      const { p50Millis, p99Millis, requestsPerSecond } = requireFigures(found, options);
      const seconds = (to - from) / 1000;
      const drops = await ways.drops?.();
      const datagramsPerSecond = receiver.rate(from, to);
      const dropsPerSecond =
        drops === undefined || dropsBefore === undefined
          ? sender.rate(from, to) - datagramsPerSecond
          : (drops - dropsBefore) / seconds;
      return {
        dropsPerSecond,
        victimP50Millis: p50Millis,
        victimP99Millis: p99Millis,
        requestsPerSecond,
        datagramsPerSecond,
        goodputPerSecond: datagramsPerSecond + requestsPerSecond,
      };
    });
}

async function besideFlows<T>(
  { lab }: Testbed,
  { sender, receiver, address }: Ways,
  microsPerPacket: number,
  work: (receiver: DatagramProgram, sender: DatagramProgram) => Promise<T>,
): Promise<T> {
  const { node: to, ...receiverVnic } = receiver;
  const { node: from, ...senderVnic } = sender;
  const receiving = await DatagramProgram.start(lab, to, {
    role: 'receive',
    packetBytes: PACKET_BYTES,
    microsPerPacket,
    ...receiverVnic,
  });
  try {
    const spec = { role: 'send', address, flows: FLOWS, packetBytes: PACKET_BYTES, ...senderVnic } as const;
    const sending = await DatagramProgram.start(lab, from, spec);
    try {
      return await work(receiving, sending);
    } finally {
      await sending.stop();
    }
  } finally {
    await receiving.stop();
  }
}

export function startVictim({ lab }: Testbed): Promise<Server> {
  return startRedis(lab, TENANTS.server);
}

/** Packets a second of the same flows to a receiver that only counts, with all of Backdraft and nobody else. */
export async function measureSwitchRate(
  testbed: Testbed,
  warmUpMillis: number,
  millis: number,
): Promise<number> {
  const { lab } = testbed;
  await lab.startAgents([HOST], { edit: (config) => withEndpoints(config, [SENDER, RECEIVER], () => '') });
  const ways: Ways = {
    sender: { node: HOST, ...endpointOf(lab, SENDER) },
    receiver: { node: HOST, ...endpointOf(lab, RECEIVER) },
    address: RECEIVER.address,
    redis: '',
  };
  const rate = await besideFlows(testbed, ways, 0, async (receiver) => {
    await pause(warmUpMillis);
    const from = Date.now();
    await pause(millis);
    return receiver.rate(from, Date.now());
  });
  await lab.stopAgents([HOST]);
  return rate;
}
