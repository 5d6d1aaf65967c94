// Runs the switch on made-up traffic before the first tenant's frame comes. JavaScript is slow until it has been
// compiled, and it is compiled by being run: without this, the first seconds of traffic after a start would see
// latencies many times those of later ones. Two switches are joined in memory, in virtual time, with some loss; each has an
// interface and a native endpoint, and both are slow now and then, so that flows wait, are paused and held.

import { type Bytes, bytesOf } from '../base/bytes.ts';
import { chance, SeededRng } from '../base/rng.ts';
import { DEFAULT_WINDOW_PACKETS } from '../congestion/constant-window.ts';
import { EndpointDevice } from '../device/endpoint/endpoint-device.ts';
import { MemoryUnderlay, MemoryVnic } from '../device/memory.ts';
import { localMemory, Region } from '../packet/region.ts';
import { ChunkWriter } from '../packet/writer.ts';
import { RING_RECORDS, slotBytesFor, vnicLayout } from '../runtime/vnic/layout.ts';
import type { SwitchConfig } from '../vswitch/config.ts';
import { Switch } from '../vswitch/switch.ts';
import { ETHERTYPE_IPV4, emitEthernet } from '../wire/ethernet.ts';
import { emitIpv4Header, IPV4_MIN_HEADER_BYTES } from '../wire/ipv4.ts';
import { PROTOCOL_UDP } from '../wire/protocols.ts';
import { emitUdp, UDP_CHECKSUM, UDP_HEADER_BYTES } from '../wire/udp.ts';
import {
  VIRTIO_NET_HDR_F_NEEDS_CSUM,
  VIRTIO_NET_HDR_GSO_UDP_L4,
  VIRTIO_NET_HEADER_BYTES,
  writeVirtioNetHeader,
} from '../wire/virtio-net-header.ts';
import { WarmOwner } from './endpoints/warm-owner.ts';

const TURNS = 1500;
const TURN_MICROS = 40;
/** Now and then the switch goes on from its own state, as it will from another's. */
const REPLACEMENT_TURNS = 300;
const LOSS = 0.01;
/** Eight for each size of frame. */
const GENTLE_ROUNDS = 24;
const REGION_CHUNKS = 20;
const SOCKET_BYTES = 1 << 20;
const VNI = 1;

/** Of so many rounds vNICs are slow in the last ones: interfaces take nothing, and endpoints little. */
const PERIOD_ROUNDS = 200;
const SLOW_ROUNDS = 60;
const INTERFACE_PORT = 0;
const ENDPOINT_PORT = 1;

/** A vNIC's last byte of MAC and address: interfaces 1 and 2, endpoints 3 and 4. */
const interfaceOf = (host: number) => 1 + host;
const endpointOf = (host: number) => 3 + host;
const vtepOf = (host: number) => 0x7f00_0001 + host;
const macOf = (vnic: number) => 0x02_0000_000000 + vnic;
const ipv4Of = (vnic: number) => 0x0a00_0000 + vnic;

/** Of an underlay with an MTU of 1500. */
const DATAGRAM_BYTES = 1500 - 20 - 8;

/** Mostly requests and answers, now and then a larger frame; one of the largest would leave much garbage behind. */
const SIZES = [100, 1400, 24_000] as const;
/** Flows of each vNIC, by source ports. */
const FLOWS = 6;
const SEGMENT_BYTES = 1000;
/** A ring of an endpoint for each flow that it sends, some more to grow, and for those that it receives. */
const ENDPOINT_SHAPE = { rings: 24, slots: 24 * RING_RECORDS, slotBytes: slotBytesFor(1500) };
const RINGS_PER_FLOW = 3;

/** The work in small steps: a call of what this returns does one, and says whether it was the last. */
export function warmUp(): () => boolean {
  const work = new WarmUp();
  return () => work.step();
}

export class WarmUp {
  readonly hosts: WarmHost[] = [];
  private readonly rng = new SeededRng(1);
  private readonly regions: Region[] = [];
  private turn = 0;

