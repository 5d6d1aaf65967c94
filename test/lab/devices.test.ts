// The TAP and the UDP sockets hold what all devices promise, against the kernel; and what the kernel does not take is
// counted.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { batch } from '../../lab/tools.ts';
import { TapDevice } from '../../src/device/tap.ts';
import { CLOSED, openUnderlay, UdpUnderlay } from '../../src/device/udp.ts';
import { Epoll } from '../../src/linux/epoll.ts';
import { close } from '../../src/linux/libc.ts';
import { mapMemory } from '../../src/linux/memory.ts';
import { inNetns } from '../../src/linux/netns.ts';
import { openTap } from '../../src/linux/tap.ts';
import { openUdp } from '../../src/linux/udp.ts';
import { Inbox, RUN_HOPS } from '../../src/packet/inbox.ts';
import { Outbox } from '../../src/packet/outbox.ts';
import { PIECE_LENGTH_MASK, PieceList } from '../../src/packet/pieces.ts';
import { CHUNK_BYTES, Region } from '../../src/packet/region.ts';
import { ChunkWriter } from '../../src/packet/writer.ts';
import { CANDIDATES, SLOTS } from '../../src/paths/path-table.ts';
import { parseIpv6 } from '../../src/wire/address.ts';
import { itIsAnUnderlay, type UnderlayEnd, type UnderlayHarness } from '../device/underlay-compliance.ts';
import { itIsAVnic, REGION_CHUNKS, type VnicHarness } from '../device/vnic-compliance.ts';
import { withOffload } from '../vswitch/tenants.ts';
import { buildFrame, numbered } from '../wire/frames.ts';
import { eventually } from './eventually.ts';
import { hasRights, needRights } from './rights.ts';

needRights();

const netns = `selvage-devices-${process.pid}`;
const PORT = 4789;
const FAMILIES = [
  { family: 'IPv4', addresses: [0x7f000001, 0x7f000002] },
  { family: 'IPv6', addresses: [parseIpv6('fd00::1')!, parseIpv6('fd00::2')!] },
] as const;
const UNDERLAY_MTU = 1500;
const PATIENCE_MICROS = 5_000_000;

/** Two TAPs in a bridge: what is written to one is read from the other. */
let taps: [device: number, tenant: number];

beforeAll(async () => {
  if (!hasRights) return;
  await batch('ip', undefined, [`netns add ${netns}`]);
  const open = (name: string) => openTap({ name, netns, persistent: false, offloads: true }).fd;
  taps = [open('tap0'), open('tap1')];
  await batch('ip', netns, [
    `link set dev lo mtu ${UNDERLAY_MTU} up`,
    'address add fd00::1/128 dev lo nodad',
    'address add fd00::2/128 dev lo nodad',
    'link add name joined type bridge mcast_snooping 0',
    // Before they are up, so that no kernel says anything of its own.
    ...['joined', 'tap0', 'tap1'].map((name) => `link set dev ${name} addrgenmode none`),
    'link set dev joined up',
    ...['tap0', 'tap1'].map((name) => `link set dev ${name} master joined up`),
  ]);
  const { device, tenant } = openTaps();
  await eventually('frames to cross the bridge', () => {
    write(tenant, [withOffload(buildFrame({ udp: {}, payload: numbered(50) }))]);
    return read(device).length > 0;
  });
  drain();
});
afterAll(async () => {
  if (!hasRights) return;
  for (const fd of taps) close(fd);
  await batch('ip', undefined, [`netns delete ${netns}`]);
});

interface TapEnd {
  readonly device: TapDevice;
  readonly region: Region;
  readonly writer: ChunkWriter;
}

function openTaps(): { device: TapEnd; tenant: TapEnd } {
  const open = (fd: number): TapEnd => {
    const region = new Region(mapMemory(REGION_CHUNKS * CHUNK_BYTES));
    const device = new TapDevice(fd, region, new ChunkWriter(region, 0));
    return { device, region, writer: new ChunkWriter(region, 0) };
  };
  return { device: open(taps[0]), tenant: open(taps[1]) };
}

function write({ device, region, writer }: TapEnd, frames: readonly Uint8Array[]): void {
  const list = new PieceList(frames.length);
  for (const frame of frames) {
    const at = writer.room(frame.length);
    region.bytes.u8.set(frame, at);
    writer.commit(frame.length);
    region.retain(at, 1);
    list.push(at, frame.length);
    list.endFrame();
  }
  expect(device.tx(list, 0)).toBe(list.count);
  for (let i = 0; i < list.count; i++) region.release(list.words[i * 2]!);
}

function read({ device, region }: TapEnd): Uint8Array[] {
  const list = new PieceList(64);
  const frames: Uint8Array[] = [];
  while (device.rx(list) > 0) {
    for (let i = 0; i < list.count; i++) {
      const at = list.words[i * 2]!;
      frames.push(region.bytes.u8.slice(at, at + (list.words[i * 2 + 1]! & PIECE_LENGTH_MASK)));
      region.release(at);
    }
    list.clear();
  }
  return frames;
}

