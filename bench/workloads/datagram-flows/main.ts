// A program that sends many flows of datagrams, or receives them and does something with each that takes its time, by a
// native endpoint or by sockets: `datagram-flows SPEC`. It says how many it has sent or received, again and again.
import { writeSync } from 'node:fs';
import { openEndpointSync } from '../../../src/client/endpoint/index.ts';
import { parseIpv4 } from '../../../src/wire/address.ts';
import { MessageSocket } from '../packet-stream/message-socket.ts';
import {
  BATCH,
  type DatagramSpec,
  IP_UDP_BYTES,
  PORT,
  type ReceiveSpec,
  type SendSpec,
  TELL_MILLIS,
} from './cases.ts';

/** Of each flow before another has its turn. */
const IN_TURN = 16;
const LONGEST_WAIT_MILLIS = 2;
/** Of the time that a slow receiver slept longer than it meant to. */
const MADE_UP_MILLIS = 1;

class Teller {
  fasterSinceMillis: number | undefined;
  private packets = 0;
  private toldAt = 0;

  constructor() {
    this.tell(performance.now());
  }

  count(packets: number): void {
    this.packets += packets;
    const now = performance.now();
    if (now - this.toldAt >= TELL_MILLIS) this.tell(now);
  }

  private tell(now: number): void {
    this.toldAt = now;
    const atMillis = performance.timeOrigin + now;
    const { packets, fasterSinceMillis } = this;
    writeSync(1, `${JSON.stringify({ atMillis, packets, fasterSinceMillis })}\n`);
  }
}

/** How many packets a sender of a fixed rate owes; one that was kept from sending does not catch up for longer than that. */
class Pace {
  private readonly perMilli: number;
  private owed = 0;
  private before = performance.now();

  constructor(packetsPerSecond = Number.POSITIVE_INFINITY) {
    this.perMilli = packetsPerSecond / 1000;
  }

  due(): number {
    if (this.perMilli === Number.POSITIVE_INFINITY) return this.perMilli;
    const now = performance.now();
    this.owed = Math.min(this.owed + (now - this.before) * this.perMilli, this.perMilli * 5 + BATCH);
    this.before = now;
    return Math.floor(this.owed);
  }

  sent(packets: number): void {
    if (this.owed > 0) this.owed -= packets;
  }
}

function sendByEndpoint({ vnic, socket, address, flows, packetBytes, packetsPerSecond }: SendSpec): void {
  const endpoint = openEndpointSync({ vnic: vnic!, socket: socket! });
  const opened = Array.from({ length: flows }, () => endpoint.openFlow({ to: `${address}:${PORT}` }));
  const batch = endpoint.newBatch(IN_TURN);
  for (let i = 0; i < IN_TURN; i++) batch.setPayload(i, new Uint8Array(packetBytes - IP_UDP_BYTES));
  const pace = new Pace(packetsPerSecond);
  const teller = new Teller();
  for (let next = 0; ; ) {
    let due = pace.due();
    let sent = 0;
    for (let left = flows; left > 0 && due > 0; left--) {
      const taken = opened[next]!.send(batch, 0, Math.min(IN_TURN, due));
      next = (next + 1) % flows;
      due -= taken;
      sent += taken;
    }
    pace.sent(sent);
    teller.count(sent);
    if (sent === 0) endpoint.waitSync(LONGEST_WAIT_MILLIS);
  }
}

/** Sockets have no way to say that the receiver is behind: what it does not take is lost. */
function sendBySockets({ address, flows, packetBytes, packetsPerSecond }: SendSpec): void {
  const to = { address: parseIpv4(address)!, port: PORT };
  const opened = Array.from({ length: flows }, () =>
    MessageSocket.udp(0, IN_TURN, packetBytes - IP_UDP_BYTES, to),
  );
  const pace = new Pace(packetsPerSecond);
  const teller = new Teller();
  for (let next = 0; ; next = (next + 1) % flows) {
    if (pace.due() < IN_TURN) continue;
    const sent = opened[next]!.send();
    pace.sent(sent);
    teller.count(sent);
  }
}

/**
 * Needs as long for each packet as is asked, and waits meanwhile as for a disk or another machine: its slowness is nobody
 * else's processor. What it slept too long it makes up for.
 */
class Worker {
  private readonly spec: ReceiveSpec;
  private readonly teller: Teller;
  private readonly never = new Int32Array(new SharedArrayBuffer(4));
  private startedAt = -1;
  private busyUntil = 0;

  constructor(spec: ReceiveSpec, teller: Teller) {
    this.spec = spec;
    this.teller = teller;
  }

  workOn(packets: number): void {
    const { microsPerPacket, twiceAsFastAfterMillis = Number.POSITIVE_INFINITY } = this.spec;
    if (packets === 0 || microsPerPacket === 0) return;
    const now = performance.now();
    if (this.startedAt < 0) this.startedAt = now;
    const isFaster = now - this.startedAt >= twiceAsFastAfterMillis;
    if (isFaster) this.teller.fasterSinceMillis ??= performance.timeOrigin + now;
    const millis = (packets * microsPerPacket) / (isFaster ? 2000 : 1000);
    this.busyUntil = Math.max(this.busyUntil, now - MADE_UP_MILLIS) + millis;
    if (this.busyUntil > now) Atomics.wait(this.never, 0, 0, this.busyUntil - now);
  }
}

function receiveByEndpoint(spec: ReceiveSpec): void {
  const endpoint = openEndpointSync({ vnic: spec.vnic!, socket: spec.socket! });
  const batch = endpoint.newBatch(spec.batch ?? BATCH);
  const teller = new Teller();
  const worker = new Worker(spec, teller);
  for (;;) {
    const count = endpoint.receive(batch);
    worker.workOn(count);
    teller.count(count);
    if (count === 0) endpoint.waitSync(LONGEST_WAIT_MILLIS);
  }
}

function receiveBySocket(spec: ReceiveSpec): void {
  const opened = MessageSocket.udp(PORT, spec.batch ?? BATCH, spec.packetBytes - IP_UDP_BYTES);
  const teller = new Teller();
  const worker = new Worker(spec, teller);
  for (;;) {
    const count = opened.receive();
    worker.workOn(count);
    teller.count(count);
  }
}

function main(spec: DatagramSpec): void {
  const isEndpoint = spec.vnic !== undefined;
  if (spec.role === 'send') (isEndpoint ? sendByEndpoint : sendBySockets)(spec);
  else (isEndpoint ? receiveByEndpoint : receiveBySocket)(spec);
}

main(JSON.parse(process.argv[2]!));
