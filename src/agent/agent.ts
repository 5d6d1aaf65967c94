// The agent of one host: everything that can fail is tried before anything is changed, and what was made is unmade
// when a later step fails. The tenants' interfaces stay when the agent goes; the next one takes them up.

import { SelvageError } from '../base/errors.ts';
import { CLOSED, openUnderlay } from '../device/udp.ts';
import type { Tool } from '../linux/ip.ts';
import { close } from '../linux/libc.ts';
import { CANDIDATES } from '../paths/path-table.ts';
import { vtepsOf } from '../vswitch/forwarding.ts';
import { serveAdmin } from './admin/admin.ts';
import { type CaptureOptions, type CaptureStart, captureNames, openCaptureFiles } from './capture.ts';
import { type ClientsStart, openClientSocket, removeClientSocket } from './clients/socket.ts';
import type { HostConfig } from './config.ts';
import { CongestionPlane } from './congestion/plane.ts';
import { readSelector } from './congestion/selector.ts';
import { CongestionSocket, congestionSocketPath } from './congestion/socket.ts';
import { openEndpoints, removeEndpointSockets } from './endpoints/open.ts';
import { filteredFlows, filteredPaths, filteredQueues, filteredWhy } from './reports/filters.ts';
import { statusOf } from './reports/report.ts';
import { RouteSearch } from './route-search.ts';
import { switchConfigs } from './switch-config.ts';
import { TapDrops } from './tap-drops.ts';
import { DataThreads } from './threads/data-threads.ts';
import { ExecutorThread, type Listener } from './threads/executor-thread.ts';
import type { ServicesThreadStart } from './threads/thread-messages.ts';
import { underlayMtu } from './underlay-mtu.ts';
import { Upgrades } from './upgrades/upgrades.ts';
import { applyVnics, planVnics, unmakeVnics, type VnicPlan } from './vnics.ts';

export interface AgentSurroundings {
  readonly version: string;
  /** The program `ip`. */
  readonly ip: Tool;
  readonly capture: CaptureOptions;
}

/** Runs until SIGTERM or SIGINT; throws SelvageError when the agent cannot start or a data thread fails. */
export async function runAgent(
  config: HostConfig,
  { version, ip, capture: options }: AgentSurroundings,
): Promise<void> {
  const startedAt = Date.now();
  const mtu = underlayMtu(config.underlay);
  const vnics = planVnics(config, mtu);
  let threads: DataThreads | undefined;
  let upgrades: Upgrades | undefined;
  let tapDrops: TapDrops | undefined;
  let services: ExecutorThread | undefined;
  let routes: RouteSearch | undefined;
  let plane: CongestionPlane | undefined;
  let congestionSocket: CongestionSocket | undefined;
  const hopsOf = (peer: number, candidate: number) => routes?.hopsOf(peer, candidate) ?? [];
  const facts = { config, version, startedAt, underlayMtu: mtu, vnics, hopsOf };
  const admin = await serveAdmin(config.runtimeDir, {
    isReady: () => upgrades !== undefined,
    status: async () => {
      const serving = config.clients.thread === 'data' ? threads!.threads[0] : services;
      const clients = await serving?.clients().catch(() => undefined);
      const [report, flows] = await Promise.all([threads!.status(), threads!.knownFlows()]);
      return statusOf(facts, report, flows, tapDrops!.since(), clients);
    },
    flows: async (query) =>
      filteredFlows(query, (cid) => (cid === undefined ? threads!.flows() : threads!.flow(cid))),
    paths: async (query) =>
      filteredPaths(query, () => threads!.paths(), { sourcePorts: config.underlay.sourcePorts, hopsOf }),
    queues: async (query) => filteredQueues(query, () => threads!.queues()),
    why: async (query) => filteredWhy(query, () => threads!.accounts(), config.underlay.sourcePorts),
    engines: () => upgrades!.engines(),
    upgrade: (engines, executor) => upgrades!.upgrade(engines, executor),
    schedule: async (scheduler) => {
      await threads!.schedule(scheduler);
      return { scheduler };
    },
    congestion: () => plane!.status(congestionSocket?.counts),
    runAlgorithm: async (file, name, what) =>
      plane!.run(file, name, what && (await readSelector(what, (cid) => threads!.flow(cid)))),
    setAlgorithm: async (algorithm, what) =>
      plane!.set(algorithm, await readSelector(what, (cid) => threads!.flow(cid))),
    endAlgorithm: (algorithm) => plane!.end(algorithm),
  });
  const opened: number[] = [];
  try {
    const { address, port, sourcePorts } = config.underlay;
    const underlay = openUnderlay(address.address, port, sourcePorts, CANDIDATES);
    opened.push(underlay.receive, ...underlay.send.filter((fd) => fd !== CLOSED));
    const clientSocket = openClientSocket(config.runtimeDir, config.clients);
    opened.push(clientSocket.listener);
    const capture = prepareCapture(options, config, vnics, opened);
    const taps = await applyVnics(vnics, ip);
    tapDrops = new TapDrops(vnics);
    const tapFds = taps.map((tap) => tap?.fd);
    opened.push(...tapFds.filter((fd) => fd !== undefined));
    const endpoints = openEndpoints(config, vnics, opened);
    const configs = switchConfigs(config, mtu);
    const shared = config.clients.thread === 'data' ? clientSocket : undefined;
    const given = { configs, taps: tapFds, endpoints, underlay, capture };
    const start = { ...given, address: address.address, clients: shared };
    const listener = complaints(vnics, tapFds);
    const started = await DataThreads.start(start, listener).catch((error) => {
      unmakeVnics(taps);
      throw error;
    });
    threads = started;
    services = shared === undefined ? await startServices(clientSocket, listener) : undefined;
    plane = new CongestionPlane(threads, (line) => console.error(`selvage: ${line}`));
    await plane.begin(config.vnis.filter(({ reliable }) => reliable));
    congestionSocket = await CongestionSocket.open(congestionSocketPath(config.runtimeDir), plane);
    upgrades = new Upgrades([...started.threads, ...(services === undefined ? [] : [services])]);
    const ends = { address: address.address, sourcePort: sourcePorts, peers: vtepsOf(configs[0]!) };
    routes = RouteSearch.start(threads, underlay, ends, (line) => console.error(`selvage: ${line}`));
    console.error(`selvage: agent of ${config.host} forwards packets (pid ${process.pid})`);
    await Promise.race([stopSignal(), threads.failed]);
  } finally {
    routes?.stop();
    // Before the descriptors by which its threads wake the others are closed.
    congestionSocket?.close();
    await plane?.stop();
    // Also when one of them has failed: the others tell their peers.
    await threads?.stop();
    await services?.stop();
    for (const fd of opened) close(fd);
    removeClientSocket(config.runtimeDir);
    removeEndpointSockets(config.runtimeDir);
    admin.closeAllConnections();
    admin.close();
  }
}