  step(): boolean {
    const { hosts, regions, rng } = this;
    // Each for itself: fresh memory takes its time, and so does code that is new.
    if (regions.length < 2) {
      regions.push(new Region(localMemory(REGION_CHUNKS)));
      return false;
    }
    if (hosts.length < 2) {
      hosts.push(new WarmHost(hosts.length, regions[hosts.length]!, rng));
      return false;
    }
    const self = this.turn & 1;
    exchange(hosts[self]!, hosts[1 - self]!, this.turn >> 1, rng);
    return ++this.turn === 2 * TURNS;
  }
}

/** A turn of one host, whose tenants send some frames; what it sends is on its way to the other. */
function exchange(self: WarmHost, other: WarmHost, round: number, rng: SeededRng): void {
  const now = round * TURN_MICROS;
  const isSlow = round % PERIOD_ROUNDS >= PERIOD_ROUNDS - SLOW_ROUNDS;
  // Little at first, so that not everything is run for the first time in one step.
  if (round < GENTLE_ROUNDS) {
    if (round % 4 === 3) self.vnic.send(self.frame(interfaceOf(other.number), round >> 3, 0));
  } else self.work(other, round, isSlow);
  self.vnic.room = isSlow ? 0 : Number.POSITIVE_INFINITY;
  for (const { slot, bytes } of self.inbound.splice(0))
    self.underlay.arrive({ source: vtepOf(other.number), slot, bytes, arrivedMicros: now });
  if (round % REPLACEMENT_TURNS === REPLACEMENT_TURNS - 1) self.replace(now);
  self.vswitch.run(now);
  self.vswitch.nextTimeout();
  self.endpoint.settle(now);
  for (const packet of self.outbound.splice(0)) if (!chance(rng, LOSS)) other.inbound.push(packet);
}

interface Packet {
  readonly slot: number;
  readonly bytes: Uint8Array;
}

class WarmHost {
  readonly number: number;
  readonly vnic: MemoryVnic;
  readonly endpoint: EndpointDevice;
  readonly owner: WarmOwner;
  readonly underlay: MemoryUnderlay;
  readonly outbound: Packet[] = [];
  readonly inbound: Packet[] = [];
  vswitch: Switch;
  private readonly config: SwitchConfig;
  private readonly surroundings: Omit<ConstructorParameters<typeof Switch>[1], 'nowMicros'>;
  private readonly frames = new Map<number, Uint8Array>();

  constructor(number: number, region: Region, rng: SeededRng) {
    this.number = number;
    const writer = new ChunkWriter(region, REGION_CHUNKS / 5);
    this.vnic = new MemoryVnic(region, writer, () => {});
    const layout = vnicLayout(ENDPOINT_SHAPE);
    this.endpoint = new EndpointDevice(layout, RINGS_PER_FLOW, region, writer);
    this.owner = new WarmOwner(this.endpoint, layout);
    for (let flow = 0; flow < FLOWS; flow++) this.owner.open(1 + (flow % 3), flow & 1, flow % 3);
    const wire = (_peer: number, slot: number, bytes: Uint8Array) => this.outbound.push({ slot, bytes });
    this.underlay = new MemoryUnderlay(region, new ChunkWriter(region, 0), wire, SOCKET_BYTES);
    this.config = configOf(number);
    this.surroundings = { region, rng, devices: [this.vnic, this.endpoint], underlay: this.underlay };
    this.vswitch = new Switch(this.config, { ...this.surroundings, nowMicros: 0 });
  }

  replace(nowMicros: number): void {
    this.vswitch = new Switch(this.config, { ...this.surroundings, nowMicros }, this.vswitch.save());
  }

