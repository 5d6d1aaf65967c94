// Probe-and-switch as a program of its own, in a host's namespace: `probe-and-switch SPEC`. It answers what the other end
// asks, asks itself through each tunnel every second, and moves the peer's MAC to the tunnel in use.
import { execFile } from 'node:child_process';
import { createSocket } from 'node:dgram';
import type { ProbeAndSwitchSpec } from './spec.ts';
import { Standby } from './standby.ts';

const SECOND_MILLIS = 1000;

const { bridge, mac, tunnels, port }: ProbeAndSwitchSpec = JSON.parse(process.argv[2]!);
const standby = new Standby(tunnels.length);
const answered = tunnels.map(() => true);
let second = 0;

const sockets = tunnels.map(({ local, remote }, tunnel) => {
  const socket = createSocket('udp4');
  socket.on('message', (message, { address, port: from }) => {
    const isAnswer = message[0] === 1;
    if (!isAnswer) socket.send(Buffer.from([1, message[1]!]), from, address);
    else if (message[1] === (second & 0xff)) answered[tunnel] = true;
  });
  socket.on('error', () => {});
  socket.bind(port, local);
  return { socket, remote };
});

function use(tunnel: number): void {
  const argv = ['fdb', 'replace', mac, 'dev', tunnels[tunnel]!.device, 'master', 'static'];
  execFile(bridge, argv, (error) => {
    if (error !== null) process.stderr.write(`${error.message}\n`);
  });
}

setInterval(() => {
  if (standby.second(answered)) use(standby.active);
  second++;
  sockets.forEach(({ socket, remote }, tunnel) => {
    answered[tunnel] = false;
    socket.send(Buffer.from([0, second & 0xff]), port, remote);
  });
}, SECOND_MILLIS);
process.stdout.write('ready\n');
