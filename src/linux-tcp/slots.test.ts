import { expect, test } from 'vitest';
import { slot as place } from './layout.ts';
import { Slots } from './slots.ts';

const SLOT = 1;

/** A flow as the kernel's half writes it: addresses in network byte order, IPv4 mapped into IPv6. */
function withFlow(source: readonly number[], destination: readonly number[]): Slots {
  const slots = new Slots(new ArrayBuffer(2 * place.bytes), 2);
  const at = SLOT * place.bytes;
  slots.bytes.set(source, at + place.sourceAt);
  slots.bytes.set(destination, at + place.destinationAt);
  slots.view.setUint16(at + place.sourcePortAt, 40_000, true);
  slots.view.setUint16(at + place.destinationPortAt, 443, true);
  slots.words[at / 4 + place.mssBytes] = 1448;
  slots.words[at / 4 + place.cwndBytes] = 14_480;
  slots.words[at / 4 + place.flow] = -2;
  return slots;
}

const mapped = (...address: number[]) => [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, ...address];

test('a flow is described in words and numbers', () => {
  const slots = withFlow(mapped(10, 0, 0, 1), mapped(192, 0, 2, 255));
  const flow = slots.flowIn(SLOT);
  expect(flow).toBe(2 ** 32 - 2);
  expect(slots.describe(SLOT, flow)).toEqual({
    id: flow,
    mssBytes: 1448,
    initialCwndBytes: 14_480,
    protocol: 'tcp',
    source: '10.0.0.1',
    sourcePort: 40_000,
    destination: '192.0.2.255',
    destinationPort: 443,
  });
});

test('IPv6 addresses are written as such', () => {
  const rest = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
  const slots = withFlow([0x20, 1, 0xd, 0xb8, ...rest], [0xfe, 0x80, 0, 0, ...rest]);
  expect(slots.describe(SLOT, slots.flowIn(SLOT))).toMatchObject({
    source: '2001:db8::1',
    destination: 'fe80::1',
  });
});

test('a flow that is gone, or was never there, is not', () => {
  const slots = withFlow(mapped(10, 0, 0, 1), mapped(10, 0, 0, 2));
  expect(slots.describe(SLOT, 5)).toBeUndefined();
  expect(slots.describe(7, 5)).toBeUndefined();
  expect(slots.flowIn(0)).toBe(0);
});
