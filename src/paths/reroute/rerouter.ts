// Rerouting before tenants notice (ZooRoute): the core, which joins what negotiates, probes, judges, records and answers. Which
// call may be made when says core.ts.

import { asIpv6, type HostAddress } from '../../wire/address.ts';
import {
  CTL_BACKPRESSURE,
  CTL_FINISH,
  CTL_RESET,
  MODE_FULL,
  RECEIPT_BYTES,
  ZOOROUTE_NEGOTIATION_REQUEST,
  ZOOROUTE_NEGOTIATION_RESPONSE,
  ZOOROUTE_TELEMETRY_REQUEST,
  ZOOROUTE_TELEMETRY_RESPONSE,
  ZOOROUTE_VERSION,
  ZooRouteView,
} from '../../wire/zooroute.ts';
import type {
  AlarmFacts,
  ArrivedPacket,
  LeavingPacket,
  PeerFacts,
  PortFacts,
  RerouteCounter,
  RerouteEvent,
  ReroutingCore,
  ReroutingOptions,
} from './core.ts';
import { CpuRule } from './cpu-rule.ts';
import { EventLog } from './event-log.ts';
import { peerFacts, portFacts } from './facts.ts';
import { homeOf, MAX_PORTS, mixPort, selectPort } from './fast-select.ts';
import { FastTable } from './fast-table.ts';
import { NEGOTIATION_PORT, REFLECT_BYTES } from './in-flight.ts';
import { hopsOf } from './negotiator.ts';
import { Outbox } from './outbox.ts';
import { PeerCare } from './peer-care.ts';
import { Requests, type Settled } from './requests.ts';
import { Responder } from './responder.ts';
import { ROLE_MIDDLEBOX } from './roles.ts';
import { type SavedRerouting, saveTable } from './saved.ts';
import { isUsable, PEER_PLAIN, PORT_UNKNOWN, SlowTable } from './slow-table.ts';
import { SwitchingAlarm } from './switching-alarm.ts';

const SECOND = 1_000_000;
export const DEFAULT_BASE_PORT = 10_000;
const DEFAULT_HOMES = 32;
const DEFAULT_MAX_ELEMENTS = 1 << 17;
export const DEFAULT_IDLE_MICROS = 60 * SECOND;

const nothing = () => false;

export class Rerouter implements ReroutingCore {
  readonly fast: FastTable;
  readonly counters: Record<RerouteCounter, number> = {
    probesSent: 0,
    probesAnswered: 0,
    probesLost: 0,
    answersLost: 0,
    requestsAnswered: 0,
    requestsLimited: 0,
    negotiationsSent: 0,
    malformed: 0,
    unasked: 0,
    forged: 0,
    otherProcess: 0,
    wrongSource: 0,
    tableFull: 0,
  };
  private readonly options: ReroutingOptions;
  private readonly basePort: number;
  private readonly table = new SlowTable();
  private readonly cpu = new CpuRule();
  private readonly log = new EventLog();
  private readonly alarm: SwitchingAlarm;
  private readonly care: PeerCare;
  private readonly requests: Requests;
  private readonly outbox = new Outbox();
  private readonly responder: Responder;
  private readonly header = new ZooRouteView();
  /** Whose receipt is looked at. */
  private toldBy = 0;
  private readonly hasArrived = (sequence: number) =>
    this.requests.receipts.hasArrived(this.toldBy, sequence);
  private probesAtSample = 0;
  private sampledAt: number;

  /** Goes on from `old`, what another `save` returned. */
  constructor(now: number, options: ReroutingOptions, old?: SavedRerouting) {
    this.options = options;
    this.basePort = options.basePort ?? DEFAULT_BASE_PORT;
    this.sampledAt = now;
    this.fast = new FastTable(options.maxElements ?? DEFAULT_MAX_ELEMENTS);
    this.alarm = new SwitchingAlarm(this.table, asIpv6(options.address));
    const { table, fast, cpu, log, alarm, counters, basePort } = this;
    this.care = new PeerCare(now, table, fast, cpu, log, alarm, counters, {
      role: options.role,
      basePort,
      idleMicros: options.idleMicros ?? DEFAULT_IDLE_MICROS,
    });
    this.requests = new Requests(now, table, options, basePort, counters);
    this.responder = new Responder(now, options, this.outbox, counters, (at, packet, turn) =>
      this.returnPort(at, packet.source, turn),
    );
    for (const peer of old?.peers ?? []) if (peer.usedAt <= now) this.care.restore(now, peer);
  }

