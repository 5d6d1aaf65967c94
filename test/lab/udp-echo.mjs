// Sends every datagram back where it came from: `udp-echo.mjs PORT`. Prints a line when it listens.
import { createSocket } from 'node:dgram';

const socket = createSocket('udp4');
socket.on('message', (message, { port, address }) => socket.send(message, port, address));
socket.bind(Number(process.argv[2]), () => console.log('ready'));
