// One way between two processes (or threads), measured: `ipc-peer PEER WARM_UP_MILLIS MILLIS` prints a line of JSON;
// `ipc-peer echo …` is the other end of a stream.
import { isMainThread } from 'node:worker_threads';
import { tcpPair, unixPair } from '../../../src/linux/stream-pair.ts';
import { type IpcPeerName, type PeerFigures, PING_PONG_BYTES, STREAM_BYTES, windowOf } from './cases.ts';
import { type Duration, pingPong, stream } from './drive.ts';
import type { Link, Patience } from './link.ts';
import { echoMessages, MessagePortLink } from './message-port-link.ts';
import { SharedMemoryLink } from './shared-memory-link.ts';
import { echoStream, StreamLink, type Writes } from './stream-link.ts';

/** A whole window with what the kernel adds to each write: it counts some 800 bytes for one of 16. */
const SOCKET_BYTES = 2 << 20;

/** `patience`: with one write a record a stream carries more when its ends sleep at once and then find more to read. */
type OpenLink = (recordBytes: number, window: number, patience: Patience) => Link | Promise<Link>;

const LINKS: Readonly<Record<IpcPeerName, OpenLink>> = {
  selvage: (recordBytes, window) => SharedMemoryLink.start(recordBytes, window),
  unixSocket: (bytes, _, patience) => new StreamLink(unixPair(SOCKET_BYTES), bytes, 'one a record', patience),
  unixSocketBatched: (bytes) => new StreamLink(unixPair(SOCKET_BYTES), bytes, 'batched', 'looks'),
  tcpLoopback: (bytes, _, patience) => new StreamLink(tcpPair(), bytes, 'one a record', patience),
  messagePort: (recordBytes) => new MessagePortLink(recordBytes),
};

async function measure(open: OpenLink, duration: Duration): Promise<PeerFigures> {
  const pinged = await open(PING_PONG_BYTES, windowOf(PING_PONG_BYTES), 'looks');
  const pingPongFigures = await pingPong(pinged, duration);
  await pinged.close();
  const streams: Record<string, number> = {};
  for (const recordBytes of STREAM_BYTES) {
    const window = windowOf(recordBytes);
    const link = await open(recordBytes, window, 'sleeps');
    streams[recordBytes] = await stream(link, window, duration);
    await link.close();
  }
  return { pingPong: pingPongFigures, recordsPerSecond: streams };
}

const [, , first, second, third, fourth] = process.argv;
if (!isMainThread) echoMessages();
else if (first === 'echo') echoStream(Number(second), third as Writes, fourth as Patience);
else {
  const duration = { warmUpMillis: Number(second), millis: Number(third) };
  const figures = await measure(LINKS[first as IpcPeerName], duration);
  process.stdout.write(`${JSON.stringify(figures)}\n`);
}