  save(): SavedRerouting {
    return saveTable(this.table, this.options.processId, (peer) => this.fast.bytesOf(peer));
  }

  used(now: number, destination: HostAddress, sourcePort: number): void {
    const index = sourcePort - this.basePort;
    // Before the packet path knows the destination, its flows go by ports of the kernel's.
    const isOurs = index >= 0 && index < MAX_PORTS;
    const home = sourcePort === 0 ? -1 : homeOf(sourcePort, DEFAULT_HOMES);
    this.care.used(now, destination, isOurs ? index : home);
  }

  receive(now: number, packet: ArrivedPacket): void {
    const { header, counters } = this;
    if (!header.aim(packet.bytes, packet.at, packet.length)) {
      counters.malformed++;
      return;
    }
    switch (header.type) {
      case ZOOROUTE_NEGOTIATION_REQUEST:
        this.responder.onRequest(now, packet, header);
        this.onAsked(packet.source);
        break;
      case ZOOROUTE_TELEMETRY_REQUEST:
        this.responder.onRequest(now, packet, header);
        break;
      case ZOOROUTE_NEGOTIATION_RESPONSE:
      case ZOOROUTE_TELEMETRY_RESPONSE:
        this.onResponse(now, packet);
        break;
      default:
        // Updates are for the packet path alone, and nobody may send us any.
        counters.malformed++;
    }
  }

  advance(now: number): void {
    this.requests.expire(now, (request) => this.onLost(now, request));
    this.care.advance(now);
  }

  transmit(now: number, send: (packet: LeavingPacket) => boolean): void {
    const { requests, care, table } = this;
    if (!this.outbox.transmit(requests.packet, send)) return;
    const asks = care.negotiator.due;
    for (; asks.length > 0; asks.pop()) {
      const peer = asks.at(-1)!;
      if (!table.addresses.rows.has(peer)) continue;
      if (!requests.negotiate(now, peer, care.negotiator.nextPort(peer), send)) return;
    }
    this.transmitProbes(now, send);
  }

  onCpu(now: number, utilisation: number): void {
    const { probesSent } = this.counters;
    const seconds = (now - this.sampledAt) / SECOND;
    if (seconds > 0) this.cpu.onSample(utilisation, (probesSent - this.probesAtSample) / seconds);
    this.probesAtSample = probesSent;
    this.sampledAt = now;
    this.responder.bucket.onCpu(utilisation);
  }

  nextTimeout(): number {
    if (!this.outbox.isEmpty) return 0;
    return Math.min(this.care.nextTimeout(), this.requests.nextTimeout());
  }

  finish(): void {
    this.responder.finish();
  }

  peers(now: number): PeerFacts[] {
    return [...this.table.addresses.rows].map((peer) =>
      peerFacts(this.table, peer, this.care.mannerOf(peer), now),
    );
  }

  ports(now: number, destination: HostAddress): PortFacts[] {
    const peer = this.table.addresses.find(destination);
    return peer < 0 ? [] : portFacts(this.table, peer, this.basePort, now);
  }

  events(destination?: HostAddress): RerouteEvent[] {
    return this.log.of(destination);
  }

  alarms(): AlarmFacts[] {
    return this.alarm.alarms();
  }

  private transmitProbes(now: number, send: (packet: LeavingPacket) => boolean): void {
    const { prober } = this.care;
    const { due } = prober;
    let sent = 0;
    for (; sent < due.length; sent++) {
      const at = due[sent]!;
      if (this.table.ports.isProbed[at] === 0) continue;
      if (!this.requests.probe(now, at, send)) break;
      prober.sent(now, at);
    }
    due.splice(0, sent);
  }

  /** Whoever asks us speaks it itself. */
  private onAsked(source: HostAddress): void {
    const peer = this.table.addresses.find(source);
    if (peer >= 0 && this.table.peers.state[peer] === PEER_PLAIN) this.care.negotiator.begin(peer);
  }

  private onResponse(now: number, packet: ArrivedPacket): void {
    const { header, table } = this;
    const peer = table.addresses.find(packet.source);
    if (peer < 0) {
      this.counters.unasked++;
      return;
    }
    const request = this.requests.settle(peer, packet, header);
    if (request === undefined) return;
    const isNegotiation = header.type === ZOOROUTE_NEGOTIATION_RESPONSE;
    if (isNegotiation !== (request.port === NEGOTIATION_PORT)) {
      this.counters.forged++;
      return;
    }
    if (header.ctl === CTL_FINISH) {
      if (table.peers.state[peer] !== PEER_PLAIN) this.care.leaveInPeace(now, peer, 'peer-finished');
      return;
    }
    if (isNegotiation) this.onNegotiated(now, peer, packet);
    else this.onAnswer(now, peer, packet, request);
  }

