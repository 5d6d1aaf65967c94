// Packets one way: `packet-stream send SPEC` as fast as they are taken, `packet-stream receive SPEC` prints a line of JSON:
// how many came a second, and the processor time of the machine for each. Both ends touch every packet.
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { openEndpointSync } from '../../../src/client/endpoint/index.ts';
import { parseIpv4, parseMac, writeMac } from '../../../src/wire/address.ts';
import { machineBusySeconds } from '../cpu-time.ts';
import { BATCH, ETHERNET_BYTES, IP_UDP_BYTES, PORT, type StreamFigures, type StreamSpec } from './cases.ts';
import { MessageSocket } from './message-socket.ts';

/** Counts packets: from the end of the warm-up on, for as long as it is asked. */
class Tally {
  figures: StreamFigures | undefined;
  /** Of packets' first words: so that they are read. */
  check = 0;
  private readonly spec: StreamSpec;
  private packets = 0;
  private startedAt = -1;
  private busyBefore = 0;
  private firstAt = -1;

  constructor(spec: StreamSpec) {
    this.spec = spec;
  }

  count(packets: number): void {
    this.packets += packets;
    const now = performance.now();
    if (this.firstAt < 0) this.firstAt = now;
    if (this.startedAt < 0) {
      if (now - this.firstAt < this.spec.warmUpMillis) return;
      this.startedAt = now;
      this.packets = 0;
      this.busyBefore = machineBusySeconds();
    } else if (now - this.startedAt >= this.spec.millis) {
      const busy = machineBusySeconds() - this.busyBefore;
      this.figures = {
        packetsPerSecond: (this.packets / (now - this.startedAt)) * 1000,
        cpuNanosPerPacket: (busy * 1e9) / this.packets,
      };
    }
  }
}

function say(figures: StreamFigures): void {
  process.stdout.write(`${JSON.stringify(figures)}\n`, () => process.exit(0));
}

function sendByEndpoint({ vnic, socket, address, packetBytes }: StreamSpec): void {
  const endpoint = openEndpointSync({ vnic: vnic!, socket: socket! });
  const flow = endpoint.openFlow({ to: `${address}:${PORT}` });
  const batch = endpoint.newBatch(BATCH);
  for (let i = 0; i < BATCH; i++) batch.setPayload(i, new Uint8Array(packetBytes - IP_UDP_BYTES));
  for (let first = 0; ; ) {
    for (let i = first; i < BATCH; i++) batch.bytes[batch.payloadAt[i]!] = i;
    first += flow.send(batch, first, BATCH - first);
    if (first === BATCH) first = 0;
    else endpoint.waitSync();
  }
}

function receiveByEndpoint(spec: StreamSpec): void {
  const endpoint = openEndpointSync({ vnic: spec.vnic!, socket: spec.socket! });
  const batch = endpoint.newBatch(BATCH);
  const tally = new Tally(spec);
  ready();
  while (tally.figures === undefined) {
    const count = endpoint.receive(batch);
    for (let i = 0; i < count; i++) tally.check += batch.bytes[batch.payloadAt[i]!]!;
    if (count === 0) endpoint.waitSync();
    else tally.count(count);
  }
  say(tally.figures);
}

function sendBySocket(opened: MessageSocket, payloadAt: number): void {
  for (;;) {
    for (let i = 0; i < BATCH; i++) opened.bytes[opened.packetAt(i) + payloadAt] = i;
    opened.send();
  }
}

function receiveBySocket(spec: StreamSpec, opened: MessageSocket, payloadAt: number): void {
  const tally = new Tally(spec);
  ready();
  while (tally.figures === undefined) {
    const count = opened.receive();
    for (let i = 0; i < count; i++) tally.check += opened.bytes[opened.packetAt(i) + payloadAt]!;
    if (count > 0) tally.count(count);
  }
  say(tally.figures);
}

function frameSocket({ device, mac, packetBytes }: StreamSpec): MessageSocket {
  const opened = MessageSocket.frames(device!, BATCH, ETHERNET_BYTES + packetBytes);
  for (let i = 0; i < BATCH; i++) {
    writeMac(opened.view, opened.packetAt(i), parseMac(mac!)!);
    opened.view.setUint16(opened.packetAt(i) + 12, 0x88b5);
  }
  return opened;
}

function udpSocket({ packetBytes, address }: StreamSpec): MessageSocket {
  const to = address === undefined ? undefined : { address: parseIpv4(address)!, port: PORT };
  return MessageSocket.udp(to === undefined ? PORT : 0, BATCH, packetBytes - IP_UDP_BYTES, to);
}

/** Messages that a worker may have sent and not heard of: without a bound they would fill memory. */
const MESSAGES_AHEAD = 4096;

function receiveMessages(spec: StreamSpec): void {
  const worker = new Worker(process.argv[1]!, { workerData: spec });
  const tally = new Tally(spec);
  let since = 0;
  worker.on('message', (packet: Uint8Array) => {
    tally.check += packet[0]!;
    tally.count(1);
    if (++since === MESSAGES_AHEAD / 2) {
      since = 0;
      worker.postMessage(MESSAGES_AHEAD / 2);
    }
    if (tally.figures !== undefined) say(tally.figures);
  });
}

function sendMessages({ packetBytes }: StreamSpec): void {
  const send = (packets: number) => {
    for (let i = 0; i < packets; i++) parentPort!.postMessage(new Uint8Array(packetBytes).fill(i, 0, 1));
  };
  parentPort!.on('message', send);
  send(MESSAGES_AHEAD);
}

function ready(): void {
  process.stdout.write('ready\n');
}

function main(role: string, spec: StreamSpec): void {
  const isSender = role === 'send';
  switch (spec.name) {
    case 'selvage':
      if (isSender) sendByEndpoint(spec);
      else receiveByEndpoint(spec);
      break;
    case 'udpSockets':
      if (isSender) sendBySocket(udpSocket(spec), 0);
      else receiveBySocket(spec, udpSocket(spec), 0);
      break;
    case 'afPacket':
      if (isSender) sendBySocket(frameSocket(spec), ETHERNET_BYTES);
      else receiveBySocket(spec, frameSocket(spec), ETHERNET_BYTES);
      break;
    case 'messagePort':
      receiveMessages(spec);
  }
}

if (isMainThread) main(process.argv[2]!, JSON.parse(process.argv[3]!));
else sendMessages(workerData as StreamSpec);