/** What goes wrong here stops no packets: it is said, and clients are not served. */
async function startServices(clients: ClientsStart, listener: Listener): Promise<ExecutorThread | undefined> {
  const say = (error: unknown) => {
    console.error(`selvage: clients are not served: ${SelvageError.from(error).message}`);
  };
  const script = new URL('./services-thread.js', import.meta.url);
  const starting = ExecutorThread.start<ServicesThreadStart>('services', { clients }, script, listener);
  try {
    const services = await starting;
    services.failed.catch(say);
    return services;
  } catch (error) {
    say(error);
    return undefined;
  }
}

/** Says on standard error what a thread reports. */
function complaints(vnics: readonly VnicPlan[], taps: readonly (number | undefined)[]): Listener {
  return (message, executor) => {
    if (message.type === 'gone') {
      const vnic = vnics[taps.indexOf(message.fd)];
      const what = vnic === undefined ? 'a descriptor' : `${vnic.name} in ${vnic.netns ?? 'this namespace'}`;
      console.error(`selvage: ${what} was removed; restart the agent to make it again`);
    } else {
      const { engine, consequence, error } = message.failure;
      console.error(`selvage: the engine ${engine} (executor ${executor}) failed; ${consequence}: ${error}`);
    }
  };
}

function prepareCapture(
  { trace, pcap, faults }: CaptureOptions,
  { underlay }: HostConfig,
  vnics: readonly VnicPlan[],
  opened: number[],
): CaptureStart | undefined {
  if (!trace && pcap === undefined && faults === undefined) return undefined;
  if (faults !== undefined) console.error('selvage: does harm to packets on purpose (--fault)');
  const names = captureNames(vnics);
  const files = pcap === undefined ? undefined : openCaptureFiles(pcap, names, opened);
  const { address, port, sourcePorts } = underlay;
  const ends = { address: address.address, port, sourcePort: sourcePorts };
  return { trace, names, files, ends, faults };
}

function stopSignal(): Promise<void> {
  return new Promise((resolve) => {
    process.once('SIGTERM', () => resolve());
    process.once('SIGINT', () => resolve());
  });
}
