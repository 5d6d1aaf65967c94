// The destination's side (ZooRoute §4.2, §A): it answers requests, and keeps of each source only what a receipt says. An answer goes
// back by a port of our own fast table towards that source, another each time, so that a bad way back is no bad port to
// the source twice; while either side is in doubt, half of the answers go by all ports in turn, since those in use may all
// have failed. A middlebox answers by the port that the request came from, as its sessions do (ZooRoute §4.1). Who did not
// negotiate, or not with this process, is told to (RST). Whoever floods us is answered with backpressure, and then not.

import { type Columns, clearRow, columnsOf } from '../../base/columns.ts';
import { asIpv6, type Ipv6Address } from '../../wire/address.ts';
import {
  CTL_BACKPRESSURE,
  CTL_DEFAULT,
  CTL_FINISH,
  CTL_RESET,
  MODE_BACKENDS,
  MODE_FULL,
  MODE_PARTIAL,
  offeredMode,
  RECEIPT_BYTES,
  writeReceipt,
  writeZooRouteHeader,
  ZOOROUTE_HEADER_BYTES,
  ZOOROUTE_NEGOTIATION_REQUEST,
  ZOOROUTE_NEGOTIATION_RESPONSE,
  ZOOROUTE_TELEMETRY_RESPONSE,
  ZOOROUTE_VERSION,
  type ZooRouteView,
} from '../../wire/zooroute.ts';
import { AddressTable } from './address-table.ts';
import type { ArrivedPacket, RerouteCounter, ReroutingOptions } from './core.ts';
import { type Outbox, SLOT_BYTES } from './outbox.ts';
import { ROLE_MIDDLEBOX } from './roles.ts';
import { ANSWER_WITH_BACKPRESSURE, REFUSE, ResponseBucket } from './token-bucket.ts';

/** Sources beyond this many displace each other; they negotiate again. */
const MAX_SOURCES = 65_536;
const MOST_PER_SECOND = 100_000;
const LEAST_PER_SECOND = 500;
const MAX_REFLECT_BYTES = SLOT_BYTES - ZOOROUTE_HEADER_BYTES - RECEIPT_BYTES;

const COLUMNS = {
  isKnown: Uint8Array,
  hasAny: Uint8Array,
  newest: Uint32Array,
  before: Uint32Array,
  longBefore: Uint32Array,
} as const;

export class Responder {
  readonly bucket: ResponseBucket;
  private isFinishing = false;
  private readonly options: ReroutingOptions;
  private readonly address: Ipv6Address;
  private readonly outbox: Outbox;
  private readonly counters: Record<RerouteCounter, number>;
  private readonly returnPort: (now: number, packet: ArrivedPacket, turn: number) => number;
  private readonly sources = new AddressTable();
  private columns: Columns<typeof COLUMNS>;
  private readonly order: number[] = [];
  private turn = 0;

  constructor(
    now: number,
    options: ReroutingOptions,
    outbox: Outbox,
    counters: Record<RerouteCounter, number>,
    returnPort: (now: number, packet: ArrivedPacket, turn: number) => number,
  ) {
    this.bucket = new ResponseBucket(now, MOST_PER_SECOND, LEAST_PER_SECOND);
    this.options = options;
    this.address = asIpv6(options.address);
    this.outbox = outbox;
    this.counters = counters;
    this.returnPort = returnPort;
    this.columns = columnsOf(COLUMNS, this.sources.capacity);
  }

  finish(): void {
    this.isFinishing = true;
  }