function drain(): void {
  const { device, tenant } = openTaps();
  read(device);
  read(tenant);
}

describe('a TAP', () => {
  describe('is a vNIC', () => {
    itIsAVnic(async (): Promise<VnicHarness> => {
      const { device, tenant } = openTaps();
      const received: Uint8Array[] = [];
      return {
        device: device.device,
        region: device.region,
        send: async (frames) => write(tenant, frames),
        received: async (count) => {
          await eventually('frames on the tenant’s side', () => {
            received.push(...read(tenant));
            return received.length >= count;
          });
          return received.splice(0, count);
        },
        close: async () => drain(),
      };
    });
  });

  it('counts frames that the kernel refuses, and writes the others', async () => {
    const { device, tenant } = openTaps();
    const large = buildFrame({ tcp: {}, payload: numbered(3000) });
    const tso = { flags: 1, gsoType: 1, gsoSize: 1000, csumStart: 34, csumOffset: 16 };
    write(device, [
      withOffload(buildFrame({ udp: {}, payload: numbered(100) })),
      withOffload(large, { ...tso, gsoType: 2 }),
      withOffload(large, { ...tso, gsoSize: 0 }),
      withOffload(large, { ...tso, csumStart: 4000 }),
      new Uint8Array(4),
      new Uint8Array(10),
      withOffload(buildFrame({ udp: {}, payload: numbered(101) })),
    ]);
    expect(device.device.refused).toBe(5);
    const received: number[] = [];
    await eventually('the others', () => {
      received.push(...read(tenant).map((frame) => frame.length));
      return received.length >= 2;
    });
    expect(received).toEqual([152, 153]);
  });
});

describe.each(FAMILIES)('UDP sockets over $family', ({ addresses }) => {
  const open = (self: 0 | 1): UnderlayEnd & { device: UdpUnderlay } => {
    const sockets = inNetns(netns, () => openUnderlay(addresses[self], PORT, 49152, CANDIDATES));
    const region = new Region(mapMemory(REGION_CHUNKS * CHUNK_BYTES));
    const clock = () => performance.now() * 1000;
    const peers = [addresses[1 - self]!];
    const device = new UdpUnderlay(sockets, region, new ChunkWriter(region, 0), clock, peers);
    return { device, region, address: addresses[self] };
  };

  describe('are an underlay', () => {
    itIsAnUnderlay(async (): Promise<UnderlayHarness> => {
      const ends = [open(0), open(1)] as const;
      return {
        ends,
        readable: async (end) => {
          const epoll = new Epoll();
          epoll.add((end.device as UdpUnderlay).fd, 0);
          expect(epoll.wait(PATIENCE_MICROS), 'something to read').toBe(1);
          epoll.close();
        },
        close: async () => {
          for (const { device } of ends) device.close();
        },
      };
    });
  });

  it('do without source ports that somebody has, but not without those that slots begin with', () => {
    const take = (port: number) => inNetns(netns, () => openUdp(addresses[0], port, 'receive', 65_536));
    const sockets = () => inNetns(netns, () => openUnderlay(addresses[0], PORT, 49152, CANDIDATES));
    const taken = take(49152 + SLOTS);
    const { receive, send } = sockets();
    expect(send.map((fd) => fd === CLOSED)).toEqual(
      Array.from({ length: CANDIDATES }, (_, candidate) => candidate === SLOTS),
    );
    for (const fd of [taken, receive, ...send.filter((fd) => fd !== CLOSED)]) close(fd);
    const needed = take(49152 + SLOTS - 1);
    expect(sockets).toThrow(/^UDP port 49159 on .* is in use\.$/);
    close(needed);
  });

  it('tells when packets came and over how many hops', () => {
    const [sender, receiver] = [open(0), open(1)];
    const before = performance.now() * 1000;
    const outbox = new Outbox();
    outbox.add(0, 0, 24, CHUNK_BYTES, 100);
    sender.device.tx(outbox);
    const sent = performance.now() * 1000;
    const inbox = new Inbox();
    receiver.device.rx(inbox);
    expect(inbox.count).toBe(1);
    expect(inbox.runs[RUN_HOPS]).toBe(0);
    // The kernel stamped it inside the sender's call, however late it is read; its clock is only good to a microsecond.
    expect(inbox.arrivedMicros[0]).toBeGreaterThanOrEqual(before - 10);
    expect(inbox.arrivedMicros[0]).toBeLessThanOrEqual(sent + 10);
    for (const { device } of [sender, receiver]) device.close();
  });

  it('counts the packets that the kernel does not take, and sends the others', () => {
    const [sender, receiver] = [open(0), open(1)];
    const outbox = new Outbox();
    const payload = CHUNK_BYTES;
    const tooLong = UNDERLAY_MTU;
    for (const length of [tooLong, tooLong, 100]) outbox.add(0, 0, 24, payload, length);
    outbox.add(0, 1, 24, payload, tooLong);
    outbox.add(0, 2, 24, payload, 200);
    sender.device.tx(outbox);
    // The bundle of three and the one behind it.
    expect(sender.device.dropped).toBe(4);
    for (const { device } of [sender, receiver]) device.close();
  });
});
