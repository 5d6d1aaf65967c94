import { describe, expect, test } from 'vitest';
import { overheadBytes, vnicMtu } from './mtu.ts';
import type { VnicConfig } from './types.ts';

describe('MTU', () => {
  const vnic = (mtu?: number): VnicConfig => ({
    name: 'sel0',
    mac: 2,
    addresses: [],
    endpoint: false,
    sourceCheck: false,
    mtu,
  });

  const on = (mtu: number) => ({ mtu, family: 4 }) as const;

  test('what the headers take', () => {
    expect(overheadBytes(true, 4)).toBe(76);
    expect(overheadBytes(false, 4)).toBe(50);
    expect(overheadBytes(true, 6)).toBe(96);
    expect(overheadBytes(false, 6)).toBe(70);
  });

  test('the default is what is left', () => {
    expect(vnicMtu(true, vnic(), on(1500))).toBe(1424);
    expect(vnicMtu(false, vnic(), on(1500))).toBe(1450);
    expect(vnicMtu(true, vnic(1400), on(1500))).toBe(1400);
    expect(vnicMtu(true, vnic(), on(65_536))).toBe(65_460);
  });

  test('an interface that turns out too small is an error', () => {
    expect(() => vnicMtu(true, vnic(1425), on(1500))).toThrow(
      'sel0: 1425 does not fit, an underlay MTU of 1500 leaves 1424; write 1424 or less',
    );
    expect(() => vnicMtu(true, vnic(), on(600))).toThrow(
      "sel0: an underlay MTU of 600 leaves 524 bytes, and a vNIC needs 576; raise the underlay's MTU to 652",
    );
  });
});