  private onNegotiated(now: number, peer: number, packet: ArrivedPacket): void {
    const { header, care } = this;
    if (header.version === ZOOROUTE_VERSION) {
      care.speaks(now, peer, header.role, hopsOf(packet.hopLimit));
    } else if (this.table.peers.state[peer] !== PEER_PLAIN) {
      care.leaveInPeace(now, peer, 'no-answer');
    }
  }

  private onAnswer(now: number, peer: number, packet: ArrivedPacket, request: Settled): void {
    const { header, table, care, counters } = this;
    counters.probesAnswered++;
    const { ctl, backend } = header;
    if (ctl === CTL_BACKPRESSURE) table.peers.backpressure[peer]!++;
    else table.peers.answered[peer]!++;
    if (ctl === CTL_RESET) care.askAgain(now, peer);
    if (table.peers.state[peer] === PEER_PLAIN) return;
    const at = peer * MAX_PORTS + request.port;
    const wasUnknown = table.ports.state[at] === PORT_UNKNOWN;
    table.ports.backend[at] = backend;
    const rttMicros = Math.max(1, packet.receivedMicros - request.sentAt);
    const limit = this.options.rttLimitMicros ?? Number.POSITIVE_INFINITY;
    if (rttMicros > limit) {
      table.peers.heardAt[peer] = now;
      care.judge.onLoss(now, at, request.sequence, request.sentAt, false, true);
    } else {
      table.ports.answeredAt[at] = now;
      care.judge.onAnswer(now, at, rttMicros);
    }
    if (wasUnknown || !isUsable(table.ports.state[at]!)) care.changedPort(at);
    if (ctl !== CTL_RESET) this.takeReceipt(now, peer, request.sequence, packet);
  }

  /**
   * The answers of a middlebox go by our own port, as its traffic does: only those that arrive say that the port works.
   */
  private takeReceipt(now: number, peer: number, sequence: number, packet: ArrivedPacket): void {
    const { header, care } = this;
    const { peers } = this.table;
    const has = header.bodyLength >= REFLECT_BYTES + RECEIPT_BYTES;
    if (!has || peers.role[peer] === ROLE_MIDDLEBOX) {
      care.judge.onReceipt(now, peer, sequence, nothing);
      return;
    }
    const { receipts } = this.requests;
    const at = header.bodyAt + REFLECT_BYTES;
    const newest = receipts.take(peer, peers.sequence[peer]!, packet.bytes.view, at);
    this.toldBy = peer;
    if (newest >= 0) care.judge.onReceipt(now, peer, newest, this.hasArrived);
  }

  private onLost(now: number, request: Settled): void {
    const { peer, port, sequence, sentAt } = request;
    const { peers } = this.table;
    if (port === NEGOTIATION_PORT || peers.state[peer] === PEER_PLAIN) return;
    const at = peer * MAX_PORTS + port;
    if (this.table.ports.isProbed[at] === 0) return;
    const isArrived = this.requests.receipts.hasArrived(peer, sequence);
    if (this.care.judge.onLoss(now, at, sequence, sentAt, isArrived)) {
      this.counters.probesLost++;
      peers.lost[peer]!++;
    } else {
      this.counters.answersLost++;
    }
  }

  /** Where an answer is to go from. */
  private returnPort(now: number, source: HostAddress, turn: number): number {
    const peer = this.table.addresses.find(source);
    const entry = peer < 0 ? undefined : this.fast.entryOf(peer);
    const chosen = entry === undefined ? 0 : selectPort(this.fast.states, entry, turn & 0xffff);
    const isBesides = peer >= 0 && this.isInDoubt(now, peer) && ((mixPort(turn & 0xffff) >>> 16) & 1) === 1;
    return chosen === 0 || isBesides ? this.basePort + (turn & (DEFAULT_HOMES - 1)) : chosen;
  }

  /** One end has lost a probe: all ports of our table may be dead, and then others must bring the answers. */
  private isInDoubt(now: number, peer: number): boolean {
    const isAskerInDoubt = (this.header.modes & MODE_FULL) !== 0 && !this.care.mannerOf(peer).isFull;
    return isAskerInDoubt || now < this.table.peers.episodeEnds[peer]!;
  }
}
