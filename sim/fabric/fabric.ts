// The network between hosts, packet by packet in virtual time: a leaf for each rack, every leaf joined to every
// spine, from the same topology that the lab builds. A leaf spreads flows over its spines by ECMP. What is sent is
// delivered, dropped under a name, or on its way, always:
//   sent = delivered + lost + blackholed + overflowed + cut + noRoute + inFlight.
//
// Not modelled: routing protocols (a leaf knows which of its own links have carrier and nothing of those behind them,
// as with the lab's fixed routes), TTL and ICMP, buffers that the ports of a switch share, ECN, corrupted bits.

import type { LinkConditions } from '../../lab/conditions.ts';
import type { Topology } from '../../lab/topology.ts';
import { SelvageError } from '../../src/base/errors.ts';
import { type Rng, SeededRng } from '../../src/base/rng.ts';
import type { Ipv4Address } from '../../src/wire/address.ts';
import type { Clock } from '../clock.ts';
import { Trace } from '../trace.ts';
import { hostPlaces } from './addressing.ts';
import { chooseEqualPath } from './ecmp.ts';
import { Lane, type LaneConditions } from './lane.ts';
import { type Packet, WIRE_OVERHEAD_BYTES } from './packet.ts';

/** What a link is where the topology says nothing. */
export interface FabricDefaults {
  readonly bitsPerSecond: number;
  /** Propagation, and what the switch at the end takes to forward. */
  readonly delayMicros: number;
  readonly queuePackets: number;
}

/** A data centre's: 25 Gbit/s, tens of metres of fibre. */
export const DATA_CENTRE: FabricDefaults = { bitsPerSecond: 25e9, delayMicros: 1.5, queuePackets: 256 };

export interface FabricLink {
  readonly name: string;
  readonly a: string;
  readonly b: string;
  readonly toA: Lane;
  readonly toB: Lane;
}

export interface FabricCounters {
  sent: number;
  delivered: number;
  /** A leaf had no spine to send it to. */
  noRoute: number;
  lost: number;
  blackholed: number;
  overflowed: number;
  cut: number;
  inFlight: number;
}

interface Leaf {
  readonly rack: number;
  readonly seed: number;
  /** To the spines in order, and those of them that have carrier. */
  readonly up: Lane[];
  usable: Lane[];
  /** To the rack's hosts in order. */
  readonly down: Lane[];
}

/** Lanes to the leaves, by rack. */
type Spine = Lane[];

interface Host {
  readonly rack: number;
  readonly index: number;
  readonly address: Ipv4Address;
  up: Lane | undefined;
  receive: (packet: Packet) => void;
}

export class Fabric {
  readonly trace = new Trace();
  readonly links = new Map<string, FabricLink>();
  private readonly clock: Clock;
  private readonly rng: Rng;
  private readonly defaults: FabricDefaults;
  private readonly packetBytes: number;
  private readonly hosts: Host[];
  private readonly numberOfHost: ReadonlyMap<string, number>;
  private readonly leaves: ReadonlyMap<string, Leaf>;
  private readonly spines: ReadonlyMap<string, Spine>;
  private sent = 0;
  private delivered = 0;
  private noRoute = 0;
  private lanes = 0;

  constructor(clock: Clock, topology: Topology, seed: number, defaults = DATA_CENTRE) {
    this.clock = clock;
    this.rng = new SeededRng(seed);
    this.defaults = defaults;
    this.packetBytes = topology.mtu + WIRE_OVERHEAD_BYTES;
    const places = hostPlaces(topology);
    this.hosts = places.map((place) => ({ ...place, up: undefined, receive: () => {} }));
    this.numberOfHost = new Map(places.map(({ name }, number) => [name, number]));
    this.leaves = new Map(topology.racks.map(({ leaf }, rack) => [leaf, this.newLeaf(rack)]));
    this.spines = new Map(topology.spines.map((spine) => [spine, []]));
    for (const { name, a, b, conditions } of topology.links) {
      const host = this.numberOfHost.get(a);
      const [toA, toB] = host === undefined ? this.joinSpine(a, b) : this.joinHost(host, b);
      this.links.set(name, { name, a, b, toA, toB });
      this.impose(name, conditions);
    }
  }

  /** The number of a host. */
  host(name: string): number {
    return this.numberOfHost.get(name)!;
  }

  addressOf(host: number): Ipv4Address {
    return this.hosts[host]!.address;
  }

