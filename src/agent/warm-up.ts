// Runs the switch on made-up traffic before the first tenant's frame comes. JavaScript is slow until it has been
// compiled, and it is compiled by being run: without this, the first seconds of traffic after a start would see
// latencies many times those of later ones. Two switches are joined in memory, in virtual time, with some loss.

import { bytesOf } from '../base/bytes.ts';
import { chance, SeededRng } from '../base/rng.ts';
import { MemoryUnderlay, MemoryVnic } from '../device/memory.ts';
import { localMemory, Region } from '../packet/region.ts';
import { ChunkWriter } from '../packet/writer.ts';
import type { SwitchConfig } from '../vswitch/config.ts';
import { Switch } from '../vswitch/switch.ts';
import { emitEthernet } from '../wire/ethernet.ts';
import { VIRTIO_NET_HEADER_BYTES } from '../wire/virtio-net-header.ts';

const TURNS = 6000;
const TURN_MICROS = 40;
const LOSS = 0.01;
const REGION_CHUNKS = 24;
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

/** Takes a few hundred milliseconds of the calling thread, and at most `limitMillis`. */
export function warmUp(datagramBytes: number, windowPackets: number, limitMillis: number): void {
  const rng = new SeededRng(1);
  const hosts = [host(0, datagramBytes, windowPackets, rng), host(1, datagramBytes, windowPackets, rng)];
  const frames = [
    frame(0, 100),
    frame(0, 1400),
    frame(0, 60_000),
    frame(1, 100),
    frame(1, 1400),
    frame(1, 60_000),
  ];
  const start = performance.now();
  for (let turn = 0; turn < TURNS && performance.now() - start < limitMillis; turn++) {
    const now = turn * TURN_MICROS;
    hosts.forEach(({ vnic, underlay, vswitch, inbound }, self) => {
      // Mostly requests and answers, now and then a large frame.
      const size = turn % 16 === 0 ? 2 : turn % 5 === 0 ? 1 : 0;
      for (let i = 0; i < 3; i++) vnic.send(frames[self * 3 + size]!);
      for (const packet of inbound.splice(0)) {
        underlay.arrive({
          source: ENDS[1 - self]!.vtep,
          slot: packet.slot,
          bytes: packet.bytes,
          arrivedMicros: now,
        });
      }
      vswitch.run(now);
      vswitch.nextTimeout();
      for (const packet of hosts[self]!.outbound.splice(0)) {
        if (!chance(rng, LOSS)) hosts[1 - self]!.inbound.push(packet);
      }
    });
  }
}

interface Packet {
  readonly slot: number;
  readonly bytes: Uint8Array;
}

function host(self: 0 | 1, datagramBytes: number, windowPackets: number, rng: SeededRng) {
  const region = new Region(localMemory(REGION_CHUNKS));
  const outbound: Packet[] = [];
  const inbound: Packet[] = [];
  const vnic = new MemoryVnic(region, new ChunkWriter(region, 6), () => {});
  const wire = (_peer: number, slot: number, bytes: Uint8Array) => outbound.push({ slot, bytes });
  const underlay = new MemoryUnderlay(region, new ChunkWriter(region, 0), wire, SOCKET_BYTES);
  const vswitch = new Switch(config(self, datagramBytes, windowPackets), {
    region,
    rng,
    nowMicros: 0,
    devices: [vnic],
    underlay,
  });
  return { vnic, underlay, vswitch, inbound, outbound };
}

function config(self: 0 | 1, datagramBytes: number, windowPackets: number): SwitchConfig {
  const other = ENDS[1 - self]!;
  const port = { name: 'warm', mac: ENDS[self].mac, sourceCheck: true, ipv4: [], ipv6: [] };
  const remote = { vtep: other.vtep, vnics: [{ mac: other.mac, ipv4: [], ipv6: [] }] };
  const network = { vni: VNI, reliable: true, ports: [port], remotes: [remote] };
  return { datagramBytes, windowPackets, threadId: 0, networks: [network] };
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
