// A stream of numbered datagrams from one tenant to another, as programs of their own: `packet-probe send HOST PORT BURST`
// sends so many each millisecond to `packet-probe receive PORT`. Told `phase` on standard input, the receiver says in a
// line of JSON what came since the last time.
import { createSocket } from 'node:dgram';
import { createInterface } from 'node:readline';
import { ProbeTally } from './tally.ts';

const INTERVAL_MILLIS = 1;
const PACKET_BYTES = 200;
const SOCKET_BYTES = 4 << 20;

const nowMicros = () => Number(process.hrtime.bigint()) / 1000;

function send(host: string, port: number, burst: number): void {
  const socket = createSocket('udp4');
  let next = 0;
  socket.connect(port, host, () => {
    process.stdout.write('ready\n');
    const timer = setInterval(() => {
      for (let i = 0; i < burst; i++) {
        const packet = Buffer.alloc(PACKET_BYTES);
        packet.writeUInt32BE(next++, 0);
        packet.writeDoubleBE(nowMicros(), 8);
        socket.send(packet);
      }
    }, INTERVAL_MILLIS);
    process.stdin.resume().on('end', () => {
      clearInterval(timer);
      socket.close();
    });
  });
}

function receive(port: number): void {
  const socket = createSocket({ type: 'udp4', recvBufferSize: SOCKET_BYTES });
  const tally = new ProbeTally(INTERVAL_MILLIS * 1000);
  socket.on('message', (packet) => tally.take(packet.readUInt32BE(0), packet.readDoubleBE(8), nowMicros()));
  socket.bind(port, () => process.stdout.write('ready\n'));
  const lines = createInterface({ input: process.stdin });
  lines.on('line', () => process.stdout.write(`${JSON.stringify(tally.endPhase())}\n`));
  lines.on('close', () => socket.close());
}

const [role, ...words] = process.argv.slice(2);
if (role === 'receive') receive(Number(words[0]));
else send(words[0]!, Number(words[1]), Number(words[2]));
