// The underlay over UDP sockets: one system call for a bundle on one path (UDP_SEGMENT), headers and payloads
// gathered from where they lie; what arrives is coalesced by the kernel (UDP_GRO) and read into chunks.

import { SelvageError } from '../base/errors.ts';
import { close, EAGAIN, EINTR, errno, recvmsg, sendmmsg } from '../linux/libc.ts';
import { highWord, lowWord, type MappedMemory, mapMemory } from '../linux/memory.ts';
import { RealTime } from '../linux/real-time.ts';
import {
  openUdp,
  ReceivedWith,
  readSource,
  SOCKADDR_BYTES,
  SOL_UDP,
  shareUdpPort,
  steerUdpPort,
  UDP_SEGMENT,
  writeSockaddr,
} from '../linux/udp.ts';
import type { UnderlayDevice } from '../packet/device.ts';
import type { Inbox } from '../packet/inbox.ts';
import { BUNDLE_WORDS, BY_PORT, OUTBOX_PACKETS, type Outbox, PACKET_WORDS } from '../packet/outbox.ts';
import type { Region } from '../packet/region.ts';
import type { ChunkWriter } from '../packet/writer.ts';
import { SLOTS } from '../paths/path-table.ts';
import type { HostAddress } from '../wire/address.ts';

const MESSAGES = 64;
const MMSGHDR_WORDS = 16;
const CONTROL_BYTES = 32;
/** Two a packet, for as many packets as an outbox holds. */
const IOV_ENTRIES = OUTBOX_PACKETS * 2;
const MAX_DATAGRAM_BYTES = 65_536;
const RECEIVE_BUFFER_BYTES = 16 << 20;
const SEND_BUFFER_BYTES = 4 << 20;
const CMSG_LENGTH_U16 = 18;
const CMSG_SPACE_U16 = 24;

export interface UnderlaySockets {
  /** Destination port of the overlay, on every host. */
  readonly port: number;
  readonly receive: number;
  /** One a source port, in their order; CLOSED where the port was taken, which is none of a slot's own. */
  readonly send: readonly number[];
}

/** Stands for the socket of a source port that somebody else has. */
export const CLOSED = -1;

/**
 * Opens the sockets of a host; `address` is its VTEP's, and `sourcePort` the first of `candidates` ports.
 * The first eight are needed, of the others those that are free are taken.
 */
export function openUnderlay(
  address: HostAddress,
  port: number,
  sourcePort: number,
  candidates: number,
): UnderlaySockets {
  const opened: number[] = [];
  const open = (number: number, role: 'receive' | 'send', bufferBytes: number) => {
    opened.push(openUdp(address, number, role, bufferBytes));
    return opened.at(-1)!;
  };
  try {
    const receive = open(port, 'receive', RECEIVE_BUFFER_BYTES);
    const send = Array.from({ length: candidates }, (_, candidate) => {
      try {
        return open(sourcePort + candidate, 'send', SEND_BUFFER_BYTES);
      } catch (error) {
        if (candidate < SLOTS || SelvageError.from(error).code !== 'in-use') throw error;
        return CLOSED;
      }
    });
    return { port, receive, send };
  } catch (error) {
    for (const fd of opened) close(fd);
    throw error;
  }
}

/**
 * Opens the sockets with which `count` more threads receive beside `first`, on the same port; the kernel gives each
 * packet to the thread that `program` says (BIFROST §5.2). Senders' sockets serve all threads: a slot is one source port.
 */
export function openSiblings(
  address: HostAddress,
  port: number,
  first: number,
  count: number,
  program: Uint32Array,
): number[] {
  const opened: number[] = [];
  try {
    shareUdpPort(first);
    while (opened.length < count) opened.push(openUdp(address, port, 'receive', RECEIVE_BUFFER_BYTES, true));
    steerUdpPort(first, program);
    return opened;
  } catch (error) {
    for (const fd of opened) close(fd);
    throw error;
  }
}

