// A whole cloud in virtual time: the fabric of a topology, a host with its switch wherever a tenant lives, and the
// tenants' machines, joined by one tenant network that is reliable (Selvage) or plain VXLAN. Plain means what it does
// in the agent: one source port for a flow and so one path, nothing sent again. Everything follows from the seed.
//
// Hosts without tenants are ports of the fabric and cost nothing, so that a topology may have thousands.

import type { Topology } from '../lab/topology.ts';
import { type Rng, SeededRng } from '../src/base/rng.ts';
import { DEFAULT_WINDOW_PACKETS } from '../src/congestion/constant-window.ts';
import type { NetworkConfig, RemoteConfig, SwitchConfig } from '../src/vswitch/config.ts';
import { datagramBytes, TRANSPORT_OVERHEAD_BYTES } from '../src/vswitch/config.ts';
import { ETHERNET_HEADER_BYTES } from '../src/wire/ethernet.ts';
import { VIRTIO_NET_HEADER_BYTES } from '../src/wire/virtio-net-header.ts';
import { VXLAN_HEADER_BYTES } from '../src/wire/vxlan.ts';
import { Clock } from './clock.ts';
import {
  type HostPlace,
  hostPlaces,
  TENANT_VNI,
  type TenantPlace,
  tenantPlaces,
} from './fabric/addressing.ts';
import { DATA_CENTRE, Fabric, type FabricDefaults } from './fabric/fabric.ts';
import { Guest } from './guest/guest.ts';
import { AGENT_COSTS, type HostCosts, KERNEL_COSTS } from './host/costs.ts';
import { SimulatedHost } from './host/host.ts';

export type Overlay = 'selvage' | 'plain';

export interface CloudOptions {
  readonly topology: Topology;
  readonly overlay: Overlay;
  /** What governs reliable connections; absent: a constant window. */
  readonly congestion?: string;
  readonly seed: number;
  readonly links?: FabricDefaults;
  readonly costs?: HostCosts;
  readonly windowPackets?: number;
  /** Memory of each host, in chunks of 256 KB. */
  readonly chunks?: number;
  readonly receiveBufferBytes?: number;
}

/** The agent's first source port, one for each slot from here on. */
const FIRST_SOURCE_PORT = 49_152;
/** The clock of a machine that has been up for a while. */
const START_MICROS = 1_000_000;
const DEFAULT_CHUNKS = 64;
/** Linux's tcp_rmem, at the most. */
const DEFAULT_BUFFER_BYTES = 6 << 20;

export class Cloud {
  readonly clock = new Clock(START_MICROS);
  readonly fabric: Fabric;
  /** Those with tenants, by name. */
  readonly hosts: ReadonlyMap<string, SimulatedHost>;
  readonly guests: ReadonlyMap<string, Guest>;
  /** Of the tenants' interfaces. */
  readonly tenantMtu: number;
  private readonly options: CloudOptions;
  private readonly rng: Rng;
  private readonly places: readonly HostPlace[];
  private readonly tenantsOn: ReadonlyMap<string, readonly TenantPlace[]>;
  /** Every inhabited host as all others see it. */
  private readonly remotes: readonly RemoteHost[];
  private readonly numberOfVtep: ReadonlyMap<number, number>;

  constructor(options: CloudOptions) {
    const { topology, overlay, links = DATA_CENTRE, seed } = options;
    this.options = options;
    this.rng = new SeededRng(seed);
    this.fabric = new Fabric(this.clock, topology, this.rng.u32(), links);
    this.tenantMtu = datagramBytes(topology.mtu, 4) - overheadBytes(overlay);
    this.places = hostPlaces(topology);
    this.numberOfVtep = new Map(this.places.map(({ address }, number) => [address, number]));
    this.tenantsOn = groupedByHost(tenantPlaces(topology));
    this.remotes = this.places.flatMap(({ name, address }) => {
      const tenants = this.tenantsOn.get(name);
      return tenants === undefined ? [] : [{ name, vtep: address, vnics: tenants.map(remoteVnic) }];
    });
    this.hosts = new Map(this.remotes.map(({ name }) => [name, this.newHost(name)]));
    this.guests = this.newGuests();
  }

