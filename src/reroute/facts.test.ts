import { expect, test } from 'vitest';
import type { RerouteEvent } from '../paths/reroute/core.ts';
import { asIpv6 } from '../wire/address.ts';
import { readStat } from './cpu.ts';
import { decisionsOf } from './facts.ts';

const SECOND = 1e6;
const peer = asIpv6(0x0a000201);
const event = (port: number, atMicros: number, more: Partial<RerouteEvent> = {}): RerouteEvent => ({
  atMicros,
  peer,
  event: 'port-left',
  reason: 'two-in-a-row',
  port,
  ...more,
});

test('ports that are left together are one decision', () => {
  const events = [
    event(10_007, SECOND),
    event(10_003, SECOND + 50_000),
    event(10_004, SECOND, { reason: 'with-others' }),
    event(10_005, 2 * SECOND),
    event(10_006, 2 * SECOND, { peer: asIpv6(0x0a000202) }),
    event(0, 2 * SECOND, { event: 'mode-full' }),
    event(0, 2 * SECOND, { event: 'mode-full' }),
  ];
  const told = decisionsOf(events, 'vxlan0', 3 * SECOND);
  expect(told.map(({ peer, secondsAgo, sourcePorts }) => [peer, secondsAgo, sourcePorts])).toEqual([
    ['10.0.2.1', 2, [10_003, 10_007]],
    ['10.0.2.1', 2, [10_004]],
    ['10.0.2.1', 1, [10_005]],
    ['10.0.2.2', 1, [10_006]],
    ['10.0.2.1', 1, []],
    ['10.0.2.1', 1, []],
  ]);
});

test('processors wait for disks, but guests are not counted twice', () => {
  const text = 'cpu  100 20 30 1000 50 5 15 0 90 10\ncpu0 1 2 3 4\n';
  expect(readStat(text)).toEqual({ busy: 170, total: 1220 });
});