export class UdpUnderlay implements UnderlayDevice {
  readonly fd: number;
  dropped = 0;
  /** Bundles lost because a send buffer was full. */
  busy = 0;
  private readonly region: Region;
  private readonly writer: ChunkWriter;
  private readonly clock: () => number;
  private readonly sockets: readonly number[];
  /** The socket that each slot to each peer uses. */
  private readonly slotSockets: Int32Array;
  private readonly messages = mapMemory(MESSAGES * MMSGHDR_WORDS * 4);
  private readonly control = mapMemory(MESSAGES * CONTROL_BYTES);
  private readonly iov = mapMemory(IOV_ENTRIES * 16);
  /** A socket address for each. */
  private readonly peers: MappedMemory;
  /** The length of each: all are of one family. */
  private addressBytes = 0;
  private readonly receive = mapMemory(512);
  private readonly receivedWith = new ReceivedWith();
  private readonly realTime = new RealTime();

  /** `peers` are the VTEPs that bundles for peer 0, 1, … go to. */
  constructor(
    sockets: UnderlaySockets,
    region: Region,
    writer: ChunkWriter,
    clock: () => number,
    peers: readonly HostAddress[],
  ) {
    this.region = region;
    this.writer = writer;
    this.clock = clock;
    this.fd = sockets.receive;
    this.sockets = sockets.send;
    this.peers = mapMemory(Math.max(1, peers.length) * SOCKADDR_BYTES);
    this.slotSockets = Int32Array.from(
      { length: peers.length * SLOTS },
      (_, at) => sockets.send[at % SLOTS]!,
    );
    for (const [peer, address] of peers.entries()) {
      const at = peer * SOCKADDR_BYTES;
      this.addressBytes = writeSockaddr(this.peers.bytes.view, at, address, sockets.port);
    }
    this.prepareMessages();
    this.prepareReceive();
  }

  rx(inbox: Inbox): boolean {
    const { region, writer, receive, receivedWith } = this;
    const { u32 } = receive;
    const { view } = receive.bytes;
    const base = lowWord(region.address);
    const now = this.clock();
    // Stamps are of another clock, which may be set back or forth: what counts is how long ago they are.
    const realNow = this.realTime.micros();
    while (inbox.count < inbox.capacity) {
      const offset = writer.room(MAX_DATAGRAM_BYTES);
      if (offset === 0) return false;
      u32[RECEIVE_IOV] = base + offset;
      u32[RECEIVE_MSG + 2] = SOCKADDR_BYTES;
      u32[RECEIVE_MSG + 10] = RECEIVE_CONTROL_BYTES;
      const length = recvmsg(this.fd, receive.address, 0);
      if (length < 0) {
        const code = errno();
        if (code === EINTR) continue;
        return true;
      }
      if (length === 0) continue;
      writer.commit(length);
      region.retain(offset, 1);
      receivedWith.read(u32, RECEIVE_CONTROL, u32[RECEIVE_MSG + 10]!);
      const { segmentBytes, hops, stampMicros } = receivedWith;
      const age = stampMicros === 0 ? 0 : Math.min(MAX_AGE_MICROS, Math.max(0, realNow - stampMicros));
      // Without a size of its segments the datagram came alone.
      inbox.push(offset, length, segmentBytes === 0 ? length : segmentBytes, hops, now - age);
      readSource(view, RECEIVE_NAME_BYTES, inbox);
    }
    return false;
  }

  tx(outbox: Outbox): void {
    const { bundles } = outbox;
    let first = 0;
    while (first < outbox.bundleCount) {
      const socket = this.socketOf(bundles, first);
      let end = first + 1;
      while (end < outbox.bundleCount && end - first < MESSAGES && this.socketOf(bundles, end) === socket)
        end++;
      this.sendRun(outbox, socket, first, end);
      first = end;
    }
  }

  bindSlot(peer: number, slot: number, candidate: number): void {
    this.slotSockets[peer * SLOTS + slot] = this.sockets[candidate]!;
  }

  hasPort(candidate: number): boolean {
    return (this.sockets[candidate] ?? CLOSED) !== CLOSED;
  }

  close(): void {
    close(this.fd);
    for (const fd of this.sockets) if (fd !== CLOSED) close(fd);
  }

  private socketOf(bundles: Uint32Array, bundle: number): number {
    const at = bundle * BUNDLE_WORDS;
    const slot = bundles[at + 1]!;
    return slot < BY_PORT ? this.slotSockets[bundles[at]! * SLOTS + slot]! : this.sockets[slot - BY_PORT]!;
  }

