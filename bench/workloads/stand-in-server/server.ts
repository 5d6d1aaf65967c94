// Answers GET, SET and PING as Redis does (RESP2), for machines where Redis itself cannot be had.
import { createServer, type Server } from 'node:net';
import { RequestReader } from './requests.ts';

/** It keeps its values as long as it lives. */
export function createStandIn(): Server {
  const values = new Map<string, string>();
  return createServer({ noDelay: true }, (socket) => {
    const requests = new RequestReader();
    socket.on('error', () => socket.destroy());
    socket.on('data', (bytes) => {
      const answers = requests.push(bytes).map((request) => answer(values, request));
      if (answers.length > 0) socket.write(answers.join(''), 'latin1');
    });
  });
}

function answer(
  values: Map<string, string>,
  [command = '', key = '', value = '']: readonly string[],
): string {
  switch (command.toUpperCase()) {
    case 'GET': {
      const found = values.get(key);
      return found === undefined ? '$-1\r\n' : `$${found.length}\r\n${found}\r\n`;
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
