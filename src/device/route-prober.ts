// Sends probes for routes from the underlay's own sockets, so that the fabric hashes them as it would data, and reads
// what routers answer. The TTL goes with each datagram as ancillary data, so nothing else on the socket is changed. It
// may run on another thread than the underlay.

import { sendmmsg } from '../linux/libc.ts';
import { highWord, lowWord, mapMemory } from '../linux/memory.ts';
import { hopLimitMessage, writeSockaddr } from '../linux/udp.ts';
import type { RouteProbe } from '../paths/routes.ts';
import { formatHostAddress, type HostAddress } from '../wire/address.ts';
import { type ReturnedProbe, writeRouteProbe } from '../wire/route-probe.ts';
import { TimeExceeded } from './time-exceeded.ts';
import { CLOSED, type UnderlaySockets } from './udp.ts';

/** Where in the memory things lie: mmsghdr, iovec, control message, address, payload. */
const SEND = 0;
const SEND_IOV = 64;
const SEND_CONTROL = 80;
const SEND_NAME = 128;
const PAYLOAD = 192;

export interface ProberEnds {
  readonly address: HostAddress;
  /** The first source port; the others follow. */
  readonly sourcePort: number;
  /** VTEPs of the peers, by number. */
  readonly peers: readonly HostAddress[];
}

export class RouteProber {
  private readonly sockets: UnderlaySockets;
  private readonly ends: ProberEnds;
  private readonly own: string;
  private readonly peerOf: ReadonlyMap<string, number>;
  private readonly memory = mapMemory(4096);
  private readonly family: 4 | 6;
  private readonly answers: TimeExceeded;

  /** Throws SelvageError without the right to hear ICMP. `onAnswer` is told of each answer and who gave it. */
  constructor(
    sockets: UnderlaySockets,
    ends: ProberEnds,
    onAnswer: (probe: RouteProbe, router: string) => void,
  ) {
    this.sockets = sockets;
    this.ends = ends;
    this.own = formatHostAddress(ends.address);
    this.peerOf = new Map(ends.peers.map((vtep, peer) => [formatHostAddress(vtep), peer]));
    this.family = typeof ends.address === 'number' ? 4 : 6;
    this.prepare();
    this.answers = new TimeExceeded(this.family, (returned, router) => {
      const probe = this.ours(returned);
      if (probe !== undefined) onAnswer(probe, formatHostAddress(router));
    });
  }

  /** Numbers of the source ports that there are sockets for. */
  get candidates(): number[] {
    return this.sockets.send.flatMap((fd, candidate) => (fd === CLOSED ? [] : candidate));
  }

  /** A probe that cannot be sent is lost, as it may be on its way. */
  send({ peer, candidate, ttl }: RouteProbe): void {
    const { bytes, u32, address } = this.memory;
    u32[SEND / 4 + 2] = writeSockaddr(bytes.view, SEND_NAME, this.ends.peers[peer]!, this.sockets.port);
    u32[SEND / 4 + 10] = hopLimitMessage(u32, SEND_CONTROL / 4, this.family, ttl);
    u32[SEND_IOV / 4 + 2] = writeRouteProbe(bytes.view, PAYLOAD, ttl);
    sendmmsg(this.sockets.send[candidate]!, address + SEND, 1, 0);
  }

  close(): void {
    this.answers.close();
  }

  /** Undefined for one of somebody else's. */
  private ours(probe: ReturnedProbe): RouteProbe | undefined {
    if (probe.destinationPort !== this.sockets.port) return undefined;
    const peer = this.peerOf.get(formatHostAddress(probe.destination));
    if (peer === undefined || formatHostAddress(probe.source) !== this.own) return undefined;
    return { peer, candidate: probe.sourcePort - this.ends.sourcePort, ttl: probe.ttl };
  }

  /** Points the message at its parts. */
  private prepare(): void {
    const { u32, address } = this.memory;
    const point = (at: number, to: number) => {
      u32[at / 4] = lowWord(address + to);
      u32[at / 4 + 1] = highWord(address + to);
    };
    point(SEND, SEND_NAME);
    point(SEND + 16, SEND_IOV);
    u32[SEND / 4 + 6] = 1;
    point(SEND + 32, SEND_CONTROL);
    point(SEND_IOV, PAYLOAD);
  }
}