  /** Sends bundles `first` to `end`, all through one socket, by one sendmmsg unless the system takes only a part. */
  private sendRun(outbox: Outbox, fd: number, first: number, end: number): void {
    const { bundles } = outbox;
    const { u32 } = this.messages;
    const peerBase = lowWord(this.peers.address);
    const iovBase = lowWord(this.iov.address);
    let entry = 0;
    for (let bundle = first; bundle < end; bundle++) {
      const at = bundle * BUNDLE_WORDS;
      const packets = bundles[at + 3]!;
      const message = (bundle - first) * MMSGHDR_WORDS;
      u32[message] = peerBase + bundles[at]! * SOCKADDR_BYTES;
      u32[message + 4] = iovBase + entry * 16;
      const entries = this.gather(outbox, bundles[at + 2]!, packets, entry);
      u32[message + 6] = entries;
      entry += entries;
      if (packets > 1) {
        this.control.u32[(bundle - first) * (CONTROL_BYTES / 4) + 4] = bundles[at + 4]!;
        u32[message + 10] = CMSG_SPACE_U16;
      } else {
        u32[message + 10] = 0;
      }
    }
    let sent = 0;
    const total = end - first;
    while (sent < total) {
      const taken = sendmmsg(fd, this.messages.address + sent * MMSGHDR_WORDS * 4, total - sent, 0);
      if (taken > 0) {
        sent += taken;
      } else if (errno() !== EINTR) {
        // Full buffer, no route, message too long: this bundle is lost, and the transport will notice.
        this.dropped += bundles[(first + sent) * BUNDLE_WORDS + 3]!;
        if (errno() === EAGAIN) this.busy++;
        sent++;
      }
    }
  }

  private gather(outbox: Outbox, first: number, packets: number, entry: number): number {
    const words = outbox.packets;
    const { u32 } = this.iov;
    const base = lowWord(this.region.address);
    const high = highWord(this.region.address);
    let at = first * PACKET_WORDS;
    let to = entry * 4;
    for (let i = 0; i < packets; i++) {
      u32[to] = base + words[at]!;
      u32[to + 1] = high;
      u32[to + 2] = words[at + 1]!;
      to += 4;
      if (words[at + 3] !== 0) {
        u32[to] = base + words[at + 2]!;
        u32[to + 1] = high;
        u32[to + 2] = words[at + 3]!;
        to += 4;
      }
      at += PACKET_WORDS;
    }
    return (to - entry * 4) / 4;
  }

  private prepareMessages(): void {
    const { u32 } = this.messages;
    for (let i = 0; i < MESSAGES; i++) {
      const message = i * MMSGHDR_WORDS;
      u32[message + 1] = highWord(this.peers.address);
      u32[message + 2] = this.addressBytes;
      u32[message + 5] = highWord(this.iov.address);
      u32[message + 8] = lowWord(this.control.address) + i * CONTROL_BYTES;
      u32[message + 9] = highWord(this.control.address);
      const header = i * (CONTROL_BYTES / 4);
      this.control.u32[header] = CMSG_LENGTH_U16;
      this.control.u32[header + 2] = SOL_UDP;
      this.control.u32[header + 3] = UDP_SEGMENT;
    }
  }

  /** One msghdr with its name, one iovec and room for a control message, each at its place in `receive`. */
  private prepareReceive(): void {
    const { u32, address } = this.receive;
    u32[RECEIVE_MSG] = lowWord(address) + RECEIVE_NAME_BYTES;
    u32[RECEIVE_MSG + 1] = highWord(address);
    u32[RECEIVE_MSG + 4] = lowWord(address) + RECEIVE_IOV * 4;
    u32[RECEIVE_MSG + 5] = highWord(address);
    u32[RECEIVE_MSG + 6] = 1;
    u32[RECEIVE_MSG + 8] = lowWord(address) + RECEIVE_CONTROL * 4;
    u32[RECEIVE_MSG + 9] = highWord(address);
    u32[RECEIVE_IOV + 1] = highWord(this.region.address);
    u32[RECEIVE_IOV + 2] = MAX_DATAGRAM_BYTES;
  }
}

const RECEIVE_MSG = 0;
const RECEIVE_NAME_BYTES = 64;
const RECEIVE_IOV = 24;
const RECEIVE_CONTROL = 32;
const RECEIVE_CONTROL_BYTES = 128;
/** Older than this is a clock that was set. */
const MAX_AGE_MICROS = 1_000_000;
