// What a frame costs in the switches alone: from a vNIC through the switch of its host, over a connection, and through the
// other host's switch into a vNIC, all of it memory. Time is a number that the caller moves on.
import { SeededRng } from '../../../src/base/rng.ts';
import type { FrameDevice } from '../../../src/packet/device.ts';
import { PIECE_LAST, type PieceList } from '../../../src/packet/pieces.ts';
import { localMemory, Region } from '../../../src/packet/region.ts';
import { ChunkWriter } from '../../../src/packet/writer.ts';
import { datagramBytes, type SwitchConfig } from '../../../src/vswitch/config.ts';
import { Switch } from '../../../src/vswitch/switch.ts';
import { parseIpv4, parseMac, writeMac } from '../../../src/wire/address.ts';
import { VIRTIO_NET_HDR_GSO_TCPV4, writeVirtioNetHeader } from '../../../src/wire/virtio-net-header.ts';
import { MemoryWire } from './memory-wire.ts';

const CHUNKS = 256;
const MTU = 1500;
const TURN_MICROS = 10;
const WINDOW_PACKETS = 512;
const ETHERNET = 10;
const IP = ETHERNET + 14;
const TCP = IP + 20;
const HEADERS = TCP + 20;
const SEGMENT_BYTES = 1340;

export interface SwitchPathSpec {
  /** Of a frame of the tenant's, with Ethernet. More than fits a packet: a super-frame, to be cut into segments. */
  readonly frameBytes: number;
  /** Given to the switch before the other host answers: more than a window has room for must wait. */
  readonly framesAtOnce: number;
  readonly warmUpMillis: number;
  readonly millis: number;
}

export interface SwitchPathFigures {
  readonly framesPerSecond: number;
  /** Of those, the part that found no room in the window. */
  readonly waited: number;
  readonly drops: number;
}

export function switchPath({
  frameBytes,
  framesAtOnce,
  warmUpMillis,
  millis,
}: SwitchPathSpec): SwitchPathFigures {
  const [a, b] = [new PathHost(0, frameBytes), new PathHost(1, frameBytes)];
  MemoryWire.join(a.wire, b.wire);
  let now = 0;
  let frames = 0;
  let waited = 0;
  const round = (count = framesAtOnce) => {
    const before = b.vnic.received;
    a.vnic.unsent += count;
    while (a.vnic.unsent > 0) a.turn(now);
    waited += a.vswitch.framesQueued;
    while (b.vnic.received - before < count && a.drops + b.drops === 0) {
      now += TURN_MICROS;
      b.turn(now);
      a.turn(now);
    }
    frames += count;
  };
  const rounds = (until: number) => {
    while (performance.now() < until && a.drops + b.drops === 0) round();
  };
  // The connection is opened by few.
  round(1);
  rounds(performance.now() + warmUpMillis);
  frames = 0;
  waited = 0;
  const from = performance.now();
  rounds(from + millis);
  const framesPerSecond = (frames / (performance.now() - from)) * 1000;
  return { framesPerSecond, waited: waited / frames, drops: a.drops + b.drops };
}

class PathHost {
  readonly vnic: PathVnic;
  readonly wire: MemoryWire;
  readonly vswitch: Switch;

  constructor(host: number, frameBytes: number) {
    const region = new Region(localMemory(CHUNKS));
    this.vnic = new PathVnic(region, template(host, frameBytes));
    this.wire = new MemoryWire(vtepOf(host), region, new ChunkWriter(region, 0));
    this.vswitch = new Switch(configOf(host), {
      region,
      rng: new SeededRng(1 + host),
      nowMicros: 0,
      devices: [this.vnic],
      underlay: this.wire,
    });
  }

  turn(now: number): void {
    this.vswitch.underlayReady = this.wire.isReady;
    this.vswitch.portReady[0] = this.vnic.unsent > 0 ? 1 : 0;
    this.vswitch.run(now);
  }

  get drops(): number {
    const { dropped } = this.vswitch.counters;
    return this.wire.dropped + Object.values(dropped).reduce((sum, count) => sum + count, 0);
  }
}

/** Gives one frame again and again, of which only the headers are written, and takes all. */
class PathVnic implements FrameDevice {
  readonly dropped = 0;
  unsent = 0;
  received = 0;
  private readonly region: Region;
  private readonly writer: ChunkWriter;
  private readonly frame: Uint8Array;

  constructor(region: Region, frame: Uint8Array) {
    this.region = region;
    this.writer = new ChunkWriter(region, CHUNKS / 4);
    this.frame = frame;
  }

  rx(out: PieceList): number {
    const { region, writer, frame } = this;
    const before = out.count;
    for (; this.unsent > 0 && out.count < out.capacity; this.unsent--) {
      const at = writer.room(frame.length);
      if (at === 0) break;
      region.bytes.u8.set(frame.subarray(0, HEADERS), at);
      writer.commit(frame.length);
      region.retain(at, 1);
      out.push(at, frame.length | PIECE_LAST);
    }
    return out.count - before;
  }

  tx({ words, count }: PieceList, from: number): number {
    for (let i = from; i < count; i++) if (words[i * 2 + 1]! >= PIECE_LAST) this.received++;
    return count - from;
  }
}

const macOf = (host: number) => parseMac(`02:00:00:00:95:0${1 + host}`)!;
const addressOf = (host: number) => parseIpv4(`192.168.95.${1 + host}`)!;
const vtepOf = (host: number) => parseIpv4(`192.0.2.${1 + host}`)!;

function configOf(host: number): SwitchConfig {
  const addresses = (of: number) => ({ mac: macOf(of), ipv4: [addressOf(of)], ipv6: [] });
  const ports = [{ name: 'tenant', sourceCheck: true, ...addresses(host) }];
  const remotes = [{ vtep: vtepOf(1 - host), vnics: [addresses(1 - host)] }];
  const networks = [{ vni: 95, reliable: true, ports, remotes }];
  return {
    datagramBytes: datagramBytes(MTU + 100, 4),
    windowPackets: WINDOW_PACKETS,
    threadId: 0,
    networks,
  };
}

/** TCP from this host's tenant to the other's. */
function template(host: number, frameBytes: number): Uint8Array {
  const frame = new Uint8Array(ETHERNET + frameBytes);
  const view = new DataView(frame.buffer);
  if (frameBytes > MTU + IP - ETHERNET)
    writeVirtioNetHeader(view, 0, 1, VIRTIO_NET_HDR_GSO_TCPV4, 54, SEGMENT_BYTES, 34, 16);
  writeMac(view, ETHERNET, macOf(1 - host));
  writeMac(view, ETHERNET + 6, macOf(host));
  view.setUint16(ETHERNET + 12, 0x0800);
  view.setUint8(IP, 0x45);
  view.setUint16(IP + 2, frame.length - IP);
  view.setUint8(IP + 8, 64);
  view.setUint8(IP + 9, 6);
  view.setUint32(IP + 12, addressOf(host));
  view.setUint32(IP + 16, addressOf(1 - host));
  view.setUint16(TCP, 9500);
  view.setUint16(TCP + 2, 9501);
  view.setUint8(TCP + 12, 0x50);
  return frame;
}