  /** What its tenants send in a round, and its endpoint's owner takes. */
  work(other: WarmHost, round: number, isSlow: boolean): void {
    const { vnic, owner, number } = this;
    const flow = round % FLOWS;
    if (round % 16 === 0) vnic.send(this.frame(interfaceOf(other.number), 2, flow));
    else
      for (let i = 0; i < 3; i++)
        vnic.send(this.frame(interfaceOf(other.number), round % 5 === 0 ? 1 : 0, flow));
    if (round % 32 === 0) vnic.send(this.frame(endpointOf(other.number), 2, flow));
    else if (round % 32 === 8) vnic.send(this.frame(endpointOf(number), 2, flow));
    else if (round % 8 === 0) vnic.send(this.frame(endpointOf(number), 0, flow));
    const to = [endpointOf(other.number), interfaceOf(number), interfaceOf(other.number)];
    const size = flow & 1;
    // A flow goes to one place.
    owner.send(flow, this.frame(to[flow >> 1]!, size, flow, endpointOf(number)), isSlow ? 16 : 3);
    owner.receive(isSlow ? (round % 10 === 0 ? 1 : 0) : 32);
  }

  /** Made once. */
  frame(to: number, size: number, flow: number, from = interfaceOf(this.number)): Uint8Array {
    const key = ((from * 8 + to) * SIZES.length + size) * FLOWS + flow;
    const frame = this.frames.get(key) ?? datagram(from, to, SIZES[size]!, 1000 + flow);
    this.frames.set(key, frame);
    return frame;
  }
}

function configOf(number: number): SwitchConfig {
  const other = 1 - number;
  const member = (vnic: number) => ({ mac: macOf(vnic), ipv4: [ipv4Of(vnic)], ipv6: [] });
  const ports = [];
  ports[INTERFACE_PORT] = { name: 'interface', sourceCheck: true, ...member(interfaceOf(number)) };
  ports[ENDPOINT_PORT] = { name: 'endpoint', sourceCheck: true, ...member(endpointOf(number)) };
  const remote = { vtep: vtepOf(other), vnics: [member(interfaceOf(other)), member(endpointOf(other))] };
  return {
    datagramBytes: DATAGRAM_BYTES,
    windowPackets: DEFAULT_WINDOW_PACKETS,
    threadId: 0,
    networks: [{ vni: VNI, reliable: true, ports, remotes: [remote] }],
  };
}

/** An offload frame where it is longer than a packet. Nobody looks at checksums. */
function datagram(from: number, to: number, payloadLength: number, sourcePort: number): Uint8Array {
  const networkAt = VIRTIO_NET_HEADER_BYTES + 14;
  const udpAt = networkAt + IPV4_MIN_HEADER_BYTES;
  const bytes: Bytes = bytesOf(new Uint8Array(udpAt + UDP_HEADER_BYTES + payloadLength));
  if (payloadLength > DATAGRAM_BYTES) {
    const csumStart = udpAt - VIRTIO_NET_HEADER_BYTES;
    const [flags, gsoType] = [VIRTIO_NET_HDR_F_NEEDS_CSUM, VIRTIO_NET_HDR_GSO_UDP_L4];
    writeVirtioNetHeader(bytes.view, 0, flags, gsoType, 0, SEGMENT_BYTES, csumStart, UDP_CHECKSUM);
  }
  const ethernet = { source: macOf(from), destination: macOf(to), etherType: ETHERTYPE_IPV4 };
  emitEthernet(ethernet, bytes, VIRTIO_NET_HEADER_BYTES);
  const ip = {
    tos: 0,
    identification: 0,
    dontFragment: true,
    moreFragments: false,
    fragmentOffset: 0,
    ttl: 64,
    protocol: PROTOCOL_UDP,
    source: ipv4Of(from),
    destination: ipv4Of(to),
    options: new Uint8Array(0),
    payloadLength: UDP_HEADER_BYTES + payloadLength,
  };
  emitIpv4Header(ip, bytes, networkAt);
  emitUdp({ sourcePort, destinationPort: 53, payloadLength, checksum: 0 }, bytes, udpAt);
  return bytes.u8;
}
