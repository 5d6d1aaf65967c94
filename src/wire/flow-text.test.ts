import { expect, it } from 'vitest';
import { formatFlow } from './flow-text.ts';

const ports = (40_000 << 16) | 7777;
const addresses = [0x20010db8, 0, 0, 1, 0x20010db8, 0, 0, 2];

it.each([
  [[0x0a000001, 0, 0, 0, 0x0a000002, 0, 0, 0, ports, 0x0406_0000, 0], 'tcp 10.0.0.1:40000 > 10.0.0.2:7777'],
  [[...addresses, ports, 0x0611_0007, 3], 'udp [2001:db8::1]:40000 > [2001:db8::2]:7777 vlan 7 flow 3'],
  [[0x0a000001, 0, 0, 0, 0x0a000002, 0, 0, 0, 0, 0x0401_0000, 0], 'icmp 10.0.0.1 > 10.0.0.2'],
  [[0x0a000001, 0, 0, 0, 0x0a000002, 0, 0, 0, 0, 0x0484_0000, 0], 'protocol 132 10.0.0.1 > 10.0.0.2'],
  [
    [0x0200, 1, 0, 0, 0x0200, 0x0a000002, 0, 0, 0x88b5, 0, 0],
    'ethertype 0x88b5 02:00:00:00:00:01 > 02:00:0a:00:00:02',
  ],
])('%j is %s', (words, text) => {
  expect(formatFlow(Uint32Array.from([9, ...words]), 1)).toBe(text);
});
