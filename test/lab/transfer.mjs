// One TCP connection with a digest at each end: `receive PORT` takes one, `send HOST PORT` fills it with random bytes
// until its own input ends. Both print what they have got through, and `done BYTES SHA256` at the end. Plain JavaScript,
// since it is run by Node itself.
import { createHash, randomBytes } from 'node:crypto';
import { connect, createServer } from 'node:net';

const CHUNK_BYTES = 64 * 1024;
const REPORT_BYTES = 256 * 1024;

const hash = createHash('sha256');
let bytes = 0;
let reported = 0;

function take(chunk) {
  hash.update(chunk);
  bytes += chunk.length;
  if (bytes - reported < REPORT_BYTES) return;
  reported = bytes;
  console.log(`at ${bytes}`);
}

function finish() {
  console.log(`done ${bytes} ${hash.digest('hex')}`);
}

const [role, ...args] = process.argv.slice(2);
if (role === 'receive') {
  const server = createServer((connection) => {
    server.close();
    connection.on('data', take).on('end', finish);
  });
  server.listen(Number(args[0]), () => console.log('ready'));
} else {
  const [host, port] = args;
  const connection = connect(Number(port), host);
  let more = true;
  process.stdin.resume().on('end', () => {
    more = false;
  });
  // A pause between chunks: it is to last, not to be fast.
  const next = () => {
    if (!more) {
      connection.end();
      finish();
      return;
    }
    const chunk = randomBytes(CHUNK_BYTES);
    take(chunk);
    connection.write(chunk, () => setTimeout(next, 2));
  };
  connection.on('connect', next);
}