  guest(name: string): Guest {
    return this.guests.get(name)!;
  }

  /** Lets a virtual time pass. */
  run(micros: number): void {
    this.clock.runUntil(this.clock.nowMicros + micros);
  }

  private newHost(name: string): SimulatedHost {
    const number = this.fabric.host(name);
    const { overlay, chunks = DEFAULT_CHUNKS } = this.options;
    const costs = this.options.costs ?? (overlay === 'selvage' ? AGENT_COSTS : KERNEL_COSTS);
    const { fabric } = this;
    const host = new SimulatedHost(
      this.clock,
      { config: this.switchConfig(name), costs, chunks, seed: this.rng.u32() },
      ({ vtep, slot, bytes }) =>
        fabric.send({
          source: number,
          destination: this.numberOfVtep.get(vtep)!,
          sourcePort: FIRST_SOURCE_PORT + slot,
          bytes,
        }),
    );
    fabric.attach(number, ({ source, sourcePort, bytes }) =>
      host.arrive({ vtep: fabric.addressOf(source), slot: sourcePort - FIRST_SOURCE_PORT, bytes }),
    );
    return host;
  }

  private newGuests(): Map<string, Guest> {
    const { receiveBufferBytes = DEFAULT_BUFFER_BYTES } = this.options;
    const options = { mtu: this.tenantMtu, receiveBufferBytes };
    const guests = new Map<string, Guest>();
    for (const [hostName, host] of this.hosts) {
      const machines = this.tenantsOn.get(hostName)!.map((tenant, port) => {
        const rng = new SeededRng(this.rng.u32());
        const guest = new Guest(this.clock, rng, tenant, options, (frame) => host.sendFrame(port, frame));
        guests.set(tenant.name, guest);
        return guest;
      });
      host.toTenant = (port, frame) => machines[port]!.receive(frame);
    }
    return guests;
  }

  private switchConfig(host: string): SwitchConfig {
    const {
      topology,
      overlay,
      congestion = 'constant',
      windowPackets = DEFAULT_WINDOW_PACKETS,
    } = this.options;
    const network: NetworkConfig = {
      vni: TENANT_VNI,
      reliable: overlay === 'selvage',
      congestion,
      ports: this.tenantsOn
        .get(host)!
        .map(({ name, mac, address }) => ({ name, mac, sourceCheck: true, ipv4: [address], ipv6: [] })),
      remotes: this.remotes.filter(({ name }) => name !== host),
    };
    return { datagramBytes: datagramBytes(topology.mtu, 4), windowPackets, threadId: 0, networks: [network] };
  }
}

interface RemoteHost extends RemoteConfig {
  readonly name: string;
}

function groupedByHost(tenants: readonly TenantPlace[]): Map<string, TenantPlace[]> {
  const grouped = new Map<string, TenantPlace[]>();
  for (const tenant of tenants) {
    const others = grouped.get(tenant.host);
    if (others === undefined) grouped.set(tenant.host, [tenant]);
    else others.push(tenant);
  }
  return grouped;
}

function remoteVnic({ mac, address }: TenantPlace) {
  return { mac, ipv4: [address], ipv6: [] };
}

/** What the overlay takes of the underlay's datagrams, so that each of the tenant's packets is one packet of the fabric. */
function overheadBytes(overlay: Overlay): number {
  return overlay === 'selvage'
    ? TRANSPORT_OVERHEAD_BYTES + VIRTIO_NET_HEADER_BYTES + ETHERNET_HEADER_BYTES
    : VXLAN_HEADER_BYTES + ETHERNET_HEADER_BYTES;
}