  onRequest(now: number, packet: ArrivedPacket, header: ZooRouteView): void {
    const { counters, outbox } = this;
    if (!header.isFrom(packet.source)) {
      counters.wrongSource++;
      return;
    }
    const isNegotiation = header.type === ZOOROUTE_NEGOTIATION_REQUEST;
    const reflect = header.bodyLength;
    if (reflect > MAX_REFLECT_BYTES) {
      counters.malformed++;
      return;
    }
    const permission = this.bucket.take(now);
    const at = outbox.room;
    if (permission === REFUSE || at < 0) {
      counters.requestsLimited++;
      return;
    }
    const row = this.sources.find(packet.source);
    const source = isNegotiation && row < 0 ? this.addSource(packet) : row;
    const ctl = this.ctlFor(source, permission === ANSWER_WITH_BACKPRESSURE);
    const length = ZOOROUTE_HEADER_BYTES + reflect + (isNegotiation ? 0 : RECEIPT_BYTES);
    this.writeHeader(at, header, isNegotiation, ctl, length);
    const from = header.bodyAt;
    for (let i = 0; i < reflect; i++)
      outbox.bytes.u8[at + ZOOROUTE_HEADER_BYTES + i] = packet.bytes.u8[from + i]!;
    if (!isNegotiation) {
      if (source >= 0) this.receive(source, header.sequence);
      this.appendReceipt(at + length - RECEIPT_BYTES, source, header.sequence);
    } else if (source >= 0) {
      // A process that starts anew counts its requests anew.
      clearRow(this.columns, source);
      this.columns.isKnown[source] = 1;
    }
    const mirrors = this.options.role === ROLE_MIDDLEBOX;
    const port = mirrors ? packet.sourcePort : this.returnPort(now, packet, this.turn++);
    outbox.push(packet.source, port, length);
    counters.requestsAnswered++;
  }

  private ctlFor(source: number, isShort: boolean): number {
    if (this.isFinishing) return CTL_FINISH;
    if (source < 0) return CTL_RESET;
    return isShort ? CTL_BACKPRESSURE : CTL_DEFAULT;
  }

  private writeHeader(
    at: number,
    request: ZooRouteView,
    isNegotiation: boolean,
    ctl: number,
    length: number,
  ): void {
    const { role, backend } = this.options;
    const modes = MODE_FULL | MODE_PARTIAL | (backend === 0 ? 0 : MODE_BACKENDS);
    writeZooRouteHeader(
      this.outbox.bytes.view,
      at,
      isNegotiation ? ZOOROUTE_NEGOTIATION_RESPONSE : ZOOROUTE_TELEMETRY_RESPONSE,
      isNegotiation ? offeredMode(modes, role) : request.modes,
      ctl,
      length,
      request.sequence,
      this.address,
      backend,
      Math.min(request.version, ZOOROUTE_VERSION),
    );
  }

  private addSource(packet: ArrivedPacket): number {
    if (this.sources.size >= MAX_SOURCES) this.sources.remove(this.order.shift()!);
    const row = this.sources.add(packet.source);
    if (this.sources.capacity > this.columns.isKnown.length)
      this.columns = columnsOf(COLUMNS, this.sources.capacity, this.columns);
    this.order.push(row);
    return row;
  }

  private receive(row: number, sequence: number): void {
    const { hasAny, newest, before, longBefore } = this.columns;
    if (hasAny[row] === 0) {
      hasAny[row] = 1;
      newest[row] = sequence;
      return;
    }
    const ahead = (sequence - newest[row]!) | 0;
    if (ahead > 0) {
      this.shift(row, ahead);
      newest[row] = sequence;
    } else if (ahead < 0 && ahead >= -64) {
      const bit = -ahead - 1;
      if (bit < 32) before[row] = before[row]! | (1 << bit);
      else longBefore[row] = longBefore[row]! | (1 << (bit & 31));
    }
  }

  /** Makes room for so many newer ones; what was the newest gets its bit. */
  private shift(row: number, ahead: number): void {
    const { before, longBefore } = this.columns;
    const low = before[row]!;
    const high = longBefore[row]!;
    if (ahead > 64) {
      before[row] = 0;
      longBefore[row] = 0;
    } else if (ahead > 32) {
      before[row] = 0;
      longBefore[row] = (ahead === 64 ? 0 : low << (ahead - 32)) | (1 << (ahead - 33));
    } else if (ahead === 32) {
      before[row] = 1 << 31;
      longBefore[row] = low;
    } else {
      before[row] = (low << ahead) | (1 << (ahead - 1));
      longBefore[row] = (high << ahead) | (low >>> (32 - ahead));
    }
  }

  private appendReceipt(at: number, row: number, sequence: number): void {
    const { newest, before, longBefore } = this.columns;
    const isKnown = row >= 0;
    writeReceipt(
      this.outbox.bytes.view,
      at,
      isKnown ? newest[row]! : sequence,
      isKnown ? before[row]! : 0,
      isKnown ? longBefore[row]! : 0,
    );
  }
}
