// The client of the thesis' traffic: takes flows on any number of connections and answers each when it is whole.
import { createServer, type Socket } from 'node:net';
import { HEADER_BYTES } from './protocol.ts';

const ANSWER = Buffer.from([1]);

export function receiveFlows(port: number, listening: () => void): void {
  createServer({ noDelay: true }, takeFlows).listen(port, listening);
}

function takeFlows(socket: Socket): void {
  let header = Buffer.alloc(0);
  let left = 0;
  socket.on('error', () => socket.destroy());
  socket.on('data', (data: Buffer) => {
    let rest = data;
    while (rest.length > 0) {
      if (left === 0) {
        const part = rest.subarray(0, HEADER_BYTES - header.length);
        header = Buffer.concat([header, part]);
        rest = rest.subarray(part.length);
        if (header.length < HEADER_BYTES) return;
        left = header.readUInt32LE(0) + header.readUInt32LE(4) * 2 ** 32;
        header = Buffer.alloc(0);
      }
      const taken = Math.min(left, rest.length);
      left -= taken;
      rest = rest.subarray(taken);
      if (left === 0) socket.write(ANSWER);
    }
  });
}
