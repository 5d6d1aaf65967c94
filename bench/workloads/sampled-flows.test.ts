// What `ss -OHtin` says, many times over.
import { expect, test } from 'vitest';
import { parseSamples } from './sampled-flows.ts';

const line = (port: number, name: string, cwnd: number, acked: number) =>
  `0 100 100.64.0.2:43210 100.64.0.1:${port} ${name} wscale:7,7 rtt:20.1/0.2 mss:1448 cwnd:${cwnd} bytes_acked:${acked} segs_out:9`;

test('windows and bytes of each connection with data, since the first was seen', () => {
  const text = [
    'at 1000000000',
    line(5201, 'reno', 10, 37),
    'at 2000000000',
    line(5201, 'reno', 10, 37),
    line(5201, 'mine', 10, 0),
    'at 2500000000',
    line(5202, 'mine', 5, 1),
    line(5201, 'mine', 20, 30_000),
  ].join('\n');
  const [first, second] = parseSamples(text, 'mine', [5201, 5202]);
  expect(first).toEqual([
    { atSeconds: 0, packets: 10, ackedBytes: 0 },
    { atSeconds: 0.5, packets: 20, ackedBytes: 30_000 },
  ]);
  expect(second).toEqual([{ atSeconds: 0.5, packets: 5, ackedBytes: 1 }]);
});

test('a connection of which nothing was seen is an error', () => {
  expect(() => parseSamples(`at 1\n${line(5201, 'mine', 1, 1)}`, 'mine', [5201, 5202])).toThrow(/flow 2/);
});
