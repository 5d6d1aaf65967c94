// Requests as they are sent and answered (ZooRoute §A): what is written into them, how long an answer may take, and what an
// answer must have to be believed.

import { allocateBytes, type Bytes } from '../../base/bytes.ts';
import { asIpv6, type Ipv6Address } from '../../wire/address.ts';
import {
  MODE_BACKENDS,
  MODE_FULL,
  MODE_PARTIAL,
  offeredMode,
  writeZooRouteHeader,
  ZOOROUTE_HEADER_BYTES,
  ZOOROUTE_NEGOTIATION_REQUEST,
  ZOOROUTE_TELEMETRY_REQUEST,
  type ZooRouteView,
} from '../../wire/zooroute.ts';
import type { ArrivedPacket, LeavingPacket, RerouteCounter, ReroutingOptions } from './core.ts';
import { MAX_PORTS } from './fast-select.ts';
import { InFlight, NEGOTIATION_PORT, REFLECT_BYTES } from './in-flight.ts';
import { SLOT_BYTES } from './outbox.ts';
import { Receipts } from './receipts.ts';
import { peerOf, type SlowTable } from './slow-table.ts';

const FIRST_TIMEOUT_MICROS = 500_000;
const LEAST_TIMEOUT_MICROS = 100_000;
const MOST_TIMEOUT_MICROS = 1_000_000;
/** Beyond four round trips: what hosts that are busy take. */
const SLACK_MICROS = 50_000;
const REQUEST_BYTES = ZOOROUTE_HEADER_BYTES + REFLECT_BYTES;

type Send = (packet: LeavingPacket) => boolean;

/** A request that was answered, or not in time; a negotiation has the port NEGOTIATION_PORT. */
export interface Settled {
  peer: number;
  port: number;
  sequence: number;
  sentAt: number;
}

export class Requests {
  readonly packet: LeavingPacket;
  readonly receipts = new Receipts();
  private readonly bytes: Bytes = allocateBytes(SLOT_BYTES);
  private readonly inFlight: InFlight;
  private readonly table: SlowTable;
  private readonly basePort: number;
  private readonly source: Ipv6Address;
  private readonly offer: number;
  private readonly counters: Record<RerouteCounter, number>;
  private readonly settled: Settled = { peer: 0, port: 0, sequence: 0, sentAt: 0 };

  constructor(
    now: number,
    table: SlowTable,
    options: ReroutingOptions,
    basePort: number,
    counters: Record<RerouteCounter, number>,
  ) {
    this.table = table;
    this.basePort = basePort;
    this.counters = counters;
    this.inFlight = new InFlight(now, options.secret, options.processId);
    this.source = asIpv6(options.address);
    const modes = MODE_FULL | MODE_PARTIAL | (options.backend === 0 ? 0 : MODE_BACKENDS);
    this.offer = offeredMode(modes, options.role);
    this.packet = { destination: 0, sourcePort: 0, bytes: this.bytes, length: 0 };
  }

  /** False when it was not taken; then it was not asked. */
  negotiate(now: number, peer: number, port: number, send: Send): boolean {
    const type = ZOOROUTE_NEGOTIATION_REQUEST;
    const record = this.write(now, peer, type, this.offer, port, NEGOTIATION_PORT, MOST_TIMEOUT_MICROS);
    if (!this.send(record, send)) return false;
    this.counters.negotiationsSent++;
    return true;
  }

  probe(now: number, at: number, send: Send): boolean {
    const peer = peerOf(at);
    const port = at % MAX_PORTS;
    const mode = this.table.peers.isFull[peer] === 1 ? MODE_FULL : MODE_PARTIAL;
    const type = ZOOROUTE_TELEMETRY_REQUEST;
    const record = this.write(now, peer, type, mode, port, port, this.timeoutMicros(at));
    if (!this.send(record, send)) return false;
    this.counters.probesSent++;
    this.table.ports.probes[at]!++;
    return true;
  }

  /** What a response answers; undefined, and counted, when nothing we asked. Valid until the next call. */
  settle(peer: number, packet: ArrivedPacket, header: ZooRouteView): Settled | undefined {
    const { view } = packet.bytes;
    const found = this.inFlight.settle(view, header.bodyAt, header.bodyLength, peer, header.sequence);
    if (typeof found === 'number' && this.isOfPeer(found)) return this.settledOf(found);
    this.counters[typeof found === 'number' ? 'unasked' : found]++;
    return undefined;
  }

  /** Calls `lost` for each request whose time is over. */
  expire(now: number, lost: (request: Settled) => void): void {
    this.inFlight.expire(now, (record) => {
      if (this.isOfPeer(record)) lost(this.settledOf(record));
    });
  }

  nextTimeout(): number {
    return this.inFlight.nextTimeout();
  }

  /** Writes and records a request; `recorded` is the port, or that it is a negotiation. Returns the record. */
  private write(
    now: number,
    peer: number,
    type: number,
    mode: number,
    port: number,
    recorded: number,
    timeoutMicros: number,
  ): number {
    const { packet, table, inFlight } = this;
    const sequence = table.peers.sequence[peer]!;
    table.peers.sequence[peer] = sequence + 1;
    this.receipts.onSent(peer, sequence);
    packet.destination = table.addresses.hostAddressOf(peer);
    packet.sourcePort = this.basePort + port;
    packet.length = REQUEST_BYTES;
    const { view } = this.bytes;
    writeZooRouteHeader(view, 0, type, mode, 0, REQUEST_BYTES, sequence, this.source, 0);
    const deadline = now + timeoutMicros;
    const reflectAt = ZOOROUTE_HEADER_BYTES;
    return inFlight.add(view, reflectAt, peer, recorded, packet.sourcePort, sequence, now, deadline);
  }

  private send(record: number, send: Send): boolean {
    const isTaken = send(this.packet);
    if (!isTaken) this.inFlight.withdraw(record);
    return isTaken;
  }

  private timeoutMicros(at: number): number {
    const srtt = this.table.ports.srtt[at]! || this.table.peers.srtt[peerOf(at)]!;
    if (srtt === 0) return FIRST_TIMEOUT_MICROS;
    return Math.min(MOST_TIMEOUT_MICROS, Math.max(LEAST_TIMEOUT_MICROS, 4 * srtt + SLACK_MICROS));
  }

  /** A record may be older than the peer that has its row now. */
  private isOfPeer(record: number): boolean {
    const { records } = this.inFlight;
    const peer = records.peer[record]!;
    const { addresses, peers } = this.table;
    return addresses.rows.has(peer) && records.sentAt[record]! >= peers.addedAt[peer]!;
  }

  private settledOf(record: number): Settled {
    const { records } = this.inFlight;
    const { settled } = this;
    settled.peer = records.peer[record]!;
    settled.port = records.port[record]!;
    settled.sequence = records.sequence[record]!;
    settled.sentAt = records.sentAt[record]!;
    return settled;
  }
}
