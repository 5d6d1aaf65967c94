// Packets from the underlay: who sent them, and are they the transport's or a plain frame (RFC 7348)? A packet that
// is malformed, from an unknown VTEP or for somebody else is dropped and counted. With several data threads, what came to
// this one and is about another's connection is handed over (BIFROST §5.2); a plain frame any thread delivers. What other
// threads had for our endpoints comes the same way.

import type { Siblings } from '../packet/device.ts';
import {
  HANDED_FRAME,
  HANDED_PACKET,
  type Inbox,
  RUN_HANDED_OVER,
  RUN_HOPS,
  RUN_SOURCE,
  RUN_WORDS,
} from '../packet/inbox.ts';
import type { Region } from '../packet/region.ts';
import type { Transport } from '../transport/transport.ts';
import { EthernetView } from '../wire/ethernet.ts';
import { ROUTE_PROBE_VNI } from '../wire/route-probe.ts';
import { VXLAN_HEADER_BYTES, VxlanView } from '../wire/vxlan.ts';
import type { SwitchCounters } from './drops.ts';
import type { Forwarding, Network, Port } from './forwarding.ts';
import { EVERY_THREAD, type Steering } from './steering.ts';

/** A run shorter than this is copied when it must be held, so that it does not pin its chunk. */
const SMALL_RUN_BYTES = 16_384;

/** This data thread among several. */
export interface Crew {
  readonly threadId: number;
  readonly threads: number;
  readonly steering: Steering;
  readonly siblings: Siblings;
}

export class Egress {
  private readonly region: Region;
  private readonly forwarding: Forwarding;
  private readonly transport: Transport;
  private readonly counters: SwitchCounters;
  private readonly toPort: (port: Port, at: number, length: number) => void;
  private readonly handed: (port: Port, at: number, length: number) => void;
  private readonly crew: Crew | undefined;
  /** Runs of the inbox that were begun; 0 when it is done. */
  private begun = 0;
  private readonly vxlan = new VxlanView();
  private readonly ethernet = new EthernetView();

  /**
   * `toPort` delivers a frame without virtio_net_hdr, `handed` one with it, and adds the reference it needs; without `crew` the
   * thread is alone.
   */
  constructor(
    region: Region,
    forwarding: Forwarding,
    transport: Transport,
    counters: SwitchCounters,
    toPort: (port: Port, at: number, length: number) => void,
    handed: (port: Port, at: number, length: number) => void,
    crew?: Crew,
  ) {
    this.region = region;
    this.forwarding = forwarding;
    this.transport = transport;
    this.counters = counters;
    this.toPort = toPort;
    this.handed = handed;
    this.crew = crew;
  }

  /** Takes in everything in the inbox and releases its references. */
  process(now: number, inbox: Inbox): void {
    for (let run = 0; run < inbox.count; run++) {
      const at = run * RUN_WORDS;
      const offset = inbox.runs[at]!;
      this.begun = run + 1;
      if (isFrame(inbox, run)) this.frame(inbox, run, offset, inbox.runs[at + 1]!);
      else this.processRun(now, inbox, run, offset, inbox.runs[at + 1]!);
      this.region.release(offset);
    }
    this.begun = 0;
  }

  /** Packets of the inbox that a turn that threw had not come to. */
  uncounted(inbox: Inbox): number {
    let packets = 0;
    for (let run = this.begun; run < inbox.count; run++)
      if (!isFrame(inbox, run)) packets += packetsOf(inbox, run);
    return packets;
  }

  /** Another thread had it for one of our vNICs. */
  private frame({ runs }: Inbox, run: number, offset: number, length: number): void {
    this.counters.fromThreads++;
    this.handed(this.forwarding.ports[runs[run * RUN_WORDS + RUN_SOURCE]!]!, offset, length);
  }

