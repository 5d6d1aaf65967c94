// Who is where: networks, local ports, peers, and the pairs of a local and a remote vNIC, all by small numbers.
// Built once from the configuration; looking up allocates nothing.

import type { CongestionAlgorithm } from '../congestion/controller.ts';
import type { FlowPlace } from '../congestion/plane/links.ts';
import { type Inbox, RUN_SOURCE, RUN_WORDS } from '../packet/inbox.ts';
import type { PairDirectory } from '../transport/types.ts';
import {
  formatHostAddress,
  type HostAddress,
  type Ipv4Address,
  type Ipv6Address,
  type Mac,
  sameIpv6,
} from '../wire/address.ts';
import { FEATURE_PAUSES, FEATURE_SUPER_FRAMES } from '../wire/bifrost-connect.ts';
import type { AddressSet, NetworkConfig, PortConfig, SwitchConfig } from './config.ts';
import { MacTable } from './mac-table.ts';
import { PeerIndex } from './peer-index.ts';

/** A local port, by its number in the switch. */
export interface Port extends PortConfig {
  readonly index: number;
  readonly network: Network;
  /** The pair with each remote vNIC of the network is `firstPair + remote`. */
  readonly firstPair: number;
}

export interface RemoteVnic extends AddressSet {
  readonly mac: Mac;
  readonly peer: number;
}

export interface Network {
  readonly vni: number;
  readonly reliable: boolean;
  readonly reorder: boolean;
  /** What governs its connections where no rule says otherwise. */
  readonly congestion: string;
  readonly ports: Port[];
  readonly remotes: RemoteVnic[];
  /** Peers with a vNIC in this network, for broadcasts. */
  readonly peers: number[];
  /** Where in `ports` and `remotes` the vNIC of a MAC is, or -1. */
  readonly portOf: MacTable;
  readonly remoteOf: MacTable;
}

interface Pair {
  readonly port: Port;
  readonly remote: RemoteVnic;
}

export class Forwarding implements PairDirectory {
  readonly networks: Network[] = [];
  readonly ports: Port[] = [];
  /** VTEP address of each peer. */
  readonly peers: HostAddress[];
  private readonly index: PeerIndex;
  private readonly networkOfVni = new Map<number, Network>();
  private readonly pairs: Pair[] = [];
  private readonly peerNames: readonly string[];
  private readonly governs: (pair: number) => CongestionAlgorithm;
  private readonly pauses: boolean;

  constructor(config: SwitchConfig, governs: (pair: number) => CongestionAlgorithm) {
    this.peers = vtepsOf(config);
    this.peerNames = this.peers.map(formatHostAddress);
    this.index = new PeerIndex(this.peers);
    this.governs = governs;
    this.pauses = config.pauses ?? true;
    for (const network of config.networks) this.addNetwork(network);
  }

  network(vni: number): Network | undefined {
    return this.networkOfVni.get(vni);
  }

  /** The peer that a run of the inbox came from, or -1. */
  peerOfRun({ runs }: Inbox, run: number): number {
    return this.index.find(runs, run * RUN_WORDS + RUN_SOURCE);
  }

  get pairCount(): number {
    return this.pairs.length;
  }

  portOfPair(pair: number): Port {
    return this.pairs[pair]!.port;
  }

  peerOf(pair: number): number {
    return this.pairs[pair]!.remote.peer;
  }

  vniOf(pair: number): number {
    return this.pairs[pair]!.port.network.vni;
  }

  reordersOf(pair: number): boolean {
    return this.pairs[pair]!.port.network.reorder;
  }

  /** Where frames must not wait for one another, none is of many packets. */
  featuresOf(pair: number): number {
    return (this.pauses ? FEATURE_PAUSES : 0) | (this.reordersOf(pair) ? FEATURE_SUPER_FRAMES : 0);
  }

  congestionOf(pair: number): CongestionAlgorithm {
    return this.governs(pair);
  }

  placeOf(pair: number): FlowPlace {
    const { port, remote } = this.pairs[pair]!;
    const { vni } = port.network;
    return { vni, peer: this.peerNames[remote.peer]!, localMac: port.mac, remoteMac: remote.mac };
  }

  localMac(pair: number): Mac {
    return this.pairs[pair]!.port.mac;
  }

  remoteMac(pair: number): Mac {
    return this.pairs[pair]!.remote.mac;
  }

  find(peer: number, vni: number, localMac: Mac, remoteMac: Mac): number {
    const network = this.networkOfVni.get(vni);
    if (network === undefined) return -1;
    const port = network.portOf.get(localMac);
    const remote = network.remoteOf.get(remoteMac);
    if (port < 0 || remote < 0 || !network.reliable || network.remotes[remote]!.peer !== peer) return -1;
    return network.ports[port]!.firstPair + remote;
  }

  private addNetwork(config: NetworkConfig): void {
    const { vni, reliable, reorder = true, congestion = 'constant' } = config;
    const network: Network = {
      vni,
      reliable,
      reorder,
      congestion,
      ports: [],
      remotes: [],
      peers: [],
      portOf: new MacTable(),
      remoteOf: new MacTable(),
    };
    for (const { vtep, vnics } of config.remotes) {
      const peer = this.index.of(vtep);
      network.peers.push(peer);
      for (const vnic of vnics) {
        network.remoteOf.set(vnic.mac, network.remotes.length);
        network.remotes.push({ ...vnic, peer });
      }
    }
    for (const portConfig of config.ports) {
      const port = { ...portConfig, index: this.ports.length, network, firstPair: this.pairs.length };
      this.ports.push(port);
      network.portOf.set(port.mac, network.ports.length);
      network.ports.push(port);
      for (const remote of network.remotes) this.pairs.push({ port, remote });
    }
    this.networks.push(network);
    this.networkOfVni.set(vni, network);
  }
}

/** The VTEP of each peer, by its number. */
export function vtepsOf({ networks }: SwitchConfig): HostAddress[] {
  const vteps = networks.flatMap(({ remotes }) => remotes.map(({ vtep }) => vtep));
  return [...new Map(vteps.map((vtep) => [formatHostAddress(vtep), vtep])).values()];
}

/** The MAC of whoever in the network has this IPv4 address, or -1. */
export function macOfIpv4(network: Network, address: Ipv4Address): Mac | -1 {
  for (const port of network.ports) if (port.ipv4.includes(address)) return port.mac;
  for (const remote of network.remotes) if (remote.ipv4.includes(address)) return remote.mac;
  return -1;
}

/** The MAC of whoever in the network has this IPv6 address, or -1. */
export function macOfIpv6(network: Network, address: Ipv6Address): Mac | -1 {
  const has = ({ ipv6 }: AddressSet) => ipv6.some((own) => sameIpv6(own, address));
  return network.ports.find(has)?.mac ?? network.remotes.find(has)?.mac ?? -1;
}
