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
import { IP_UDP_BYTES, type Vnic } from './cases.ts';
import { droppedByAgents } from './drops.ts';
import { type EndpointVnic, endpointOf, withEndpoints } from './endpoint-vnics.ts';
import { DatagramProgram } from './program.ts';

const HOST = 'host1';
const TENANTS = { client: 'tenant1', server: 'tenant2', sender: 'tenant3', receiver: 'tenant4' } as const;
const endpointVnic = (name: string, byte: number): EndpointVnic => ({
  name,
  host: HOST,
  mac: `02:00:00:00:93:0${byte}`,
  address: `192.168.77.20${byte}`,
});
const SENDER = endpointVnic('flows', 1);
const RECEIVER = endpointVnic('slow', 2);
const FAST_SENDER = endpointVnic('fast-from', 3);
const FAST_RECEIVER = endpointVnic('fast', 4);
const ENDPOINTS = [SENDER, RECEIVER, FAST_SENDER, FAST_RECEIVER];

export const FLOWS = 50;
/** Of IP packets. */
export const PACKET_BYTES = 64;
export const CLIENTS = 10;
/** What the paper's load generator asks for if not told otherwise. */
export const VALUE_BYTES = 200;
const WARM_UP_REQUESTS = 500;
const FEWEST_REQUESTS = 1000;
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

/** Before it is measured, and for about how long it is. */
export interface Times {
  readonly warmUpMillis: number;
  readonly victimMillis: number;
}

export interface Setting {
  measure(microsPerPacket: number, times: Times): Promise<Record<string, number>>;
  /** Of as many flows to a receiver that only counts, beside those to the slow one; absent: for sockets. */
  measureFastFlows?(microsPerPacket: number, times: Times): Promise<Record<string, number>>;
  remove(): Promise<void>;
}

export async function attachSocketPeers({ lab }: Testbed, progress: Progress) {
  await lab.attachKernelVxlan();
  const bridge: SocketPeer = {
    name: 'kernelVxlan',
    title: 'kernel VXLAN',
    settings: `veth pairs in the bridge of a VXLAN device, which forwards what stays on the host; ${SOCKETS}`,
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
    edit: (config) => ({ ...withEndpoints(config, ENDPOINTS, () => ''), queues }),
  });
  const drops = () => droppedByAgents(testbed, [HOST]);
  const ways = endpointWays(testbed, SENDER, RECEIVER);
  const fast = endpointWays(testbed, FAST_SENDER, FAST_RECEIVER);
  return {
    measure: measureBy(testbed, { ...ways, drops, redis: lab.tenant(TENANTS.server).selvage.address }),
    measureFastFlows: (microsPerPacket, { warmUpMillis, victimMillis }) =>
      besideFlows(testbed, ways, microsPerPacket, () =>
        besideFlows(testbed, fast, 0, async (receiver) => {
          await pause(warmUpMillis);
          const dropsBefore = await drops();
          const from = Date.now();
          await pause(victimMillis);
          const to = Date.now();
          return {
            fastPerSecond: receiver.rate(from, to),
            dropsPerSecond: (((await drops()) - dropsBefore) / (to - from)) * 1000,
          };
        }),
      ),
    remove: () => lab.stopAgents([HOST]),
  };
}

function endpointWays({ lab }: Testbed, from: EndpointVnic, to: EndpointVnic): Ways {
  return {
    sender: { node: HOST, ...endpointOf(lab, from) },
    receiver: { node: HOST, ...endpointOf(lab, to) },
    address: to.address,
  };
}

function socketSetting(testbed: Testbed, { addressOf }: SocketPeer): Setting {
  const ways = {
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
}

interface VictimWays extends Ways {
  readonly redis: string;
  /** Frames dropped so far; absent: what was sent and did not come. */
  readonly drops?: () => Promise<number>;
}

function measureBy(testbed: Testbed, ways: VictimWays): Setting['measure'] {
  return (microsPerPacket, { warmUpMillis, victimMillis }) =>
    besideFlows(testbed, ways, microsPerPacket, async (receiver, sender) => {
      const victim = (test: 'get' | 'set', requests: number) => askRedis(testbed, ways.redis, test, requests);
      await victim('set', WARM_UP_REQUESTS);
      // With the victim, too: an agent’s first seconds with traffic have turns of milliseconds, later ones hardly any.
      const warmAt = Date.now() + warmUpMillis;
      let rate: number;
      do ({ requestsPerSecond: rate } = await victim('get', WARM_UP_REQUESTS));
      while (Date.now() < warmAt);
      const requests = Math.max(FEWEST_REQUESTS, Math.round((rate * victimMillis) / 1000));
      const dropsBefore = await ways.drops?.();
      const from = Date.now();
      const { p50Millis, p99Millis, requestsPerSecond } = await victim('get', requests);
      const to = Date.now();
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
        goodputMegabits: goodput(datagramsPerSecond, requestsPerSecond),
      };
    });
}

async function askRedis({ lab }: Testbed, host: string, test: 'get' | 'set', requests: number) {
  const options = {
    host,
    test,
    clients: CLIENTS,
    requests,
    valueBytes: VALUE_BYTES,
    timeoutMillis: RUN_TIMEOUT_MILLIS,
  };
  return requireFigures(await runRedisBenchmark(lab, TENANTS.client, options), options);
}

/** What applications get, in megabits a second. */
function goodput(datagramsPerSecond: number, requestsPerSecond: number): number {
  const bytes = datagramsPerSecond * (PACKET_BYTES - IP_UDP_BYTES) + requestsPerSecond * VALUE_BYTES;
  return (bytes * 8) / 1e6;
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
  await lab.startAgents([HOST], { edit: (config) => withEndpoints(config, ENDPOINTS, () => '') });
  const ways = endpointWays(testbed, SENDER, RECEIVER);
  const rate = await besideFlows(testbed, ways, 0, async (receiver) => {
    await pause(warmUpMillis);
    const from = Date.now();
    await pause(millis);
    return receiver.rate(from, Date.now());
  });
  await lab.stopAgents([HOST]);
  return rate;
}
