// What the kernel's program says of a packet and what the function says are the same: random packets over the loopback
// interface, to sockets of one port as an agent of several threads opens them.

import { afterAll, expect, it } from 'vitest';
import { itForSeeds } from '../../test/support/seeds.ts';
import { type Bytes, bytesOf } from '../base/bytes.ts';
import { SelvageError } from '../base/errors.ts';
import { below, chance, type Rng, SeededRng } from '../base/rng.ts';
import { close } from '../linux/libc.ts';
import { mapMemory } from '../linux/memory.ts';
import { yieldCore } from '../linux/scheduling.ts';
import { openUdp } from '../linux/udp.ts';
import { Inbox, RUN_WORDS } from '../packet/inbox.ts';
import { LANE_ALONE, Outbox } from '../packet/outbox.ts';
import { CHUNK_BYTES, Region } from '../packet/region.ts';
import { ChunkWriter } from '../packet/writer.ts';
import { EVERY_THREAD, type SteeredVnic, Steering, steeringProgram } from '../vswitch/steering.ts';
import { writeMac } from '../wire/address.ts';
import { VXLAN_HEADER_BYTES, writeVxlanBifrostHeader, writeVxlanHeader } from '../wire/vxlan.ts';
import { openSiblings, UdpUnderlay } from './udp.ts';

const LOOPBACK = 0x7f00_0001;
const PACKETS = 400;
/** The system may deliver a little later than it says that it has sent. */
const MOST_LOOKS = 1_000_000;

const opened: number[] = [];
afterAll(() => {
  for (const fd of opened) close(fd);
});

/** Threads as the agent's, each with its end of the port. */
function group(rng: Rng, threads: number, vnics: readonly SteeredVnic[]) {
  const program = steeringProgram(threads, vnics);
  for (;;) {
    const port = 20_000 + below(rng, 20_000);
    try {
      const first = openUdp(LOOPBACK, port, 'receive', 1 << 20);
      const fds = [first, ...openSiblings(LOOPBACK, port, first, threads - 1, program)];
      const sender = openUdp(LOOPBACK, port - 10_000, 'send', 1 << 20);
      opened.push(...fds, sender);
      return { port, fds, sender };
    } catch (error) {
      if (SelvageError.from(error).code !== 'in-use') throw error;
    }
  }
}

/** Sends packets and tells which socket each came to. */
class Loop {
  private readonly region = new Region(mapMemory(16 * CHUNK_BYTES));
  private readonly outbox = new Outbox();
  private readonly inbox = new Inbox();
  private readonly ends: readonly UdpUnderlay[];

  constructor(rng: Rng, threads: number, vnics: readonly SteeredVnic[]) {
    const { port, fds, sender } = group(rng, threads, vnics);
    this.ends = fds.map((receive) => {
      const writer = new ChunkWriter(this.region, 0);
      return new UdpUnderlay({ port, receive, send: [sender] }, this.region, writer, () => 0, [LOOPBACK]);
    });
  }

  send(...packets: Bytes[]): void {
    const at = this.region.take();
    let to = at;
    for (const { u8 } of packets) {
      this.region.bytes.u8.set(u8, to);
      this.outbox.add(0, 0, 0, to, u8.length, packets.length === 1 ? LANE_ALONE : 0);
      to += u8.length;
    }
    this.ends[0]!.tx(this.outbox);
    this.outbox.clear();
    this.region.release(at);
  }

  /** Of each thread, how many bytes came in each run; waits for `bytes` in all. */
  received(bytes: number): number[][] {
    const runs: number[][] = this.ends.map(() => []);
    for (let looks = 0; runs.flat().reduce((sum, length) => sum + length, 0) < bytes; looks++) {
      if (looks === MOST_LOOKS) throw new Error(`of ${bytes} bytes came ${runs.flat().join()}`);
      for (const [thread, end] of this.ends.entries()) {
        end.rx(this.inbox);
        for (let run = 0; run < this.inbox.count; run++) {
          this.region.release(this.inbox.runs[run * RUN_WORDS]!);
          runs[thread]!.push(this.inbox.runs[run * RUN_WORDS + 1]!);
        }
        this.inbox.clear();
      }
      yieldCore();
    }
    return runs;
  }

