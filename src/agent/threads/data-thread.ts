// A data thread: an executor whose engine is the switch, and the devices that the switch is given. Several of them share
// the vNICs' descriptors, which each reads where a vNIC is its own and writes to all, the slots' sockets, and rings.

import { parentPort, workerData } from 'node:worker_threads';
import { SelvageError } from '../../base/errors.ts';
import { SeededRng } from '../../base/rng.ts';
import { PlaneLinks } from '../../congestion/plane/links.ts';
import { EndpointDevice } from '../../device/endpoint/endpoint-device.ts';
import { Handover } from '../../device/handover.ts';
import { type HandFrame, HandoverVnic } from '../../device/handover-vnic.ts';
import { TapDevice } from '../../device/tap.ts';
import { UdpUnderlay } from '../../device/udp.ts';
import { EventFd } from '../../linux/eventfd.ts';
import { mapMemory } from '../../linux/memory.ts';
import { useShortTimerSlack } from '../../linux/scheduling.ts';
import type { UnderlayDevice } from '../../packet/device.ts';
import { CHUNK_BYTES, Region } from '../../packet/region.ts';
import { ChunkWriter } from '../../packet/writer.ts';
import { applyChanges } from '../../runtime/change.ts';
import { RING_RECORDS, slotBytesFor, vnicLayout } from '../../runtime/vnic/layout.ts';
import type { SwitchConfig } from '../../vswitch/config.ts';
import { vtepsOf } from '../../vswitch/forwarding.ts';
import { ETHERNET_HEADER_BYTES, VLAN_TAG_BYTES } from '../../wire/ethernet.ts';
import { wrapDevices } from '../capture.ts';
import { clientsReport, serveClients } from '../clients/serve.ts';
import { applyPlaneChange } from '../congestion/plane-report.ts';
import { EndpointAttendant } from '../endpoints/attendant.ts';
import { macOfAddress } from '../endpoints/neighbors.ts';
import type { EndpointStart } from '../endpoints/open.ts';
import type { SwitchReport } from '../reports/switch-report.ts';
import { type ReportingEngine, type SwitchGiven, switchEngine } from '../switch-engine.ts';
import { ExecutorLoop } from './executor-loop.ts';
import type { DataThreadStart, HandoverStart } from './thread-messages.ts';

/** Data rings each way of an endpoint, which are its flows, and packets that it has room for each way. */
const ENDPOINT_RINGS = 4096;
const ENDPOINT_SLOTS = 4096;

/** 128 MB of packets, taken from the system as they are first used. */
const REGION_CHUNKS = 512;
/** What vNICs read may not take the last quarter, so that the underlay can always be read. */
const RECEIVE_RESERVE = REGION_CHUNKS / 4;

const WARM_UP_MICROS = 1_000_000;
/** Work for clients a turn where they are served here, in records and 4 KB of their blocks: tens of microseconds, for packets wait. */
const SHARED_BUDGET = 256;

const now = () => performance.now() * 1000;
const epochMicros = () => (performance.timeOrigin + performance.now()) * 1000;