  private processRun(now: number, inbox: Inbox, run: number, offset: number, length: number): void {
    const { counters } = this;
    const size = inbox.runs[run * RUN_WORDS + 2]!;
    const packets = packetsOf(inbox, run);
    counters.packetsIn += packets;
    const peer = this.forwarding.peerOfRun(inbox, run);
    if (peer < 0) {
      counters.dropped.unknownVtep += packets;
      return;
    }
    const small = length < SMALL_RUN_BYTES;
    const end = offset + length;
    for (let at = offset; at < end; at += size) {
      this.processPacket(now, peer, inbox, run, at, at + size <= end ? size : end - at, small);
    }
  }

  private processPacket(
    now: number,
    peer: number,
    inbox: Inbox,
    run: number,
    at: number,
    length: number,
    small: boolean,
  ): void {
    const { vxlan, counters } = this;
    if (!vxlan.aim(this.region.bytes, at, length)) {
      counters.dropped.malformedPacket++;
      return;
    }
    const payloadAt = at + VXLAN_HEADER_BYTES;
    const payloadLength = length - VXLAN_HEADER_BYTES;
    if (vxlan.carriesBifrost) {
      if (this.crew !== undefined && this.isElsewhere(this.crew, inbox, run, at, length)) return;
      counters.transportPacketsIn++;
      const arrived = inbox.arrivedMicros[run]!;
      const hops = inbox.runs[run * RUN_WORDS + RUN_HOPS]!;
      this.transport.receive(now, peer, vxlan.vni, payloadAt, payloadLength, arrived, hops, small);
      return;
    }
    const network = this.forwarding.network(vxlan.vni);
    if (vxlan.vni === ROUTE_PROBE_VNI) counters.dropped.routeProbe++;
    else if (network === undefined || !network.peers.includes(peer)) counters.dropped.unknownVni++;
    else this.plainFrame(network, payloadAt, payloadLength);
  }

  /** Gives other threads a packet for them; true when it is not this one's as well. */
  private isElsewhere(crew: Crew, inbox: Inbox, run: number, at: number, length: number): boolean {
    // What was handed over already stays: no packet goes in circles.
    if (inbox.runs[run * RUN_WORDS + RUN_HANDED_OVER] === HANDED_PACKET) return false;
    const thread = crew.steering.ofConnection(this.region.bytes.view, at, length);
    if (thread === crew.threadId) return false;
    if (thread !== EVERY_THREAD) {
      this.handOver(crew, thread, inbox, run, at, length);
      return true;
    }
    for (let other = 0; other < crew.threads; other++) {
      if (other === crew.threadId) continue;
      this.counters.packetCopies++;
      this.handOver(crew, other, inbox, run, at, length);
    }
    return false;
  }

  private handOver(
    { siblings }: Crew,
    thread: number,
    inbox: Inbox,
    run: number,
    at: number,
    length: number,
  ): void {
    if (siblings.handOver(thread, inbox, run, at, length)) this.counters.handedOver++;
    else this.counters.dropped.handoverFull++;
  }

  private plainFrame(network: Network, at: number, length: number): void {
    const { ethernet, counters } = this;
    if (!ethernet.aim(this.region.bytes, at, length)) {
      counters.dropped.malformedPacket++;
      return;
    }
    counters.plainPacketsIn++;
    if (ethernet.isGroupAddressed && network.ports.length > 0) {
      counters.fromPlain += network.ports.length;
      counters.plainCopies += network.ports.length - 1;
      for (const port of network.ports) this.toPort(port, at, length);
      return;
    }
    const port = network.portOf.get(ethernet.destination);
    if (port < 0) {
      counters.dropped.notForUs++;
      return;
    }
    counters.fromPlain++;
    this.toPort(network.ports[port]!, at, length);
  }
}

function isFrame({ runs }: Inbox, run: number): boolean {
  return runs[run * RUN_WORDS + RUN_HANDED_OVER] === HANDED_FRAME;
}

function packetsOf({ runs }: Inbox, run: number): number {
  return Math.ceil(runs[run * RUN_WORDS + 1]! / runs[run * RUN_WORDS + 2]!);
}
