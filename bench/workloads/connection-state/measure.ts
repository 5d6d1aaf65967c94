// What connections cost in memory (BIFROST §6.1.4): the heap and what hangs on it outside (typed arrays), after garbage
// collection, of everything that two hosts hold. The memory that packets lie in was made before and does not count.
import { arrayBytes } from './array-bytes.ts';
import { FLIGHT_MICROS, TwoHosts } from './two-hosts.ts';

export interface StateSpec {
  readonly connections: number;
  readonly windowPackets: number;
  readonly rates: readonly number[];
  /** 5-tuples altogether, and how many of them share a pair. */
  readonly flows: number;
  readonly flowsPerPair: readonly number[];
}

export interface StateReport {
  /** As many as there was memory for. */
  readonly connections: number;
  readonly idleBytes: number;
  readonly activeBytes: number;
  readonly activePackets: number;
  /** Of one connection at a rate in Gbit/s. */
  readonly atRates: readonly { gbitPerSecond: number; bytes: number; packetsInFlight: number }[];
  /** Of all flows together. */
  readonly aggregated: readonly { flowsPerPair: number; bytes: number }[];
}

/** What a packet of the sim's hosts carries; small frames are one packet. */
const SMALL_FRAME_BYTES = 100;
const LARGE_FRAME_BYTES = 64_000;
/** Opened together: what they need while they open is given back before the next. */
const BATCH = 500;
const RATE_MILLIS = 20;

/** `freeBytes`: what may be used; `collect` collects garbage. */
export async function measureState(
  spec: StateSpec,
  freeBytes: number,
  collect: () => Promise<void>,
): Promise<StateReport> {
  const used = async () => {
    await collect();
    const { heapUsed, external } = process.memoryUsage();
    return heapUsed + external;
  };
  const connections = await measureConnections(spec, freeBytes, used);
  const aggregated: { flowsPerPair: number; bytes: number }[] = [];
  for (const flowsPerPair of spec.flowsPerPair)
    aggregated.push({ flowsPerPair, bytes: await aggregate(spec, flowsPerPair, used) });
  const atRates = spec.rates.map((rate) => atRate(rate, spec.windowPackets));
  return { ...connections, atRates, aggregated };
}

/** One end's memory for all flows. */
async function aggregate(
  { flows, windowPackets }: StateSpec,
  flowsPerPair: number,
  used: () => Promise<number>,
): Promise<number> {
  const hosts = primed(flows, windowPackets);
  const before = await used();
  const delivered = hosts.delivered;
  for (let flow = 0; flow < flows; flow++) {
    hosts.send(Math.floor(flow / flowsPerPair), SMALL_FRAME_BYTES);
    if (flow % BATCH === BATCH - 1) hosts.settle();
  }
  hosts.settle();
  hosts.rest();
  const bytes = (await used()) - before;
  // Until here nothing of it may be collected.
  return hosts.delivered - delivered === flows ? bytes / 2 : Number.NaN;
}

/** Buffers that any number of connections share are made with the first one. */
function primed(pairs: number, windowPackets: number): TwoHosts {
  const hosts = new TwoHosts(pairs, windowPackets);
  hosts.send(0, LARGE_FRAME_BYTES);
  hosts.settle();
  hosts.rest();
  return hosts;
}

/** Each end has a share of its own: half of what both hold. */
async function measureConnections(
  { connections: wanted, windowPackets }: StateSpec,
  freeBytes: number,
  used: () => Promise<number>,
) {
  const hosts = primed(wanted, windowPackets);
  const before = await used();
  let connections = 1;
  while (connections < wanted && (await used()) - before < freeBytes) {
    const end = Math.min(wanted, connections + BATCH * 20);
    while (connections < end) {
      const batchEnd = Math.min(end, connections + BATCH);
      for (; connections < batchEnd; connections++) hosts.send(connections, SMALL_FRAME_BYTES);
      hosts.settle();
    }
    hosts.rest();
  }
  const idle = (await used()) - before;
  hosts.cut = true;
  for (let pair = 0; pair < connections; pair++) {
    hosts.send(pair, LARGE_FRAME_BYTES);
    if (pair % BATCH === BATCH - 1) hosts.settle();
  }
  hosts.settle();
  const active = (await used()) - before - idle;
  const { send } = hosts.hosts[0].transport.connections;
  const inFlight = send.reduce((sum, window) => sum + (window ? (window.txNext - window.una) >>> 0 : 0), 0);
  const idleBytes = idle / 2 / connections;
  return {
    connections,
    idleBytes,
    // Only the first host's are active: the other has heard nothing.
    activeBytes: idleBytes + active / connections,
    activePackets: inFlight / connections,
  };
}

/** What the sending transport holds while one connection sends at a rate: all its arrays but the packets' memory. */
function atRate(gbitPerSecond: number, windowPackets: number) {
  const hosts = primed(1, windowPackets);
  const start = hosts.clock.nowMicros;
  const gap =
    gbitPerSecond === 0 ? Number.POSITIVE_INFINITY : (LARGE_FRAME_BYTES * 8) / (gbitPerSecond * 1000);
  const { transport, region } = hosts.hosts[0];
  let packetsInFlight = 0;
  const look = () => {
    const send = transport.connections.send[0];
    if (send !== undefined) packetsInFlight = Math.max(packetsInFlight, (send.txNext - send.una) >>> 0);
  };
  for (let at = start; at < start + RATE_MILLIS * 1000 && gap < Number.POSITIVE_INFINITY; at += gap) {
    hosts.clock.at(at, () => hosts.send(0, LARGE_FRAME_BYTES));
    hosts.clock.at(at + FLIGHT_MICROS / 2, look);
  }
  hosts.clock.runUntil(start + RATE_MILLIS * 500);
  return { gbitPerSecond, bytes: arrayBytes(transport, [region, region.bytes.u8.buffer]), packetsInFlight };
}