async function main(start: DataThreadStart): Promise<void> {
  const { name, config, taps, endpoints, underlay, seed, capture, clients } = start;
  useShortTimerSlack();
  warmUpFor(WARM_UP_MICROS);
  const region = new Region(mapMemory(REGION_CHUNKS * CHUNK_BYTES));
  const outgoing = new ChunkWriter(region, RECEIVE_RESERVE);
  const incoming = new ChunkWriter(region, 0);
  const owners = config.networks.flatMap(({ ports }) => ports.map(({ thread = 0 }) => thread));
  const isOwn = (port: number) => owners[port] === config.threadId;
  const attendants = endpoints.map((endpoint, port) =>
    endpoint !== undefined && isOwn(port) ? attendTo(endpoint, config, region, outgoing) : undefined,
  );
  const handFrame: HandFrame = (port, frames, first, end) =>
    joined!.device.handFrame(owners[port]!, port, frames, first, end);
  const devices = taps.map((fd, port) =>
    fd === undefined
      ? (attendants[port]?.device ?? new HandoverVnic(port, handFrame))
      : new TapDevice(fd, region, outgoing),
  );
  const peers = vtepsOf(config);
  const udp = new UdpUnderlay(underlay, region, incoming, now, peers);
  const bare = { vnics: devices, underlay: udp };
  const wrapped = capture === undefined ? bare : wrapDevices(bare, capture, region, peers, epochMicros);
  const joined =
    start.handover && joinThreads(wrapped.underlay, start.handover, config.threadId, region, incoming);
  const fdOf = (port: number) => (isOwn(port) ? (taps[port] ?? attendants[port]!.attendant.fd) : undefined);
  const given: SwitchGiven = {
    config,
    region,
    rng: new SeededRng(seed),
    vnics: wrapped.vnics.map((device, port) => {
      return { device, fd: fdOf(port), attendant: attendants[port]?.attendant };
    }),
    underlay: { device: joined?.device ?? wrapped.underlay, fds: [udp.fd, ...(joined?.fds ?? [])] },
    siblings: joined?.device,
    clock: now,
    writers: [outgoing, incoming],
    congestion: joinPlane(start),
  };
  const loop = new ExecutorLoop(name, parentPort!, start, (question) => {
    const slot = loop.executor.find('switch')!;
    // What replaced the shipped one may say less.
    const engine = slot.engine as Partial<ReportingEngine<unknown>>;
    switch (question.about) {
      case 'status':
        return withDevices(engine.report?.() ?? saysNothing('work'));
      case 'clients':
        return clientsReport(loop.executor);
      case 'flows':
      case 'paths':
      case 'queues':
        return engine[question.about]?.(question.from, now()) ?? saysNothing(question.about);
      case 'peers':
        return engine.peers?.() ?? engine.report?.().peers ?? saysNothing('peers');
      case 'decisions':
        return engine.decisions?.(now()) ?? saysNothing('decisions');
      case 'flow':
        return engine.flow === undefined ? saysNothing('flows') : engine.flow(question.cid, now());
      case 'plane':
        if (question.change !== undefined) {
          applyPlaneChange(given.congestion!.links, question.change);
          engine.congestionChanged?.(now());
          slot.woken = true;
        }
        return engine.plane?.(question.algorithms) ?? saysNothing('congestion control');
      case 'scheduler':
        if (engine.schedule === undefined) return saysNothing('scheduler');
        engine.schedule(question.scheduler, now());
        return undefined;
      case 'slots':
        engine.bindSlots?.(question.peer, question.slots, question.routes);
        slot.woken = true;
        return undefined;
    }
  });
  const withDevices = (report: SwitchReport): SwitchReport => {
    const interfaces = devices.filter((device) => device instanceof TapDevice);
    const queues = attendants.flatMap((each) => (each === undefined ? [] : [each.device.received]));
    const dropped = {
      vnicNoMemory: interfaces.reduce((sum, tap) => sum + tap.dropped, 0),
      vnicRefused: interfaces.reduce((sum, tap) => sum + tap.refused, 0),
      endpointUnowned: queues.reduce((sum, { unowned }) => sum + unowned, 0),
      endpointTooLong: queues.reduce((sum, { tooLong }) => sum + tooLong, 0),
      underlaySend: udp.dropped,
    };
    const served = attendants.flatMap((each) => (each === undefined ? [] : [each.attendant.report()]));
    return { ...report, dropped: { ...report.dropped, ...dropped }, endpoints: served };
  };
  applyChanges(loop.executor, [{ type: 'add', engine: 'switch', factory: switchEngine, given }]);
  if (clients !== undefined) serveClients(loop.executor, clients, SHARED_BUDGET);
  await loop.run();
  // Owners hear that the agent has ended.
  for (const each of attendants) each?.attendant.close();
}

/** The device of an endpoint, and what takes in its owners. */
function attendTo(start: EndpointStart, config: SwitchConfig, region: Region, writer: ChunkWriter) {
  const slotBytes = slotBytesFor(start.mtu + ETHERNET_HEADER_BYTES + VLAN_TAG_BYTES);
  const layout = vnicLayout({ rings: ENDPOINT_RINGS, slots: ENDPOINT_SLOTS, slotBytes });
  // What is on its way within a round trip is at most a window.
  const ringsPerFlow = Math.ceil(config.windowPackets / RING_RECORDS);
  const device = new EndpointDevice(layout, ringsPerFlow, region, writer, config.doorbells);
  const network = config.networks.find(({ vni }) => vni === start.vni)!;
  const resolve = (address: string) => macOfAddress(network, address);
  return { device, attendant: new EndpointAttendant(start, device, layout, ringsPerFlow, resolve) };
}

function joinPlane({ congestionFd: fd, config }: DataThreadStart) {
  const bell = new EventFd(fd);
  return { links: new PlaneLinks(config.threadId), fd, heard: () => bell.clear() };
}

function saysNothing(about: string): never {
  throw new SelvageError('unsupported', `The switch that runs says nothing of its ${about}.`, {
    hint: 'Give the engine that it was upgraded to that method of the shipped one, too (docs/engines.md).',
  });
}

/** The underlay with what other threads hand over, and the descriptor of this thread's bell. */
function joinThreads(
  underlay: UnderlayDevice,
  { memory, bells: fds }: HandoverStart,
  threadId: number,
  region: Region,
  writer: ChunkWriter,
) {
  const all = fds.map((fd) => new EventFd(fd));
  const bells = { ring: (thread: number) => all[thread]!.signal(), heard: () => all[threadId]!.clear() };
  // Each thread's clock begins with the thread.
  const clockOffset = Number(process.hrtime.bigint()) / 1000 - now();
  const device = new Handover(underlay, { threadId, memory, bells, region, writer, clockOffset });
  return { device, fds: [fds[threadId]!] };
}

/** Nothing has to be forwarded yet: all at once. */
function warmUpFor(micros: number): void {
  const end = now() + micros;
  const step = switchEngine.warmUp();
  while (!step() && now() < end);
}

void main(workerData as DataThreadStart);
