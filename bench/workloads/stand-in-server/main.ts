// Answers GET, SET and PING as Redis does (RESP2), for machines where Redis itself cannot be had: `stand-in-server PORT`.
import { createServer, type Socket } from 'node:net';
import { RequestReader } from './requests.ts';

const values = new Map<string, string>();

function answer([command = '', key = '', value = '']: readonly string[]): string {
  switch (command.toUpperCase()) {
    case 'GET': {
      const found = values.get(key);
      return found === undefined ? '$-1\r\n' : `$${Buffer.byteLength(found)}\r\n${found}\r\n`;
    }
    case 'SET':
      values.set(key, value);
      return '+OK\r\n';
    case 'PING':
      return '+PONG\r\n';
    default:
      return `-ERR unknown command '${command}'\r\n`;
  }
}

function serve(socket: Socket): void {
  const requests = new RequestReader();
  socket.setNoDelay(true);
  socket.on('error', () => socket.destroy());
  socket.on('data', (bytes) => {
    const answers = requests.push(bytes).map(answer).join('');
    if (answers !== '') socket.write(answers);
  });
}

createServer(serve).listen(Number(process.argv[2]), '0.0.0.0', () =>
  console.log('Ready to accept connections'),
);
