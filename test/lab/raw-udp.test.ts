// The raw sender against an ordinary socket: source ports, lengths and checksums as the kernel checks them, both families.
import { createSocket, type RemoteInfo } from 'node:dgram';
import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { SelvageError } from '../../src/base/errors.ts';
import { MOST_PAYLOAD_BYTES, RawUdpSender } from '../../src/linux/raw-udp.ts';
import { parseHost } from '../../src/reroute/overlay-device.ts';
import { hasRights, needRights } from './rights.ts';

needRights();

describe.each([
  ['udp4', '127.0.0.1'],
  ['udp6', '::1'],
] as const)('over %s', (type, text) => {
  const address = parseHost(text)!;

  it('datagrams arrive whole, in order, from the ports that they say', async () => {
    const socket = createSocket(type);
    const got: { payload: string; port: number }[] = [];
    socket.on('message', (message: Buffer, { port }: RemoteInfo) => {
      got.push({ payload: message.toString('latin1'), port });
    });
    socket.bind(0, text);
    await once(socket, 'listening');
    const { port } = socket.address();
    const sender = new RawUdpSender(address);
    const sent: typeof got = [];
    // More than leave at once, of every length up to the most, odd ones among them.
    for (let length = 0; length <= MOST_PAYLOAD_BYTES; length += 3) {
      const payload = String.fromCharCode(...Array.from({ length }, (_, i) => (i * 7 + length) & 255));
      sender.bytes.u8.set(Buffer.from(payload, 'latin1'), sender.payloadAt);
      const sourcePort = 20_000 + length;
      sender.queue({ destination: address, sourcePort, destinationPort: port, hops: 9 }, length);
      sent.push({ payload, port: sourcePort });
    }
    sender.flush();
    while (got.length < sent.length) await once(socket, 'message');
    expect(got).toEqual(sent);
    expect(sender.refused).toBe(0);
    sender.close();
    socket.close();
  });
});

it('what the system refuses is counted, and the rest leaves', async () => {
  const socket = createSocket('udp4');
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const destinationPort = socket.address().port;
  const sender = new RawUdpSender(parseHost('127.0.0.1')!);
  const to = (text: string, sourcePort: number) =>
    sender.queue({ destination: parseHost(text)!, sourcePort, destinationPort, hops: 1 }, 0);
  // Nobody has such an address.
  to('240.0.0.1', 1);
  to('127.0.0.1', 2);
  const arrived = once(socket, 'message');
  sender.flush();
  expect((await arrived)[1].port).toBe(2);
  expect(sender.refused).toBe(1);
  sender.close();
  socket.close();
});

it('says whose address a source is not', () => {
  if (!hasRights) return;
  expect(() => new RawUdpSender(parseHost('192.0.2.77')!)).toThrow(SelvageError);
});