  /** Says who takes what arrives at a host. */
  attach(host: number, receive: (packet: Packet) => void): void {
    this.hosts[host]!.receive = receive;
  }

  send(packet: Packet): void {
    this.sent++;
    this.hosts[packet.source]!.up!.send(packet);
  }

  /** Makes a link what the conditions say, and the default in all that they do not name. */
  impose(linkName: string, conditions: LinkConditions): void {
    const link = this.links.get(linkName)!;
    link.toA.conditions = this.laneConditions(conditions, 'b>a');
    link.toB.conditions = this.laneConditions(conditions, 'a>b');
    const leaf = this.leaves.get(link.a);
    if (leaf !== undefined) leaf.usable = leaf.up.filter((lane) => !lane.conditions.isCut);
  }

  /** Does that to every link of a node. */
  imposeOnNode(node: string, conditions: LinkConditions): void {
    for (const { name, a, b } of this.links.values()) {
      if (a === node || b === node) this.impose(name, conditions);
    }
  }

  counters(): FabricCounters {
    const { sent, delivered, noRoute } = this;
    const sum = { sent, delivered, noRoute, lost: 0, blackholed: 0, overflowed: 0, cut: 0, inFlight: 0 };
    for (const { toA, toB } of this.links.values()) {
      for (const { counters, inFlight } of [toA, toB]) {
        sum.lost += counters.lost;
        sum.blackholed += counters.blackholed;
        sum.overflowed += counters.overflowed;
        sum.cut += counters.cut;
        sum.inFlight += inFlight;
      }
    }
    return sum;
  }

  private newLeaf(rack: number): Leaf {
    return { rack, seed: this.rng.u32(), up: [], usable: [], down: [] };
  }

  private joinHost(host: number, leafName: string): [toHost: Lane, toLeaf: Lane] {
    const leaf = this.leaves.get(leafName)!;
    const toHost = this.newLane((packet) => this.atHost(host, packet));
    const toLeaf = this.newLane((packet) => this.atLeaf(leaf, packet));
    leaf.down.push(toHost);
    this.hosts[host]!.up = toLeaf;
    return [toHost, toLeaf];
  }

  private joinSpine(leafName: string, spineName: string): [toLeaf: Lane, toSpine: Lane] {
    const leaf = this.leaves.get(leafName)!;
    const spine = this.spines.get(spineName)!;
    const toLeaf = this.newLane((packet) => this.atLeaf(leaf, packet));
    const toSpine = this.newLane((packet) => spine[this.hosts[packet.destination]!.rack]!.send(packet));
    spine[leaf.rack] = toLeaf;
    leaf.up.push(toSpine);
    return [toLeaf, toSpine];
  }

  private newLane(out: (packet: Packet) => void): Lane {
    const rng = new SeededRng(this.rng.u32());
    return new Lane(this.clock, rng, this.trace, this.lanes++, this.laneConditions({}, 'a>b'), out);
  }

  private atLeaf(leaf: Leaf, packet: Packet): void {
    const destination = this.hosts[packet.destination]!;
    if (destination.rack === leaf.rack) {
      leaf.down[destination.index]!.send(packet);
      return;
    }
    const { usable, seed } = leaf;
    if (usable.length === 0) {
      this.noRoute++;
      return;
    }
    const source = this.addressOf(packet.source);
    const path = chooseEqualPath(source, destination.address, packet.sourcePort, seed, usable.length);
    usable[path]!.send(packet);
  }

  private atHost(host: number, packet: Packet): void {
    this.delivered++;
    this.hosts[host]!.receive(packet);
  }

  private laneConditions(conditions: LinkConditions, direction: 'a>b' | 'b>a'): LaneConditions {
    const { bucket, jitterMicros } = conditions;
    if (bucket !== undefined || jitterMicros !== undefined) {
      throw new SelvageError('unsupported', 'Simulated links have neither jitter nor buckets.');
    }
    const { blackhole, carrier, lossPpm, rateBitsPerSecond, delayMicros, queuePackets } = conditions;
    return {
      bytesPerMicro: (rateBitsPerSecond ?? this.defaults.bitsPerSecond) / 8e6,
      delayMicros: delayMicros ?? this.defaults.delayMicros,
      queueBytes: (queuePackets ?? this.defaults.queuePackets) * this.packetBytes,
      lossRate: (lossPpm ?? 0) / 1e6,
      isBlackhole: blackhole === 'both' || blackhole === direction,
      isCut: carrier === 'down',
    };
  }
}
