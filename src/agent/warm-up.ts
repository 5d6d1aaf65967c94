// Runs the switch on made-up traffic before the first tenant's frame comes. JavaScript is slow until it has been
// compiled, and it is compiled by being run: without this, the first seconds of traffic after a start would see
// latencies many times those of later ones. Two switches are joined in memory, in virtual time, with some loss.

import { bytesOf } from '../base/bytes.ts';
import { chance, SeededRng } from '../base/rng.ts';
import { DEFAULT_WINDOW_PACKETS } from '../congestion/constant-window.ts';
import { MemoryUnderlay, MemoryVnic } from '../device/memory.ts';
import { localMemory, Region } from '../packet/region.ts';
import { ChunkWriter } from '../packet/writer.ts';
import type { SwitchConfig } from '../vswitch/config.ts';
import { Switch } from '../vswitch/switch.ts';
import { emitEthernet } from '../wire/ethernet.ts';
import { VIRTIO_NET_HEADER_BYTES } from '../wire/virtio-net-header.ts';

const TURNS = 4000;
const TURN_MICROS = 40;
/** Now and then the switch goes on from its own state, as it will from another's. */
const REPLACEMENT_TURNS = 300;
const LOSS = 0.01;
/** Eight for each size of frame. */
const GENTLE_ROUNDS = 24;
const REGION_CHUNKS = 10;
const SOCKET_BYTES = 1 << 20;
/** A protocol of no importance: the switch forwards it by its addresses. */
const ETHERTYPE_EXPERIMENTAL = 0x88b5;
const VNI = 1;

interface End {
  readonly vtep: number;
  readonly mac: number;
}

const ENDS: readonly [End, End] = [
  { vtep: 0x7f000001, mac: 0x02_0000_000001 },
  { vtep: 0x7f000002, mac: 0x02_0000_000002 },
];

/** Of an underlay with an MTU of 1500. */
const DATAGRAM_BYTES = 1500 - 20 - 8;

/** Mostly requests and answers, now and then a larger frame; one of the largest would leave much garbage behind. */
const SIZES = [100, 1400, 24_000] as const;

/** The work in small steps: a call of what this returns does one, and says whether it was the last. */
export function warmUp(): () => boolean {
  const rng = new SeededRng(1);
  const regions: Region[] = [];
  const hosts: Host[] = [];
  let turn = 0;
  return () => {
    // Each for itself: fresh memory takes its time, and so does code that is new.
    if (regions.length < 2) {
      regions.push(new Region(localMemory(REGION_CHUNKS)));
      return false;
    }
    if (hosts.length < 2) {
      const self = hosts.length as 0 | 1;
      hosts.push(host(self, regions[self]!, rng));
      return false;
    }
    const self = turn & 1;
    exchange(hosts[self]!, hosts[1 - self]!, turn >> 1, rng);
    return ++turn === 2 * TURNS;
  };
}

/** A turn of one host, whose tenant sends some frames; what it sends is on its way to the other. */
function exchange(self: Host, other: Host, round: number, rng: SeededRng): void {
  const now = round * TURN_MICROS;
  // Little at first, so that not everything is run for the first time in one step.
  if (round < GENTLE_ROUNDS) {
    if (round % 4 === 3) self.vnic.send(self.frames[round >> 3]!);
  } else if (round % 16 === 0) self.vnic.send(self.frames[2]!);
  else for (let i = 0; i < 3; i++) self.vnic.send(self.frames[round % 5 === 0 ? 1 : 0]!);
  for (const { slot, bytes } of self.inbound.splice(0)) {
    self.underlay.arrive({ source: other.vtep, slot, bytes, arrivedMicros: now });
  }
  if (round % REPLACEMENT_TURNS === REPLACEMENT_TURNS - 1) self.replace(now);
  self.vswitch.run(now);
  self.vswitch.nextTimeout();
  for (const packet of self.outbound.splice(0)) if (!chance(rng, LOSS)) other.inbound.push(packet);
}

type Host = ReturnType<typeof host>;

interface Packet {
  readonly slot: number;
  readonly bytes: Uint8Array;
}

function host(self: 0 | 1, region: Region, rng: SeededRng) {
  const outbound: Packet[] = [];
  const inbound: Packet[] = [];
  const vnic = new MemoryVnic(region, new ChunkWriter(region, REGION_CHUNKS / 5), () => {});
  const wire = (_peer: number, slot: number, bytes: Uint8Array) => outbound.push({ slot, bytes });
  const underlay = new MemoryUnderlay(region, new ChunkWriter(region, 0), wire, SOCKET_BYTES);
  const surroundings = { region, rng, devices: [vnic], underlay };
  const of = config(self);
  return {
    vtep: ENDS[self].vtep,
    vnic,
    underlay,
    vswitch: new Switch(of, { ...surroundings, nowMicros: 0 }),
    inbound,
    outbound,
    frames: SIZES.map((length) => frame(self, length)),
    replace(nowMicros: number) {
      this.vswitch = new Switch(of, { ...surroundings, nowMicros }, this.vswitch.save());
    },
  };
}

function config(self: 0 | 1): SwitchConfig {
  const other = ENDS[1 - self]!;
  const port = { name: 'warm', mac: ENDS[self].mac, sourceCheck: true, ipv4: [], ipv6: [] };
  const remote = { vtep: other.vtep, vnics: [{ mac: other.mac, ipv4: [], ipv6: [] }] };
  const network = { vni: VNI, reliable: true, ports: [port], remotes: [remote] };
  return {
    datagramBytes: DATAGRAM_BYTES,
    windowPackets: DEFAULT_WINDOW_PACKETS,
    threadId: 0,
    networks: [network],
  };
}

function frame(self: 0 | 1, length: number): Uint8Array {
  const bytes = bytesOf(new Uint8Array(VIRTIO_NET_HEADER_BYTES + length));
  const header = {
    source: ENDS[self].mac,
    destination: ENDS[1 - self]!.mac,
    etherType: ETHERTYPE_EXPERIMENTAL,
  };
  emitEthernet(header, bytes, VIRTIO_NET_HEADER_BYTES);
  return bytes.u8;
}