  /** The thread that one packet goes to. */
  threadOf(packet: Bytes): number {
    this.send(packet);
    const received = this.received(packet.u8.length);
    return received.findIndex((lengths) => lengths.length > 0);
  }
}

function randomVnics(rng: Rng, count: number, threads: number): SteeredVnic[] {
  return Array.from({ length: count }, (_, i) => ({
    vni: 1 + below(rng, 3),
    mac: 0x0200_0000_0000 + below(rng, 0x1_0000) * 0x1_0000 + i,
    thread: below(rng, threads),
  }));
}

/** Of every kind, most of them nearly right. */
function randomPacket(rng: Rng, vnics: readonly SteeredVnic[]): Bytes {
  const packet = bytesOf(new Uint8Array(chance(rng, 0.2) ? 1 + below(rng, 40) : 60));
  for (let i = 0; i < packet.u8.length; i++) packet.u8[i] = below(rng, 256);
  if (packet.u8.length < VXLAN_HEADER_BYTES || chance(rng, 0.05)) return packet;
  const vnic = vnics[below(rng, vnics.length)]!;
  const vni = chance(rng, 0.9) ? vnic.vni : below(rng, 1 << 24);
  if (chance(rng, 0.4)) writeVxlanHeader(packet.view, 0, vni);
  else writeVxlanBifrostHeader(packet.view, 0, vni);
  // What both documents leave to the future.
  packet.u8[1] = below(rng, 256);
  if (packet.u8.length < 40) return packet;
  if (chance(rng, 0.5)) writeMac(packet.view, 8, vnic.mac);
  else {
    packet.u8[8] = below(rng, 7);
    packet.u8[16] = below(rng, 10);
    if (chance(rng, 0.8)) writeMac(packet.view, 26, vnic.mac);
  }
  return packet;
}

itForSeeds('the kernel gives each packet to the thread that the function says', 4, (seed) => {
  const rng = new SeededRng(seed);
  const threads = 2 + below(rng, 7);
  const vnics = randomVnics(rng, 1 + below(rng, 300), threads);
  const steering = new Steering(threads, vnics);
  const loop = new Loop(rng, threads, vnics);
  const counts = new Array<number>(threads).fill(0);
  for (let i = 0; i < PACKETS; i++) {
    const packet = randomPacket(rng, vnics);
    const said = steering.threadOf(packet.view, 0, packet.u8.length);
    const thread = loop.threadOf(packet);
    expect(thread, `packet ${i}: ${Buffer.from(packet.u8).toString('hex')}`).toBe(
      said === EVERY_THREAD ? 0 : said,
    );
    counts[thread]!++;
  }
  expect(Math.min(...counts), 'packets of each thread').toBeGreaterThan(0);
});

it('a bundle goes where its first packet goes, in one piece', () => {
  const rng = new SeededRng(1);
  const loop = new Loop(rng, 2, []);
  const packet = (thread: number) => {
    const bytes = bytesOf(new Uint8Array(100));
    writeVxlanBifrostHeader(bytes.view, 0, 1);
    bytes.u8.set([1, 0x10], 8);
    bytes.u8[16] = thread;
    return bytes;
  };
  loop.send(packet(1), packet(1), packet(0));
  expect(loop.received(300)).toEqual([[], [300]]);
  loop.send(packet(0), packet(1));
  expect(loop.received(200)).toEqual([[200], []]);
});

it('a program has room for more vNICs than a host has', () => {
  const rng = new SeededRng(1);
  const vnics = randomVnics(rng, 3000, 8);
  expect(steeringProgram(8, vnics).length / 2).toBeLessThan(2048);
  const loop = new Loop(rng, 8, vnics);
  loop.send(bytesOf(new Uint8Array(40)));
  expect(loop.received(40)[0]).toEqual([40]);
});

it('a port that somebody else has cannot be joined', () => {
  const rng = new SeededRng(2);
  const { port } = group(rng, 2, []);
  expect(() => openUdp(LOOPBACK, port, 'receive', 1 << 16)).toThrow(/is in use/);
});
